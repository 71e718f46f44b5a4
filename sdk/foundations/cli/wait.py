"""`foundations wait`: waits until a job has ended."""

from __future__ import annotations

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.groups import JOB_NOT_COMPLETED, CommandFailed


@click.group()
def wait() -> None:
    """Wait until a job has ended."""


@wait.command()
@scheduler_argument
@job_argument
@click.option("--timeout", type=click.FloatRange(min=0), help="Longest wait in seconds.")
@json_option
@click.pass_context
def job(
    ctx: click.Context, scheduler: str, job_id: str, *, timeout: float | None, as_json: bool
) -> None:
    """Wait until a job has ended.

    The exit code is 0 when it completed and 3 when it ended in another way.
    """
    client = connect(scheduler)
    try:
        with naming(job_id, scheduler):
            ended = client.wait(job_id, timeout_seconds=timeout)
    except TimeoutError as error:
        raise CommandFailed(f"Job `{job_id}` has not ended after {timeout:g} seconds") from error
    if as_json:
        render.print_json(render.model_document(ended))
    else:
        reason = f": {ended.reason}" if ended.reason and ended.state != "completed" else ""
        click.echo(render.clean(f"Job {ended.job_id} is {ended.state}{reason}"))
    if ended.state != "completed":
        ctx.exit(JOB_NOT_COMPLETED)
