"""`foundations set`: changes how the queue is run, limits, and the priority of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foundations.cli import render
from foundations.cli.batch import WAITING, Result, act_on_each, choose, jobs_or_filter
from foundations.cli.context import connect, json_option, scheduler_argument

if TYPE_CHECKING:
    from foundations.models import QueueView

Command = TypeVar("Command", bound=Callable[..., Any])
_MOST = 10_000
_LIMIT = click.IntRange(0, _MOST)


@click.group("set")
def set_() -> None:
    """Change how the queue is run, how many jobs of whom may run, or the priority of jobs."""


@set_.command()
@scheduler_argument
@click.option(
    "--max-running-jobs", type=click.IntRange(1, _MOST), help="How many jobs may run at once."
)
@click.option(
    "--max-running-per-project", type=_LIMIT, help="How many of each project; 0 is no limit."
)
@click.option("--max-running-per-user", type=_LIMIT, help="How many of each user; 0 is no limit.")
@click.option(
    "--backfill-seconds",
    type=click.FloatRange(min=0),
    help="For how long at most later jobs may pass one that does not fit; 0 lets none pass.",
)
@json_option
def queue(scheduler: str, *, as_json: bool, **given: Any) -> None:
    """Change the queue's settings, now and after the server's next start.

    Running jobs are not touched when a number becomes smaller.
    """
    wanted = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        raise click.UsageError("say what to change, such as --max-running-jobs 4")
    _tell(connect(scheduler).set_queue_settings(**wanted), as_json=as_json)


def _limit_option(whose: str) -> Callable[[Command], Command]:
    return click.option(
        "--max-running",
        type=_LIMIT,
        required=True,
        help=f"How many jobs of the {whose} may run at once; 0 takes its own limit away.",
    )


@set_.command()
@scheduler_argument
@click.argument("name")
@_limit_option("project")
@json_option
def project(scheduler: str, name: str, *, max_running: int, as_json: bool) -> None:
    """Limit how many jobs of a project run at once."""
    settings = connect(scheduler).set_queue_settings(project_limits={name: max_running})
    _tell(settings, as_json=as_json)


@set_.command()
@scheduler_argument
@click.argument("name")
@_limit_option("user")
@json_option
def user(scheduler: str, name: str, *, max_running: int, as_json: bool) -> None:
    """Limit how many jobs of a user run at once."""
    settings = connect(scheduler).set_queue_settings(user_limits={name: max_running})
    _tell(settings, as_json=as_json)


def limit_lines(settings: QueueView) -> list[str]:
    """Say which limits there are beside that of all jobs: a line each."""
    each = (
        ("project", settings.max_running_per_project),
        ("user", settings.max_running_per_user),
    )
    single = (
        *(("project", *one) for one in settings.project_limits.items()),
        *(("user", *one) for one in settings.user_limits.items()),
    )
    return [
        *(f"At most {limit} job(s) of each {whose}" for whose, limit in each if limit),
        *(f"At most {limit} job(s) of {whose} {name}" for whose, name, limit in single),
    ]


def _tell(settings: QueueView, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.model_document(settings))
        return
    click.echo(f"At most {settings.max_running_jobs} job(s) run at once now")
    for line in limit_lines(settings):
        click.echo(render.clean(line, one_line=True))
    click.echo(f"Later jobs pass one that does not fit for at most {settings.backfill_seconds:g} s")


@set_.command()
@scheduler_argument
@jobs_or_filter
@click.option(
    "--priority",
    type=click.IntRange(-100, 100),
    required=True,
    help="From -100 to 100; larger goes first.",
)
@json_option
def job(
    scheduler: str,
    job_ids: tuple[str, ...],
    *,
    filter_: str | None,
    yes: bool,
    priority: int,
    as_json: bool,
) -> None:
    """Change the priority of jobs that wait."""
    client = connect(scheduler)

    def set_one(job_id: str) -> Result:
        view = client.set_priority(job_id, priority)
        place = f", place {view.waiting.position}" if view.waiting else ""
        message = f"Job {view.job_id} has priority {view.priority}{place}"
        return {"job_id": view.job_id, "priority": view.priority, "message": message}

    chosen = choose(client, job_ids, filter_, verb="changes", states=WAITING, yes=yes)
    act_on_each(chosen, set_one, scheduler=scheduler, as_json=as_json)
