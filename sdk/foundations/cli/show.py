"""`foundations show`: everything about one job or array, where a job comes from, or the queue."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from foundations.array_text import states_text
from foundations.build_text import build_text
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
from foundations.cli.pause import pause_lines
from foundations.cli.queue_settings import limit_lines
from foundations.cli.render import Column
from foundations.cli.schedules import print_schedule
from foundations.dependency_text import after_text
from foundations.limits import limit_facts

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobDetail, JobView, Waiting


@click.group()
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
    render.print_fields([(name, text) for name, text in _fields(detail) if text])
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
    if not waiting:
        return
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
                str(job.waiting.position) if job.waiting else render.MISSING,
                job.job_id,
                job.project,
                str(job.priority),
                _expected_start(job.waiting) or render.MISSING,
                job.waiting.reason if job.waiting else "",
            ]
            for job in waiting
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
    """Read every queued job, in queue order."""
    from foundations.models import JobView
    from foundations.paging import job_pages

    waiting = [
        JobView.model_validate(job) for page in job_pages(client, states=["queued"]) for job in page
    ]
    return sorted(waiting, key=lambda job: job.waiting.position if job.waiting else 0)


def _fields(detail: JobDetail) -> list[tuple[str, str]]:
    spec = detail.spec
    asked = {
        "num_gpus": spec.num_gpus,
        "cpus": spec.cpus,
        "ram (GB)": spec.ram_gb,
        "shm (GB)": spec.shm_gb,
    }
    waiting = detail.waiting
    return [
        ("Job", detail.job_id),
        ("Project", detail.project),
        ("Rerun of", spec.rerun_of or ""),
        ("Array", _array(detail)),
        ("Schedule", detail.schedule_id or ""),
        ("Unique key", detail.unique_key or ""),
        ("Comes after", after_text(detail.after)),
        ("State", detail.state),
        ("Reason", detail.reason or ""),
        ("Waits because", f"{waiting.reason} (place {waiting.position})" if waiting else ""),
        ("Waits for", ", ".join(waiting.blockers) if waiting else ""),
        ("Expected start", _expected_start(waiting)),
        ("Priority", str(detail.priority) if detail.priority else ""),
        ("Exit code", "" if detail.exit_code is None else str(detail.exit_code)),
        ("User", detail.user),
        ("Command", shlex.join(detail.command)),
        ("Entry point", shlex.join(spec.entrypoint or ())),
        ("Image", detail.image or ""),
        ("Image built from", "" if spec.build is None else build_text(spec.build)),
        ("Pulled", "" if spec.pull == "missing" else spec.pull),
        ("Pinned image", spec.pinned_image or ""),
        ("Engine", detail.engine or ""),
        ("Local run", _local_run(detail)),
        ("Container", detail.container or ""),
        ("Attempt", str(detail.attempt) if detail.attempt > 1 else ""),
        *limit_facts(spec),
        ("Resources", _pairs({name: amount for name, amount in asked.items() if amount})),
        ("GPUs", ", ".join(detail.gpus)),
        ("Submitted", render.local_time(detail.submitted_at)),
        ("Started", render.local_time(detail.started_at)),
        ("Finished", render.local_time(detail.finished_at)),
        ("Duration", render.duration(detail.duration_seconds)),
        ("Used", _used(detail)),
        ("Submitted with", _pairs(spec.params) if spec.params != detail.parameters else ""),
        ("Parameters", _pairs(detail.parameters)),
        ("Environment", _pairs(spec.environment)),
        ("Secrets", _pairs(spec.secrets)),
        ("Volumes", ", ".join(f"{one.host}:{one.bind}:{one.mode}" for one in spec.volumes)),
        ("Working directory", spec.working_dir or ""),
        ("Interpreter", "" if detail.engine == "docker" else spec.python or ""),
        ("Log level", "" if spec.log_level == "INFO" else spec.log_level),
        ("Tags", _pairs(detail.tags)),
        ("Bundle", _bundle(detail)),
        ("Skipped records", _skipped(detail)),
        ("Log", "" if detail.local else render.size(detail.log_size_bytes)),
        ("Archive", "complete" if detail.archived else "not complete yet"),
    ]


def _expected_start(waiting: Waiting | None) -> str:
    """When a job that waits may start, as far as that is known."""
    start = None if waiting is None else waiting.expected_start_at
    return "" if start is None else f"about {render.local_time(start)}"


def _array(detail: JobDetail) -> str:
    if detail.array is None or detail.whole_array is None:
        return ""
    place = f"{detail.array.array_id}_{detail.array.index}"
    return f"{place} ({states_text(detail.whole_array)})"


def _skipped(detail: JobDetail) -> str:
    count = detail.skipped_records
    if not count:
        return ""
    lines = "line" if count == 1 else "lines"
    return f"{count} {lines} of its event file could not be read (see docs/records.md)"


def _bundle(detail: JobDetail) -> str:
    if detail.bundle is None:
        return "none: it ran where it lay"
    return f"{detail.bundle} ({render.size(detail.bundle_size_bytes)})"


def _local_run(detail: JobDetail) -> str:
    run = detail.local_run
    if run is None:
        return "yes" if detail.local else ""
    what = "session" if run.interactive else "process"
    return f"{what} {run.pid} on {run.host}, Python {run.python}, in {run.working_dir}"


def _used(detail: JobDetail) -> str:
    """What it took of the machine, in a line; empty when it was never sampled."""
    series = {one.name: one for one in detail.system_series}
    parts = []
    memory = series.get("system/memory_peak_bytes")
    if memory is not None and memory.max is not None:
        parts.append(f"at most {render.size(int(memory.max))} of memory")
    cpu = series.get("system/cpu_seconds")
    if cpu is not None and isinstance(cpu.last, int | float) and cpu.last_step:
        parts.append(f"{100 * cpu.last / cpu.last_step:.0f}% of a processor on average")
    return ", ".join(parts)


def _pairs(items: dict[str, Any]) -> str:
    return render.mapping(items) if items else ""


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
        for change in detail.history
    ]
    render.print_table(columns, rows)
