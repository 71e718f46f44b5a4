"""`foundations get file`: one file of a job."""

from __future__ import annotations

import shlex

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.output_file import output_options, save
from foundations.errors import NotFound


@click.command("file")
@scheduler_argument
@job_argument
@click.argument("path")
@output_options
@json_option
def file_(
    scheduler: str, job_id: str, path: str, *, output: str | None, force: bool, as_json: bool
) -> None:
    """Get the file PATH of a job, as `list files` names it, also while the job runs."""
    client = connect(scheduler)
    with naming(job_id, scheduler):
        full_id = client.job(job_id).job_id
    try:
        saved = save(client.file(full_id, path), output, name=path, force=force)
    except NotFound as error:
        listing = f"foundations list files {shlex.quote(scheduler)} {full_id[:8]}"
        error.add_note(f"`{listing}` shows those that it has.")
        raise
    if saved is None:
        return
    if as_json:
        render.print_json({"job_id": full_id, "file": path, "path": str(saved.absolute())})
    else:
        click.echo(f"Saved file {render.clean(path, one_line=True)} to {saved}")
