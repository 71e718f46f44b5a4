"""`foundations list`: jobs, projects, the files of a job, environments and images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import job_columns, render
from foundations.cli.context import (
    connect,
    job_argument,
    json_option,
    naming,
    optional_scheduler_argument,
    scheduler_argument,
)
from foundations.cli.environments import list_environments
from foundations.cli.events import list_events
from foundations.cli.groups import VerbGroup
from foundations.cli.images import list_images
from foundations.cli.job_columns import JobColumn
from foundations.cli.render import Column
from foundations.cli.retention import kept
from foundations.cli.schedules import print_table as print_schedules
from foundations.job_states import JobState

if TYPE_CHECKING:
    from foundations.client import Client

STATES = tuple(state.value for state in JobState)
SHOWN = 50
"""Rows of a table when no number is asked for."""
LARGEST_OFFSET = 2**53


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which jobs are to be listed."""

    project: str | None
    states: tuple[str, ...]
    filter: str | None
    limit: int | None

    def read(
        self, client: Client, offset: int | None, *, newest: bool
    ) -> tuple[list[dict[str, Any]], str]:
        """Return the jobs, and in words how much of the list they are; empty for all of it."""
        from foundations.transport import paging

        if offset is None:
            found, more = paging.first_jobs(client, **asdict(self))
            kind = "newest" if newest else "first"
            shown = f"{kind} is" if len(found) == 1 else f"{kind} {len(found)} are"
            return found, f"The {shown} shown; --limit shows more." if more else ""
        found, total = paging.jobs_from(client, offset, **asdict(self))
        if not found:
            return found, f"The list has {total} jobs."
        end = offset + len(found)
        more_at = f"; --offset {end} shows the next" if end < total else ""
        return found, f"Jobs {offset + 1} to {end} of {total}{more_at}."


@click.group("list", cls=VerbGroup)
def list_() -> None:
    """List jobs, projects, schedules, files, environments, images, or what happened."""


@list_.command()
@optional_scheduler_argument
@click.option("--project", help="Only jobs of this project.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only jobs in this state."
)
@click.option(
    "--filter",
    "-f",
    "filter_",
    metavar="FILTER",
    help="Only jobs that it takes, such as 'metric.loss < 0.1 and not tag:old'.",
)
@click.option(
    "--sort",
    "sort_keys",
    multiple=True,
    metavar="FIELD",
    help="Order by this field, or by -FIELD from high to low; may be repeated.",
)
@click.option(
    "--columns",
    metavar="NAMES",
    help="Columns with commas between them, such as id,state,metric.loss,param.lr.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Most jobs to list. Default: {SHOWN}, with --json and --csv all.",
)
@click.option(
    "--offset",
    type=click.IntRange(min=0, max=LARGEST_OFFSET),
    help="Begin at this place of the list, where 0 is the first.",
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with exact values.")
def jobs(
    scheduler: str,
    *,
    project: str | None,
    states: tuple[str, ...],
    filter_: str | None,
    sort_keys: tuple[str, ...],
    columns: str | None,
    limit: int | None,
    offset: int | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List jobs, newest first."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    wanted = limit if limit is not None or as_json or as_csv else SHOWN
    chosen = None if columns is None else _columns(columns)
    asked = _Asked(project, states, _filter(filter_, sort_keys), wanted)
    found, rest = asked.read(connect(scheduler), offset, newest=not (sort_keys or filter_))
    if as_json:
        render.print_json(found if chosen is None else job_columns.documents(chosen, found))
    elif as_csv:
        shown = list(chosen or job_columns.all_columns(found))
        rows = job_columns.exact_rows(shown, found)
        render.print_csv([column.name for column in shown], rows)
    else:
        _print_jobs(found, chosen)
        if rest:
            click.echo(rest, err=True)


@list_.command()
@optional_scheduler_argument
@json_option
def projects(scheduler: str, *, as_json: bool) -> None:
    """List projects with how their jobs stand."""
    from foundations import calls

    found = connect(scheduler).json(calls.projects.projects())
    if as_json:
        render.print_json(found)
        return
    if not found:
        click.echo("No projects.")
        return
    has_rules = any(one.get("retention") for one in found)
    columns = [
        Column("PROJECT", narrowest=12),
        Column("JOBS"),
        Column("LAST SUBMITTED"),
        Column("STATES", narrowest=12),
        *([Column("KEEPS", droppable=True)] if has_rules else []),
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
                *([kept(one.get("retention"))] if has_rules else []),
                one.get("description", "").partition("\n")[0],
            ]
            for one in found
        ],
    )


