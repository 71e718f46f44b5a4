"""`foundations set`: changes how the queue is run, the priority of jobs, and what projects keep."""

from __future__ import annotations

import click

from foundations.cli import render, retention
from foundations.cli.batch import WAITING, Result, act_on_each, choose, jobs_or_filter
from foundations.cli.context import connect, json_option, scheduler_argument


@click.group("set")
def set_() -> None:
    """Change how the queue is run, the priority of jobs, or what a project keeps."""


set_.add_command(retention.project)


@set_.command()
@scheduler_argument
@click.option(
    "--max-running-jobs",
    type=click.IntRange(1, 10_000),
    required=True,
    help="How many jobs may run at once.",
)
@json_option
def queue(scheduler: str, *, max_running_jobs: int, as_json: bool) -> None:
    """Change the queue's settings, now and after the server's next start.

    Running jobs are not touched when the number becomes smaller.
    """
    settings = connect(scheduler).set_queue_settings(max_running_jobs)
    if as_json:
        render.print_json(render.model_document(settings))
    else:
        click.echo(f"At most {settings.max_running_jobs} job(s) run at once now")


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
