"""`foundations list`: jobs and projects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.render import Column

if TYPE_CHECKING:
    from foundations.client import Client

STATES = (
    "queued",
    "starting",
    "running",
    "stopping",
    "completed",
    "failed",
    "stopped",
    "lost",
    "pruned",
)
SHOWN = 50
"""Rows of a table when no number is asked for."""
PAGE = 200
"""Jobs that are asked for at once."""


@click.group("list")
def list_() -> None:
    """List jobs or projects."""


@list_.command()
@optional_scheduler_argument
@click.option("--project", help="Only jobs of this project.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only jobs in this state."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Most jobs to list. Default: {SHOWN}, with --json all.",
)
@json_option
def jobs(
    scheduler: str,
    *,
    project: str | None,
    states: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    wanted = limit if limit is not None or as_json else SHOWN
    found, more = _collect(connect(scheduler), project=project, states=states, limit=wanted)
    if as_json:
        render.print_json(found)
        return
    if not found:
        click.echo("No jobs.")
        return
    render.print_table(_COLUMNS, [_row(job) for job in found])
    if more:
        click.echo(f"The newest {len(found)} are shown; --limit shows more.", err=True)


@list_.command()
@optional_scheduler_argument
@json_option
def projects(scheduler: str, *, as_json: bool) -> None:
    """List projects with how their jobs stand."""
    from foundations import calls

    found = connect(scheduler).json(calls.projects())
    if as_json:
        render.print_json(found)
        return
    if not found:
        click.echo("No projects.")
        return
    columns = [
        Column("PROJECT", narrowest=12),
        Column("JOBS"),
        Column("LAST SUBMITTED"),
        Column("STATES", narrowest=12),
        Column("DESCRIPTION", narrowest=12, droppable=True),
    ]
    render.print_table(
        columns,
        [
            [
                one["name"],
                str(one["jobs"]),
                render.local_time(_moment(one["last_submitted_at"])),
                ", ".join(f"{count} {state}" for state, count in one["states"].items() if count),
                one.get("description", "").partition("\n")[0],
            ]
            for one in found
        ],
    )


_COLUMNS = (
    Column("JOB ID", narrowest=8, ellipsis=False),
    Column("PROJECT", narrowest=8),
    Column("STATE", style=render.state),
    Column("SUBMITTED"),
    Column("DURATION"),
    Column("METRICS", narrowest=10, droppable=True),
    Column("PARAMETERS", narrowest=10, droppable=True),
    Column("REASON", narrowest=10, droppable=True),
)


def _collect(
    client: Client, *, project: str | None, states: Iterable[str], limit: int | None
) -> tuple[list[Any], bool]:
    """Read pages until there are enough jobs. Returns them, and whether there are more."""
    from foundations import calls

    found: list[Any] = []
    cursor = None
    while True:
        size = PAGE if limit is None else min(PAGE, limit - len(found))
        call = calls.jobs(project=project, states=states, limit=size, cursor=cursor)
        page = client.json(call)
        found += page["jobs"]
        cursor = page.get("next_cursor")
        if cursor is None or (limit is not None and len(found) >= limit):
            return found, cursor is not None


def _row(job: dict[str, Any]) -> list[str]:
    waiting = job.get("waiting")
    return [
        job["job_id"],
        job["project"],
        job["state"],
        render.local_time(_moment(job["submitted_at"])),
        render.duration(job["duration_seconds"]),
        render.mapping(job["metrics"]),
        render.mapping(job["parameters"]),
        (waiting["reason"] if waiting else job["reason"]) or "",
    ]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
