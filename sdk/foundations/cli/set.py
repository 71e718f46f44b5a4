"""`foundations set`: changes how the queue is run."""

from __future__ import annotations

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument


@click.group("set")
def set_() -> None:
    """Change how the queue is run."""


@set_.command()
@scheduler_argument
@click.option(
    "--max-running-jobs",
    type=click.IntRange(1, 10_000),
    required=True,
    help="How many jobs may run at once.",
)
@json_option
def queue(scheduler: str, *, max_running_jobs: int, as_json: bool) -> None:
    """Change the queue's settings, now and after the server's next start.

    Running jobs are not touched when the number becomes smaller.
    """
    settings = connect(scheduler).set_queue_settings(max_running_jobs)
    if as_json:
        render.print_json(render.model_document(settings))
    else:
        click.echo(f"At most {settings.max_running_jobs} job(s) run at once now")
