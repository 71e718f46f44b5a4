"""`foundations tag` and `foundations untag`: words and values that jobs are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument

if TYPE_CHECKING:
    from foundations.models import JobView


@click.group()
def tag() -> None:
    """Tag jobs."""


@tag.command("job")
@scheduler_argument
@job_argument
@click.argument("tags", metavar="KEY[=VALUE]...", nargs=-1, required=True)
@json_option
def tag_job(scheduler: str, job_id: str, tags: tuple[str, ...], *, as_json: bool) -> None:
    """Give a job tags. A tag that it has already gets the new value."""
    pairs = [text.partition("=") for text in tags]
    for text, (key, _, _) in zip(tags, pairs, strict=True):
        if not key:
            raise click.UsageError(f"`{render.clean(text)}` has no key. Give KEY or KEY=VALUE.")
    client = connect(scheduler)
    with naming(job_id, scheduler):
        job = client.tag(job_id, {key: value for key, _, value in pairs})
    _tell(job, as_json=as_json)


@click.group()
def untag() -> None:
    """Remove tags from jobs."""


@untag.command("job")
@scheduler_argument
@job_argument
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@json_option
def untag_job(scheduler: str, job_id: str, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Remove tags from a job: all of these or, when it lacks one, none."""
    client = connect(scheduler)
    with naming(job_id, scheduler):
        found = client.job(job_id)
    _tell(client.untag(found.job_id, keys), as_json=as_json)


def _tell(job: JobView, *, as_json: bool) -> None:
    if as_json:
        render.print_json({"job_id": job.job_id, "tags": job.tags})
    elif job.tags:
        click.echo(render.clean(f"Tags of job {job.job_id}: {render.mapping(job.tags)}"))
    else:
        click.echo(f"Job {job.job_id} has no tags")
