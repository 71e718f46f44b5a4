"""`foundations pause` and `resume`: whether anything starts, and whether a schedule submits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.cli.schedules import act_on_schedules, schedules_argument

if TYPE_CHECKING:
    from foundations.models import PauseView, QueueView


@click.group(cls=VerbGroup)
def pause() -> None:
    """Start nothing any more."""


@pause.command("queue")
@scheduler_argument
@click.option("--project", help="Only jobs of this project; all projects without it.")
@json_option
def pause_queue(scheduler: str, *, project: str | None, as_json: bool) -> None:
    """Start no job until the queue is resumed, also after a restart. Jobs that run go on."""
    _tell(connect(scheduler).pause_queue(project), as_json=as_json)


@pause.command("schedule")
@scheduler_argument
@schedules_argument
@json_option
def pause_schedule(scheduler: str, schedule_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Submit nothing at the times of a schedule until it is resumed."""
    client = connect(scheduler)

    def pause_one(ref: str) -> str:
        return f"Schedule {client.pause_schedule(ref).schedule_id} is paused"

    act_on_schedules(schedule_ids, pause_one, as_json=as_json)


@click.group(cls=VerbGroup)
def resume() -> None:
    """Start jobs again."""


@resume.command("queue")
@scheduler_argument
@click.option("--project", help="Only what was paused for this project.")
@json_option
def resume_queue(scheduler: str, *, project: str | None, as_json: bool) -> None:
    """Take a pause of the queue back. Pauses of projects outlast that of all."""
    _tell(connect(scheduler).resume_queue(project), as_json=as_json)


@resume.command("schedule")
@scheduler_argument
@schedules_argument
@json_option
def resume_schedule(scheduler: str, schedule_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Submit again at the times of a schedule, from the next one on."""
    client = connect(scheduler)

    def resume_one(ref: str) -> str:
        resumed = client.resume_schedule(ref)
        moment = render.local_time(resumed.next_at)
        return f"Schedule {resumed.schedule_id} submits next at {moment}"

    act_on_schedules(schedule_ids, resume_one, as_json=as_json)


def pause_lines(queue: QueueView) -> list[str]:
    """Say what is paused, by whom and since when: a line each."""
    whole = [] if queue.paused is None else [_line("The queue", queue.paused)]
    return whole + [_line(f"Project {one.project}", one) for one in queue.paused_projects]


def _line(what: str, pause: PauseView) -> str:
    return f"{what} is paused by {pause.by} since {render.local_time(pause.at)}"


def _tell(queue: QueueView, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.model_document(queue))
        return
    for line in pause_lines(queue) or ["The queue runs"]:
        click.echo(render.clean(line, one_line=True))
