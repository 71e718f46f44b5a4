"""`foundations note`: what people write about jobs."""

from __future__ import annotations

import sys

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.groups import VerbGroup


@click.group(cls=VerbGroup)
def note() -> None:
    """Write notes about jobs, or read them."""


@note.command()
@scheduler_argument
@job_argument
@click.argument("text", required=False)
@click.option("--list", "as_list", is_flag=True, help="Print the notes there are.")
@json_option
def job(scheduler: str, job_id: str, text: str | None, *, as_list: bool, as_json: bool) -> None:
    """Add the note TEXT (Markdown) to a job; `-` reads it from standard input."""
    if as_list == (text is not None):
        raise click.UsageError("Give either TEXT or --list.")
    if text is None:
        _list(scheduler, job_id, as_json=as_json)
        return
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise click.UsageError("The note is empty.")
    client = connect(scheduler)
    with naming(job_id, scheduler):
        added = client.note(job_id, text.strip("\n"))
    if as_json:
        render.print_json(render.model_document(added))
    else:
        click.echo(f"Added note {added.number} to job {job_id}")


def _list(scheduler: str, job_id: str, *, as_json: bool) -> None:
    client = connect(scheduler)
    with naming(job_id, scheduler):
        found = client.notes(job_id)
    if as_json:
        render.print_json([render.model_document(one) for one in found])
    elif found:
        render.print_notes(found)
    else:
        click.echo("No notes.")
