"""`foundations show`: everything about one job or array, where a job comes from, or the queue."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from foundations.cli import provenance_fields, render
from foundations.cli.arrays import print_array
from foundations.cli.context import (
    connect,
    job_argument,
    json_option,
    naming,
    optional_scheduler_argument,
    scheduler_argument,
)
from foundations.cli.groups import VerbGroup
from foundations.cli.job_fields import expected_start, fields
from foundations.cli.pause import pause_lines
from foundations.cli.queue_settings import limit_lines
from foundations.cli.render import Column
from foundations.cli.schedules import print_schedule

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import Change, JobDetail, JobView


@click.group(cls=VerbGroup)
def show() -> None:
    """Show one job, array or schedule, where a job comes from, or the queue."""


@show.command()
@scheduler_argument
@job_argument
@json_option
def job(scheduler: str, job_id: str, *, as_json: bool) -> None:
    """Show everything about one job."""
    client = connect(scheduler)
    with naming(job_id, scheduler):
        detail = client.job(job_id)
    if as_json:
        render.print_json(render.model_document(detail))
        return
    render.print_fields([(name, text) for name, text in fields(detail) if text])
    _print_provenance(detail)
    _print_series(detail)
    _print_artifacts(detail)
    _print_notes(detail)
    _print_history(detail)


@show.command()
@scheduler_argument
@job_argument
@click.option("--diff", is_flag=True, help="Print only what was changed since the commit.")
@json_option
def provenance(scheduler: str, job_id: str, *, diff: bool, as_json: bool) -> None:
    """Show where a job comes from and what it ran on, with all packages and files."""
    if diff and as_json:
        raise click.UsageError("--diff prints a patch, and --json has it in `origin.git.diff`.")
    client = connect(scheduler)
    with naming(job_id, scheduler):
        known = client.provenance(job_id)
    git = None if known.origin is None else known.origin.git
    if as_json:
        render.print_json(render.model_document(known))
    elif not diff:
        found = provenance_fields.fields(known, most_names=sys.maxsize)
        render.print_fields(found or [("Provenance", "not known")])
    elif git is not None and git.diff:
        text = git.diff
        click.echo(render.clean(text) if sys.stdout.isatty() else text, nl=False, color=True)


@show.command()
@optional_scheduler_argument
@json_option
def queue(scheduler: str, *, as_json: bool) -> None:
    """Show how the queue is run, and why each waiting job waits."""
    client = connect(scheduler)
    info = client.info()
    waiting = _waiting_jobs(client)
    running = info.slots_taken
    if as_json:
        document = {
            **render.model_document(info.queue),
            "running": running,
            "queued": len(waiting),
            "jobs": [render.model_document(job) for job in waiting],
        }
        render.print_json(document)
        return
    click.echo(f"{running} of at most {info.queue.max_running_jobs} running, {len(waiting)} queued")
    for line in (*limit_lines(info.queue), *pause_lines(info.queue)):
        click.echo(render.clean(line, one_line=True))
    if waiting:
        _print_waiting(waiting)


def _print_waiting(jobs: list[JobView]) -> None:
    columns = [
        Column("PLACE"),
        Column("JOB ID", narrowest=8, ellipsis=False),
        Column("PROJECT", narrowest=8),
        Column("PRIORITY"),
        Column("EXPECTED START", droppable=True),
        Column("WAITS BECAUSE", narrowest=16),
    ]
    render.print_table(
        columns,
        [
            [
                str(_position(job) or render.MISSING),
                job.job_id,
                job.project,
                str(job.priority),
                expected_start(job.waiting) or render.MISSING,
                job.waiting.reason if job.waiting else "",
            ]
            for job in jobs
        ],
    )


@show.command()
@scheduler_argument
@click.argument("array_id")
@json_option
def array(scheduler: str, array_id: str, *, as_json: bool) -> None:
    """Show how the jobs of an array stand."""
    found = connect(scheduler).array(array_id)
    if as_json:
        render.print_json(render.model_document(found))
        return
    print_array(found, scheduler=scheduler)


@show.command()
@scheduler_argument
@click.argument("schedule_id", metavar="SCHEDULE")
@json_option
def schedule(scheduler: str, schedule_id: str, *, as_json: bool) -> None:
    """Show what a schedule submits, when next, and what came of the last time."""
    found = connect(scheduler).schedule(schedule_id)
    if as_json:
        render.print_json(render.model_document(found))
    else:
        print_schedule(found, scheduler=scheduler)


def _waiting_jobs(client: Client) -> list[JobView]:
    """Read every queued job, in queue order, and then those without a place."""
    from foundations.models import JobView
    from foundations.transport.paging import job_pages

    waiting = [
        JobView.model_validate(job) for page in job_pages(client, states=["queued"]) for job in page
    ]
    return sorted(waiting, key=lambda job: _position(job) or sys.maxsize)


def _position(job: JobView) -> int | None:
    return job.waiting.position if job.waiting else None


def _print_provenance(detail: JobDetail) -> None:
    found = provenance_fields.fields(detail.provenance)
    if found:
        click.echo("\nProvenance")
        render.print_fields(found)


def _print_series(detail: JobDetail) -> None:
    if detail.metric_series:
        click.echo("\nMetrics")
        render.print_summaries(detail.metric_series)


def _print_artifacts(detail: JobDetail) -> None:
    if not detail.artifacts:
        return
    click.echo("\nArtifacts")
    render.print_artifacts(detail.artifacts)


def _print_notes(detail: JobDetail) -> None:
    if detail.notes:
        click.echo("\nNotes")
        render.print_notes(detail.notes)


def _print_history(detail: JobDetail) -> None:
    if not detail.history:
        return
    click.echo("\nHistory")
    columns = [
        Column("AT"),
        Column("EVENT"),
        Column("STATE", style=render.state),
        Column("DETAIL", narrowest=10, droppable=True),
    ]
    rows = [
        [
            render.local_time(change.at),
            change.event,
            change.state,
            " ".join(f"{k}={render.value(v)}" for k, v in change.detail.items() if v),
        ]
        for change in _told_once(detail.history)
    ]
    render.print_table(columns, rows)


def _told_once(history: Iterable[Change]) -> Iterator[Change]:
    """Leave out that a scheduler which was restarted saw a job run that it knew to run."""
    state = None
    for change in history:
        if change.event != "Started" or change.state != state:
            yield change
        state = change.state
