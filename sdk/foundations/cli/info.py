"""`foundations info`: one scheduler, or all scheduler configs."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundations import __version__
from foundations.cli import machine, render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.pause import pause_lines
from foundations.cli.render import Column
from foundations.quantities import size

if TYPE_CHECKING:
    from foundations.configs import ConfigFile
    from foundations.models import SchedulerInfo, StorageView

ANSWER_SECONDS = 2.0
"""Longest wait for each scheduler when all of them are asked."""


@click.command()
@optional_scheduler_argument
@click.option("--env", "environments", is_flag=True, help="List all scheduler configs.")
@click.option("--host", is_flag=True, help="Show how busy the scheduler's machine is.")
@click.option("--disk", is_flag=True, help="Show what the scheduler's home takes on the disk.")
@json_option
def info(scheduler: str, *, environments: bool, host: bool, disk: bool, as_json: bool) -> None:
    """Show who answers for a scheduler config, and how it stands."""
    if environments + host + disk > 1:
        raise click.UsageError("Give one of --env, --host and --disk.")
    if environments:
        _show_environments(as_json=as_json)
    elif host:
        machine.show_host(connect(scheduler).host(), as_json=as_json)
    elif disk:
        machine.show_disk(connect(scheduler).disk(), as_json=as_json)
    else:
        _show_scheduler(scheduler, as_json=as_json)


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
        *_storage(found.storage),
        ("Queue", f"at most {found.queue.max_running_jobs} job(s) at once"),
        *(("Paused", line) for line in pause_lines(found.queue)),
        ("Jobs", ", ".join(f"{n} {state}" for state, n in found.states.items() if n) or "none yet"),
    ]


def _storage(storage: StorageView | None) -> list[tuple[str, str]]:
    if storage is None:
        return []
    mark = f"no job starts below {size(storage.stop_below_bytes)}"
    fields = [("Disk", f"{size(storage.free_bytes)} free, {mark}")]
    if storage.problem:
        fields.append(("Problem", storage.problem))
    return fields


def _show_environments(*, as_json: bool) -> None:
    from foundations import configs
    from foundations.home import Home

    home = Home.default()
    configs.ensure_default(home)
    files = configs.list_configs(home=home, cwd=Path.cwd())
    with ThreadPoolExecutor(max_workers=8) as pool:
        rows = list(pool.map(_examine, files))
    if as_json:
        render.print_json(rows)
        return
    click.echo("submission configs:")
    columns = [
        Column("env_name"),
        Column("env_path", narrowest=20),
        Column("url", narrowest=20),
        Column("reachable", narrowest=9),
    ]
    keys = ("env_name", "env_path", "url", "reachable")
    render.print_table(columns, [[_text(row[key]) for key in keys] for row in rows])
    for row in rows:
        for remark in (row["problem"], row["note"]):
            if remark:
                click.echo(render.clean(remark), err=True)


def _examine(file: ConfigFile) -> dict[str, Any]:
    """Describe one config, and ask its scheduler whether it is there."""
    from foundations import autostart, configs
    from foundations.client import Client
    from foundations.errors import AtlasError

    row: dict[str, Any] = {
        "env_name": file.name,
        "env_path": str(file.path),
        "url": None,
        "reachable": False,
        "problem": None,
        "note": None,
    }
    try:
        config = configs.read(file)
        row["url"], row["note"] = config.scheduler_url, config.note
        autostart.look_for(config)
        with Client(
            config.scheduler_url, token=config.token, timeout_seconds=ANSWER_SECONDS
        ) as client:
            client.health()
        row["reachable"] = True
    except AtlasError as error:
        row["problem"] = error.message
    return row


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return render.MISSING if value is None else str(value)
