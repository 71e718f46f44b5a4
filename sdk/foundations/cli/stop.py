"""`foundations stop`: ends jobs that run or wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from foundations.cli.batch import (
    Result,
    act_on_each,
    confirm_count,
    jobs_or_filter,
    refusal,
    tell_results,
    typed_ids,
)
from foundations.cli.context import connect, json_option, scheduler_argument, unknown
from foundations.cli.groups import NounGroup
from foundations.errors import JobConflict, NotFound
from foundations.job_states import STOPPABLE_STATES

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobDetail, JobsStopped

WAIT_SECONDS = 60.0
"""Longest wait for jobs to end after they were asked to."""


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

    Several are asked to end in one step; each result is told.
    A running job gets SIGTERM, and SIGKILL when it does not end within the server's grace period.
    """
    client = connect(scheduler)
    ids = typed_ids(job_ids, filter_)

    def stop_one(job_id: str) -> Result:
        return _stop(client, job_id, wait=not no_wait)

    if len(ids) == 1:
        act_on_each(ids, stop_one, scheduler=scheduler, as_json=as_json)
        return
    if filter_ is None:
        answer = client.stop_jobs(ids)
    else:
        at_most = confirm_count(client, filter_, verb="stops", states=STOPPABLE_STATES, yes=yes)
        answer = client.stop_jobs(filter=filter_, at_most=at_most)
    seconds = 0.0 if no_wait else WAIT_SECONDS
    tell_results(_results(client, answer, scheduler, seconds), as_json=as_json, nothing="No jobs.")


def _results(
    client: Client, answer: JobsStopped, scheduler: str, wait_seconds: float
) -> Iterator[Result]:
    """What became of each of several jobs; waits until those that run have ended."""
    for refused in answer.refused:
        if refused.error == NotFound.code:
            yield refusal(refused.job, unknown(refused.job, scheduler))
        else:
            yield {"job_id": refused.job, "error": refused.error, "message": refused.message}
    for job_id in answer.stopped:
        yield {"job_id": job_id, "state": "stopped", "message": f"Stopped queued job {job_id}"}
    deadline = time.monotonic() + wait_seconds
    for job_id in answer.stopping:
        yield _awaited(client, job_id, max(0.0, deadline - time.monotonic()))


def _awaited(client: Client, job_id: str, seconds: float) -> Result:
    """What became of a job that was asked to end."""
    if not seconds:
        return {"job_id": job_id, "state": "stopping", "message": f"Job {job_id} is stopping"}
    after = _ended(client, job_id, seconds)
    message = _describe(after, was_queued=False)
    return {"job_id": job_id, "state": str(after.state), "message": message}


def _stop(client: Client, job_id: str, *, wait: bool) -> Result:
    before = client.job(job_id)
    try:
        client.stop(before.job_id)
    except JobConflict as error:
        raise JobConflict(_refusal(client.job(before.job_id))) from error
    after = client.job(before.job_id)
    if wait and after.state == "stopping":
        after = _ended(client, before.job_id, WAIT_SECONDS)
    message = _describe(after, was_queued=before.state == "queued")
    return {"job_id": after.job_id, "state": str(after.state), "message": message}


def _ended(client: Client, job_id: str, seconds: float) -> JobDetail:
    """Wait for the end of a job; gives it as it is then when that takes longer."""
    try:
        return client.wait(job_id, timeout_seconds=seconds)
    except TimeoutError:
        return client.job(job_id)


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
