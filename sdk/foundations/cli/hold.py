"""`foundations hold` and `release`: keep jobs in the queue, and let them have their turn again."""

from __future__ import annotations

from typing import Any

import click

from foundations.cli.batch import WAITING, Result, act_on_each, choose, jobs_or_filter
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup


@click.group(cls=VerbGroup)
def hold() -> None:
    """Keep jobs in the queue."""


@hold.command("job")
@scheduler_argument
@jobs_or_filter
@json_option
def hold_job(
    scheduler: str, job_ids: tuple[str, ...], *, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Let jobs that wait not start until they are released. They hold nobody up."""
    client = connect(scheduler)

    def hold_one(job_id: str) -> Result:
        job = client.hold(job_id)
        message = f"Job {job.job_id} is held by {job.held_by}"
        return {"job_id": job.job_id, "held_by": job.held_by, "message": message}

    chosen = choose(
        client, job_ids, filter_, verb="holds", states=WAITING, is_one=_is_free, yes=yes
    )
    act_on_each(chosen, hold_one, scheduler=scheduler, as_json=as_json)


@click.group(cls=VerbGroup)
def release() -> None:
    """Let held jobs have their turn."""


@release.command("job")
@scheduler_argument
@jobs_or_filter
@json_option
def release_job(
    scheduler: str, job_ids: tuple[str, ...], *, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Let held jobs have their turn again, at their place."""
    client = connect(scheduler)

    def release_one(job_id: str) -> Result:
        job = client.release(job_id)
        return {"job_id": job.job_id, "held_by": None, "message": f"Job {job.job_id} is released"}

    chosen = choose(
        client, job_ids, filter_, verb="releases", states=WAITING, is_one=_is_held, yes=yes
    )
    act_on_each(chosen, release_one, scheduler=scheduler, as_json=as_json)


def _is_held(job: dict[str, Any]) -> bool:
    return job["held_by"] is not None


def _is_free(job: dict[str, Any]) -> bool:
    return job["held_by"] is None
