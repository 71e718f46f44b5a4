"""`foundations info`: one scheduler, or all scheduler configs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from foundations import __version__
from foundations.cli import machine, render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.pause import pause_lines
from foundations.cli.render import Column
from foundations.configs import DEFAULT_NAME
from foundations.text.quantities import counted, size

if TYPE_CHECKING:
    from foundations.models import ReadinessView, SchedulerInfo, StorageView
    from foundations.scheduler_status import SchedulerStatus


@click.command()
@optional_scheduler_argument
@click.option("--env", "environments", is_flag=True, help="List all scheduler configs.")
@click.option("--host", is_flag=True, help="Show how busy the scheduler's machine is.")
@click.option("--disk", is_flag=True, help="Show what the scheduler's home takes on the disk.")
@click.option(
    "--ready", is_flag=True, help="Say whether the scheduler can work; exit code 1 if not."
)
@click.option("--metrics", is_flag=True, help="Print what is measured, as Prometheus reads it.")
@json_option
def info(
    scheduler: str,
    *,
    environments: bool,
    host: bool,
    disk: bool,
    ready: bool,
    metrics: bool,
    as_json: bool,
) -> None:
    """Show who answers for a scheduler config, and how it stands."""
    if environments + host + disk + ready + metrics > 1:
        raise click.UsageError("Give one of --env, --host, --disk, --ready and --metrics.")
    if environments:
        show_environments(as_json=as_json)
    elif host:
        machine.show_host(connect(scheduler).host(), as_json=as_json)
    elif disk:
        machine.show_disk(connect(scheduler).disk(), as_json=as_json)
    elif ready:
        _show_readiness(connect(scheduler).readiness(), as_json=as_json)
    elif metrics:
        click.echo(connect(scheduler).measurements(), nl=False)
    else:
        _show_scheduler(scheduler, as_json=as_json)


def _show_readiness(found: ReadinessView, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.model_document(found))
    else:
        database = "can be written to" if found.database else "cannot be written to"
        engine = "answers" if found.engine else "does not answer: jobs wait"
        ready = "yes" if found.ready else "no"
        render.print_fields([("Ready", ready), ("Database", database), ("Engine", engine)])
    if not found.ready:
        sys.exit(1)


def _show_scheduler(scheduler: str, *, as_json: bool) -> None:
    found = connect(scheduler).info()
    if as_json:
        render.print_json(render.model_document(found))
    else:
        render.print_fields([(name, text) for name, text in _fields(found) if text])


def _fields(found: SchedulerInfo) -> list[tuple[str, str]]:
    engine = found.engine
    return [
        ("Client", f"{__version__}, Python {sys.version.split()[0]}"),
        ("Scheduler", f"{found.version}, process {found.pid}"),
        ("Home", found.home),
        ("Engine", f"{engine.name} {engine.version or ''}".strip()),
        ("", engine.description or ""),
        ("Isolated", "yes" if engine.isolated else "no"),
        ("Problem", engine.problem or ""),
        *(("Note", note) for note in engine.notes),
        ("GPUs", ", ".join(found.gpus) or "none"),
        ("Volumes", ", ".join(f"{one.name} ({one.mode})" for one in found.volumes)),
        *_storage(found.storage),
        ("Queue", f"at most {counted(found.queue.max_running_jobs)} at once"),
        *(("Paused", line) for line in pause_lines(found.queue)),
        ("Jobs", ", ".join(f"{n} {state}" for state, n in found.states.items() if n) or "none yet"),
    ]


def _storage(storage: StorageView | None) -> list[tuple[str, str]]:
    if storage is None:
        return []
    fields = [("Disk", text) for text in _disks(storage)]
    if storage.problem:
        fields.append(("Problem", storage.problem))
    return fields


def _disks(storage: StorageView) -> list[str]:
    """Tell of the disk, or of each one if there are several."""
    if len(storage.disks) < 2:
        mark = f"no job starts below {size(storage.stop_below_bytes)}"
        return [f"{size(storage.free_bytes)} free, {mark}"]
    return [
        f"{size(one.free_bytes)} of {size(one.total_bytes)} free at {one.path} "
        f"({', '.join(one.holds)}), no job starts below {size(one.stop_below_bytes)}"
        for one in storage.disks
    ]


def show_environments(*, as_json: bool) -> None:
    """List all scheduler configs, and which of their schedulers answer."""
    from foundations.scheduler_status import schedulers

    rows = [_row(status) for status in schedulers()]
    if as_json:
        render.print_json(rows)
        return
    click.echo("submission configs:")
    columns = [
        Column("env_name"),
        Column("env_path", narrowest=20),
        Column("url", narrowest=20),
        Column("reachable", narrowest=9),
        Column("version", narrowest=7),
    ]
    keys = ("env_name", "env_path", "url", "reachable", "version")
    render.print_table(columns, [[_text(row[key]) for key in keys] for row in rows])
    for row in rows:
        for remark in (row["problem"], row["note"]):
            if remark:
                click.echo(render.clean(remark), err=True)
    chosen = next((row["env_name"] for row in rows if row["default"]), None)
    if chosen not in (None, DEFAULT_NAME):
        click.echo(f"Where no scheduler is named, {chosen} is meant.", err=True)


def _row(status: SchedulerStatus) -> dict[str, Any]:
    return {
        "env_name": status.name,
        "env_path": str(status.path),
        "url": status.url,
        "reachable": status.reachable,
        "version": status.version,
        "default": status.is_default,
        "problem": status.problem,
        "note": None if status.config is None else status.config.note,
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return render.MISSING if value is None else str(value)
