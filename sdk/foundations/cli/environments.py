"""`foundations list environments`: what jobs share, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.render import Column

_COLUMNS = (
    Column("KEY"),
    Column("PYTHON"),
    Column("SIZE"),
    Column("LAST USED"),
    Column("JOBS"),
    Column("BASE", narrowest=8),
    Column("PACKAGES", narrowest=12, droppable=True),
)
_USER = Column("USER", narrowest=6)
_KEY_SHOWN = 8


@click.command("environments")
@optional_scheduler_argument
@json_option
def list_environments(scheduler: str, *, as_json: bool) -> None:
    """List the environments that jobs with the same requirements share, last used first."""
    from foundations import calls

    found = connect(scheduler).json(calls.scheduler.environments())
    if as_json:
        render.print_json(found)
        return
    if not found["environments"]:
        click.echo("No environments.")
    else:
        _print(found["environments"])
    click.echo(
        f"{render.size(found['size_bytes'])} of environments and "
        f"{render.size(found['wheels_bytes'])} of downloads; at most "
        f"{render.size(found['max_bytes'])} are kept.",
        err=True,
    )


def _print(environments: list[dict[str, Any]]) -> None:
    columns, rows = list(_COLUMNS), [_row(one) for one in environments]
    users = [one.get("user") or render.MISSING for one in environments]
    if len({*users}) > 1:
        columns.insert(1, _USER)
        for row, user in zip(rows, users, strict=True):
            row.insert(1, user)
    render.print_table(columns, rows)


def _row(one: dict[str, Any]) -> list[str]:
    return [
        one["key"][:_KEY_SHOWN],
        one["python"],
        render.size(one["size_bytes"]),
        render.local_time(datetime.fromisoformat(one["used_at"])),
        str(len(one["job_ids"])),
        one["base"],
        " ".join(one["packages"]) or render.MISSING,
    ]
