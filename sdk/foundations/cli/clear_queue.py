"""`foundations clear-queue`: stops jobs that wait."""

from __future__ import annotations

import click

from foundations.cli import confirmation, render
from foundations.cli.batch import WAITING, matching_jobs
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.text.quantities import counted


@click.command("clear-queue")
@scheduler_argument
@click.option("--project", help="Only jobs of this project; all projects without it.")
@click.option("--filter", "-f", "filter_", metavar="FILTER", help="Only jobs that it takes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clear_queue(
    scheduler: str, *, project: str | None, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Stop every job that waits in the queue. Running jobs and archives stay.

    On a terminal it names them and asks first; with --filter a script must give --yes.
    """
    client = connect(scheduler)
    if not yes and (confirmation.is_answered() or filter_ is not None):
        found = matching_jobs(client, filter_, project=project, states=WAITING)
        if found:
            what = (
                f"stops {counted(len(found), 'waiting job')} {confirmation.scope(project, filter_)}"
            )
            confirmation.confirm_jobs(what, found, yes=False)
    cleared = client.clear_queue(project, filter=filter_)
    if as_json:
        render.print_json(render.model_document(cleared))
    else:
        click.echo(f"Removed {cleared.removed} job(s) from queue")
