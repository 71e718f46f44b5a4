"""`foundations set`: how the queue is run, limits, priorities, and what projects keep."""

from __future__ import annotations

from typing import Any

import click

from foundations.cli import retention
from foundations.cli.batch import WAITING, Result, act_on_each, choose, jobs_or_filter
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.cli.queue_settings import LIMIT, MOST, tell


@click.group("set", cls=VerbGroup)
def set_() -> None:
    """Change how the queue is run, how many jobs of whom may run, priorities, or what is kept."""


set_.add_command(retention.project)


@set_.command()
@scheduler_argument
@click.option(
    "--max-running-jobs", type=click.IntRange(1, MOST), help="How many jobs may run at once."
)
@click.option(
    "--max-running-per-project", type=LIMIT, help="How many of each project; 0 is no limit."
)
@click.option("--max-running-per-user", type=LIMIT, help="How many of each user; 0 is no limit.")
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
    tell(connect(scheduler).set_queue_settings(**wanted), as_json=as_json)


@set_.command()
@scheduler_argument
@click.argument("name")
@click.option(
    "--max-running",
    type=LIMIT,
    required=True,
    help="How many jobs of the user may run at once; 0 takes the user's own limit away.",
)
@json_option
def user(scheduler: str, name: str, *, max_running: int, as_json: bool) -> None:
    """Limit how many jobs of a user run at once."""
    settings = connect(scheduler).set_queue_settings(user_limits={name: max_running})
    tell(settings, as_json=as_json)


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
        position = view.waiting.position if view.waiting else None
        place = "" if position is None else f", place {position}"
        message = f"Job {view.job_id} has priority {view.priority}{place}"
        return {"job_id": view.job_id, "priority": view.priority, "message": message}

    chosen = choose(client, job_ids, filter_, verb="changes", states=WAITING, yes=yes)
    act_on_each(chosen, set_one, scheduler=scheduler, as_json=as_json)
