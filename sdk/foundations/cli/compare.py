"""`foundations compare`: a table of what is not the same in several jobs."""

from __future__ import annotations

from typing import Any

import click

from foundations.cli import render
from foundations.cli.context import (
    connect,
    jobs_argument,
    json_option,
    naming,
    scheduler_argument,
)
from foundations.cli.groups import VerbGroup
from foundations.cli.job_values import cell, exact
from foundations.cli.render import Column, clean


@click.group(cls=VerbGroup)
def compare() -> None:
    """Compare jobs."""


@compare.command("jobs")
@scheduler_argument
@jobs_argument
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with exact values.")
def compare_jobs(scheduler: str, job_ids: tuple[str, ...], *, as_json: bool, as_csv: bool) -> None:
    """Print a table with a row for each job, and a column for all that is not the same in them."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    if len(job_ids) == 1:
        raise click.UsageError("One job cannot be compared. Give two or more.")
    from foundations import job_differences

    client = connect(scheduler)
    found = []
    for ref in job_ids:
        with naming(ref, scheduler):
            found.append(client.job(ref))
    names, values = job_differences.compare(found)
    ids = [one.job_id for one in found]
    if as_json:
        render.print_json(
            [
                {"job_id": job_id, **dict(zip(names, row, strict=True))}
                for job_id, row in zip(ids, values, strict=True)
            ]
        )
    elif as_csv:
        rows = [
            [job_id, *(exact(name, one) for name, one in zip(names, row, strict=True))]
            for job_id, row in zip(ids, values, strict=True)
        ]
        render.print_csv(["id", *names], rows)
    elif not names:
        click.echo("Nothing differs in what is known of the jobs.")
    else:
        _print_table(ids, names, values)


def _print_table(ids: list[str], names: list[str], values: list[list[Any]]) -> None:
    columns = [Column("JOB ID", narrowest=8, ellipsis=False)]
    columns += [
        Column(
            clean(name, one_line=True),
            narrowest=8,
            style=render.state if name == "state" else None,
        )
        for name in names
    ]
    rows = [
        [job_id, *(cell(name, one) for name, one in zip(names, row, strict=True))]
        for job_id, row in zip(ids, values, strict=True)
    ]
    render.print_table(columns, rows)
