"""`foundations clear-queue`: stops every job that waits."""

from __future__ import annotations

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument


@click.command("clear-queue")
@scheduler_argument
@click.option("--project", help="Only jobs of this project; all projects without it.")
@json_option
def clear_queue(scheduler: str, *, project: str | None, as_json: bool) -> None:
    """Stop every job that waits in the queue. Running jobs and archives stay."""
    cleared = connect(scheduler).clear_queue(project)
    if as_json:
        render.print_json(render.model_document(cleared))
    else:
        click.echo(f"Removed {cleared.removed} job(s) from queue")
