"""`foundations pause` and `resume`: whether anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument

if TYPE_CHECKING:
    from foundations.models import PauseView, QueueView


@click.group()
def pause() -> None:
    """Start nothing any more."""


@pause.command("queue")
@scheduler_argument
@click.option("--project", help="Only jobs of this project; all projects without it.")
@json_option
def pause_queue(scheduler: str, *, project: str | None, as_json: bool) -> None:
    """Start no job until the queue is resumed, also after a restart. Jobs that run go on."""
    _tell(connect(scheduler).pause_queue(project), as_json=as_json)


@click.group()
def resume() -> None:
    """Start jobs again."""


@resume.command("queue")
@scheduler_argument
@click.option("--project", help="Only what was paused for this project.")
@json_option
def resume_queue(scheduler: str, *, project: str | None, as_json: bool) -> None:
    """Take a pause of the queue back. Pauses of projects outlast that of all."""
    _tell(connect(scheduler).resume_queue(project), as_json=as_json)


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
