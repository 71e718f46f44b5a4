"""`foundations diff`: what differs between two jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import completion, render
from foundations.cli.context import connect, json_option, naming, scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.cli.job_values import cell
from foundations.cli.render import Column, clean

if TYPE_CHECKING:
    from foundations.job_differences import Difference
    from foundations.models import SourceDiff

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_MARKS = {"added": "A", "removed": "D", "changed": "M", "unknown": "?"}
_SHORT_ID = 8


@click.group(cls=VerbGroup)
def diff() -> None:
    """Show what differs between two jobs."""


@diff.command("jobs")
@scheduler_argument
@click.argument("first", metavar="JOB_ID", shell_complete=completion.complete_job)
@click.argument("second", metavar="JOB_ID", shell_complete=completion.complete_job)
@click.option("--source", is_flag=True, help="Compare the files that they ran, too.")
@json_option
def diff_jobs(scheduler: str, first: str, second: str, *, source: bool, as_json: bool) -> None:
    """Show what differs between two jobs: parameters, metrics, environment, image and so on."""
    from foundations.job_differences import differences

    client = connect(scheduler)
    found = []
    for ref in (first, second):
        with naming(ref, scheduler):
            found.append(client.job(ref))
    left, right = found
    rows = differences(left, right)
    files = client.source_diff(left.job_id, right.job_id) if source else None
    if as_json:
        document: dict[str, Any] = {
            "jobs": [left.job_id, right.job_id],
            "differences": [asdict(row) for row in rows],
        }
        if files is not None:
            document["source"] = render.model_document(files)
        render.print_json(document)
        return
    _print_rows(rows, left.job_id, right.job_id)
    if files is not None:
        _print_source(files)


def _print_rows(rows: list[Difference], left: str, right: str) -> None:
    if not rows:
        click.echo("Nothing differs in what is known of the jobs.")
        return
    columns = [
        Column("NAME", narrowest=10),
        Column(left[:_SHORT_ID], narrowest=8),
        Column(right[:_SHORT_ID], narrowest=8),
        Column("DELTA", droppable=True),
    ]
    render.print_table(
        columns,
        [
            [
                row.name,
                cell(row.name, row.left),
                cell(row.name, row.right),
                "" if row.delta is None else f"{row.delta:+.6g}",
            ]
            for row in rows
        ],
    )


def _print_source(source: SourceDiff) -> None:
    if not source.files:
        click.echo("\nThe files of the jobs are the same.")
        return
    click.echo("\nFiles")
    for file in source.files:
        note = f" ({file.omitted})" if file.omitted else ""
        click.echo(f"{_MARKS[file.change]} {clean(file.path, one_line=True)}{note}")
    if source.left_out:
        click.echo(f"and {source.left_out} more")
    for file in source.files:
        if file.diff:
            click.echo()
            for line in file.diff.removesuffix("\n").split("\n"):
                click.echo(click.style(clean(line, one_line=True), fg=_COLOURS.get(line[:1])))
