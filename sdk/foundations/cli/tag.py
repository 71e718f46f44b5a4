"""`foundations tag` and `foundations untag`: words and values that jobs are found by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foundations.cli import completion, render
from foundations.cli.batch import Result, act_on_each, choose, filter_options
from foundations.cli.context import connect, json_option, naming, scheduler_argument
from foundations.cli.groups import CommandFailed, VerbGroup
from foundations.errors import NotFound

if TYPE_CHECKING:
    from foundations.models import JobView


F = TypeVar("F", bound=Callable[..., Any])


def _words(metavar: str) -> Callable[[F], F]:
    return click.argument(
        "words", metavar=metavar, nargs=-1, required=True, shell_complete=completion.complete_job
    )


@click.group(cls=VerbGroup)
def tag() -> None:
    """Tag jobs."""


@tag.command("job")
@scheduler_argument
@_words("JOB_ID[,JOB_ID...] KEY[=VALUE]...")
@filter_options
@json_option
def tag_job(
    scheduler: str, words: tuple[str, ...], *, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Give jobs tags. A tag that a job has already gets the new value.

    Several jobs are written with commas between them, or chosen with --filter.
    """
    job_ids, tags = _split(words, filter_)
    pairs = [text.partition("=") for text in tags]
    for text, (key, _, _) in zip(tags, pairs, strict=True):
        if not key:
            raise click.UsageError(f"`{render.clean(text)}` has no key. Give KEY or KEY=VALUE.")
    client = connect(scheduler)

    def tag_one(job_id: str) -> Result:
        return _told(client.tag(job_id, {key: value for key, _, value in pairs}))

    chosen = choose(client, job_ids, filter_, verb="tags", yes=yes)
    _act(chosen, tag_one, scheduler=scheduler, as_json=as_json)


@click.group(cls=VerbGroup)
def untag() -> None:
    """Remove tags from jobs."""


@untag.command("job")
@scheduler_argument
@_words("JOB_ID[,JOB_ID...] KEY...")
@filter_options
@json_option
def untag_job(
    scheduler: str, words: tuple[str, ...], *, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Remove tags from jobs: all of these or, where a job lacks one, none.

    Several jobs are written with commas between them, or chosen with --filter.
    """
    job_ids, keys = _split(words, filter_)
    client = connect(scheduler)

    def untag_one(job_id: str) -> Result:
        with naming(job_id, scheduler):
            found = client.job(job_id)
        try:
            return _told(client.untag(found.job_id, keys))
        except NotFound as error:
            # It is the tag that is not there: `naming` would say that of the job.
            return {"job_id": found.job_id, "error": error.code, "message": error.message}

    chosen = choose(client, job_ids, filter_, verb="removes tags from", yes=yes)
    _act(chosen, untag_one, scheduler=scheduler, as_json=as_json)


def _split(words: tuple[str, ...], filter_: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell ids from tags: with a filter there are only tags, else the first word has the ids."""
    ids = "" if filter_ is not None else words[0]
    job_ids = tuple(one for one in ids.split(",") if one)
    rest = words if filter_ is not None else words[1:]
    if not rest:
        raise click.UsageError("Missing argument 'KEY...'.")
    return job_ids, rest


def _act(
    job_ids: list[str], act: Callable[[str], Result], *, scheduler: str, as_json: bool
) -> None:
    """Tell of one job as one document, of several as a list."""
    if len(job_ids) != 1:
        act_on_each(job_ids, act, scheduler=scheduler, as_json=as_json)
        return
    with naming(job_ids[0], scheduler):
        result = act(job_ids[0])
    if "error" in result:
        raise CommandFailed(result["message"])
    if as_json:
        render.print_json({"job_id": result["job_id"], "tags": result["tags"]})
    else:
        click.echo(render.clean(result["message"]))


def _told(job: JobView) -> Result:
    tags = f"Tags of job {job.job_id}: {render.mapping(job.tags)}"
    message = tags if job.tags else f"Job {job.job_id} has no tags"
    return {"job_id": job.job_id, "tags": job.tags, "message": message}
