"""`foundations wait`: waits until a job has ended."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import click

from foundations.cli import completion, render
from foundations.cli.batch import FINAL, matching_jobs
from foundations.cli.context import (
    connect,
    json_option,
    naming,
    one_job,
    scheduler_argument,
)
from foundations.cli.groups import JOB_NOT_COMPLETED, CommandFailed, VerbGroup
from foundations.cli.wait_line import telling
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobDetail


@click.group(cls=VerbGroup)
def wait() -> None:
    """Wait until a job has ended."""


@wait.command()
@scheduler_argument
@click.argument("job_id", required=False, callback=one_job, shell_complete=completion.complete_job)
@click.option(
    "--filter", "-f", "filter_", metavar="FILTER", help="All jobs that it takes, in place of an id."
)
@click.option("--timeout", type=click.FloatRange(min=0), help="Longest wait in seconds.")
@json_option
@click.pass_context
def job(
    ctx: click.Context,
    scheduler: str,
    job_id: str | None,
    *,
    filter_: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Wait until a job has ended, or with --filter all jobs that it takes at this moment.

    The exit code is 0 when it completed and 3 when it ended in another way.
    """
    if (job_id is None) == (filter_ is None):
        raise click.UsageError("Give a JOB_ID, or --filter for several jobs.")
    client = connect(scheduler)
    if filter_ is not None:
        _wait_for_all(ctx, client, filter_, timeout, as_json=as_json)
        return
    assert job_id is not None
    with naming(job_id, scheduler):
        ended = _ended(client, job_id, timeout)
    if as_json:
        render.print_json(render.model_document(ended))
    else:
        reason = f": {ended.reason}" if ended.reason and ended.state != "completed" else ""
        click.echo(render.clean(f"Job {ended.job_id} is {ended.state}{reason}"))
    if ended.state != "completed":
        ctx.exit(JOB_NOT_COMPLETED)


def _wait_for_all(
    ctx: click.Context, client: Client, filter_: str, timeout: float | None, *, as_json: bool
) -> None:
    deadline = None if timeout is None else time.monotonic() + timeout
    states = {job["job_id"]: job["state"] for job in matching_jobs(client, filter_)}
    for job_id, state in states.items():
        if state not in FINAL:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ended = sum(one in FINAL for one in states.values())
            before = f"{ended} of {_have(len(states))} ended. "
            states[job_id] = str(_ended(client, job_id, left, told=timeout, before=before).state)
    if as_json:
        documents = [{"job_id": job_id, "state": state} for job_id, state in states.items()]
        render.print_json(documents)
    else:
        count = Counter(states.values())
        told = ", ".join(f"{count[state]} {state}" for state in FINAL if count[state])
        click.echo(f"{_have(len(states))} ended: {told}" if states else "No jobs.")
    if any(state != "completed" for state in states.values()):
        ctx.exit(JOB_NOT_COMPLETED)


def _have(jobs: int) -> str:
    return f"{counted(jobs)} {'has' if jobs == 1 else 'have'}"


def _ended(
    client: Client,
    job_id: str,
    timeout: float | None,
    *,
    told: float | None = None,
    before: str = "",
) -> JobDetail:
    try:
        with telling(client, job_id, before=before):
            return client.wait(job_id, timeout_seconds=timeout)
    except TimeoutError as error:
        seconds = timeout if told is None else told
        raise CommandFailed(f"Job `{job_id}` has not ended after {seconds:g} seconds") from error
