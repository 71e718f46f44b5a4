"""`foundations stop`: ends jobs that run or wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli.batch import ACTIVE, Result, act_on_each, choose, jobs_or_filter
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import NounGroup
from foundations.errors import JobConflict

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobDetail

WAIT_SECONDS = 60.0
"""Longest wait for a job to end after it was asked to."""


@click.group(cls=NounGroup, default_noun="job")
def stop() -> None:
    """Stop jobs that run or wait."""


@stop.command()
@scheduler_argument
@jobs_or_filter
@click.option("--no-wait", is_flag=True, help="Return as soon as the job is asked to end.")
@json_option
def job(
    scheduler: str,
    job_ids: tuple[str, ...],
    *,
    filter_: str | None,
    yes: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Stop jobs. The word `job` may be left out.

    A running job gets SIGTERM, and SIGKILL when it does not end within the server's grace period.
    """
    client = connect(scheduler)

    def stop_one(job_id: str) -> Result:
        return _stop(client, job_id, wait=not no_wait)

    chosen = choose(client, job_ids, filter_, verb="stops", states=ACTIVE, yes=yes)
    act_on_each(chosen, stop_one, scheduler=scheduler, as_json=as_json)


def _stop(client: Client, job_id: str, *, wait: bool) -> Result:
    before = client.job(job_id)
    try:
        client.stop(before.job_id)
    except JobConflict as error:
        raise JobConflict(_refusal(client.job(before.job_id))) from error
    after = client.job(before.job_id)
    if wait and after.state == "stopping":
        try:
            after = client.wait(before.job_id, timeout_seconds=WAIT_SECONDS)
        except TimeoutError:
            after = client.job(before.job_id)
    message = _describe(after, was_queued=before.state == "queued")
    return {"job_id": after.job_id, "state": str(after.state), "message": message}


def _describe(job: JobDetail, *, was_queued: bool) -> str:
    if job.state == "stopping" and job.local:
        return (
            f"Job {job.job_id} is stopping: a local run in a notebook or on another machine ends "
            "when it looks at should_stop()"
        )
    if job.state == "stopping":
        return f"Job {job.job_id} is stopping"
    kind = "queued" if was_queued and job.started_at is None else "running"
    return f"Stopped {kind} job {job.job_id}"


def _refusal(job: JobDetail) -> str:
    if job.state == "stopped":
        return f"Job `{job.job_id}` is stopped already"
    return f"Job `{job.job_id}` is {job.state} and cannot be stopped"
