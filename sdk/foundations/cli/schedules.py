"""What the commands about schedules share: how one is shown, and one thing done to several."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foundations.cli import render
from foundations.cli.batch import tell_each
from foundations.cli.render import Column
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.models import ScheduleView

F = TypeVar("F", bound=Callable[..., Any])


def schedules_argument(function: F) -> F:
    """Take one or more schedules by their ids or unique beginnings of them."""
    return click.argument("schedule_ids", metavar="SCHEDULE...", nargs=-1, required=True)(function)


def act_on_schedules(
    schedule_ids: Iterable[str], act: Callable[[str], str], *, as_json: bool
) -> None:
    """Run `act` for every schedule, print what it says, and exit with 1 when one was refused."""
    tell_each(
        schedule_ids,
        lambda ref: {"schedule": ref, "message": act(ref)},
        key="schedule",
        as_json=as_json,
    )


def print_table(schedules: Sequence[ScheduleView]) -> None:
    """Print a line a schedule."""
    if not schedules:
        click.echo("No schedules.")
        return
    columns = [
        Column("SCHEDULE", narrowest=8, ellipsis=False),
        Column("PROJECT", narrowest=8),
        Column("CRON"),
        Column("TIME ZONE", droppable=True),
        Column("NEXT"),
        Column("LAST JOB"),
        Column("COMMAND", narrowest=10, droppable=True),
    ]
    rows = [
        [
            one.schedule_id,
            one.project,
            one.cron,
            one.time_zone,
            _next(one),
            _last_job(one) or render.MISSING,
            shlex.join(one.spec.command),
        ]
        for one in schedules
    ]
    render.print_table(columns, rows)
    for one in schedules:
        if one.problem is not None:
            click.echo(f"Schedule {one.schedule_id[:8]}: {one.problem}", err=True)


def print_schedule(one: ScheduleView, *, scheduler: str) -> None:
    """Print everything about a schedule."""
    fields = [
        ("Schedule", one.schedule_id),
        ("Project", one.project),
        ("Cron", f"{one.cron} ({one.time_zone})"),
        ("Next", _next(one)),
        ("Last", render.local_time(one.last_at)),
        ("Last job", _last_job(one)),
        (
            "Skipped",
            f"{counted(one.skipped, 'time')}: its last job had not ended, or too many waited"
            if one.skipped
            else "",
        ),
        ("Problem", one.problem or ""),
        ("Overlap", one.overlap),
        ("Command", shlex.join(one.spec.command)),
        ("Image", one.spec.image or ""),
        ("User", one.created_by),
        ("Made", render.local_time(one.created_at)),
        ("Bundle", one.bundle),
        ("Its jobs", f"foundations list jobs {scheduler} -f schedule:{one.schedule_id[:8]}"),
    ]
    render.print_fields([(name, text) for name, text in fields if text])


def _next(one: ScheduleView) -> str:
    if one.paused_by is not None:
        return f"paused by {one.paused_by}"
    return render.local_time(one.next_at) if one.next_at else "never"


def _last_job(one: ScheduleView) -> str:
    if one.last_job_id is None:
        return ""
    return f"{one.last_job_id[:8]} ({one.last_job_state or 'deleted'})"