@list_.command()
@optional_scheduler_argument
@json_option
def schedules(scheduler: str, *, as_json: bool) -> None:
    """List schedules: what is submitted again and again, and when next."""
    found = connect(scheduler).schedules()
    if as_json:
        render.print_json([render.model_document(one) for one in found])
    else:
        print_schedules(found)


@list_.command()
@scheduler_argument
@job_argument
@json_option
def files(scheduler: str, job_id: str, *, as_json: bool) -> None:
    """List the files of a job by their names in its archive, also while the job runs."""
    client = connect(scheduler)
    with naming(job_id, scheduler):
        found = client.files(job_id)
    if as_json:
        render.print_json(render.model_document(found))
        return
    columns = [Column("KIND"), Column("SIZE"), Column("FILE", narrowest=12)]
    rows = [[one.kind, render.size(one.size_bytes), one.path] for one in found.files]
    render.print_table(columns, rows)
    if found.left_out:
        click.echo(f"{found.left_out} more files are not listed.", err=True)


list_.add_command(list_environments)
list_.add_command(list_events)
list_.add_command(list_images)


_COLUMNS = (
    Column("JOB ID", narrowest=8, ellipsis=False),
    Column("PROJECT", narrowest=8),
    Column("STATE", style=render.state),
    Column("ARRAY", droppable=True),
    Column("SUBMITTED"),
    Column("DURATION"),
    Column("METRICS", narrowest=10, droppable=True),
    Column("PARAMETERS", narrowest=10, droppable=True),
    Column("REASON", narrowest=10, droppable=True),
)


_LOCAL_AT = 3
"""Where the column stands that only lists with local runs have."""


def _columns(text: str) -> list[JobColumn]:
    try:
        return job_columns.parse_columns(text)
    except click.BadParameter as error:
        error.param_hint = "'--columns'"
        raise


def _filter(filter_: str | None, sort_keys: Iterable[str]) -> str | None:
    """The filter with what to sort by behind it, so that places in its errors are right."""
    parts = [] if filter_ is None else [filter_]
    parts += [f"sort:{key}" for key in sort_keys]
    return " ".join(parts) if parts else None


def _print_jobs(found: list[Any], chosen: list[JobColumn] | None) -> None:
    if not found:
        click.echo("No jobs.")
        return
    if chosen is None:
        marks = [Column("LOCAL")] if any(job.get("local") for job in found) else []
        columns = [*_COLUMNS[:_LOCAL_AT], *marks, *_COLUMNS[_LOCAL_AT:]]
        render.print_table(columns, [_row(job, marked=bool(marks)) for job in found])
    else:
        rows = [[one.cell(job) for one in chosen] for job in found]
        render.print_table([one.column for one in chosen], rows)


def _row(job: dict[str, Any], *, marked: bool) -> list[str]:
    waiting = job.get("waiting")
    return [
        job["job_id"],
        job["project"],
        job["state"],
        *(["local" if job.get("local") else ""] if marked else []),
        _array(job.get("array")),
        render.local_time(_moment(job["submitted_at"])),
        render.duration(job["duration_seconds"]),
        render.mapping(job["metrics"]),
        render.mapping(job["parameters"]),
        (waiting["reason"] if waiting else job["reason"]) or "",
    ]


def _array(place: dict[str, Any] | None) -> str:
    """A job's place in its array, as commands take it for the job's id."""
    return "" if place is None else f"{place['array_id'][:8]}_{place['index']}"


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
