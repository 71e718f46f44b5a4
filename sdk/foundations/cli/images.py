"""`foundations list images`: what was built for jobs, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.render import Column

_COLUMNS = (
    Column("IMAGE", narrowest=16),
    Column("SIZE"),
    Column("LAST USED"),
    Column("JOBS"),
    Column("DOCKERFILE", narrowest=10),
    Column("BASE", narrowest=10, droppable=True),
)


@click.command("images")
@optional_scheduler_argument
@json_option
def list_images(scheduler: str, *, as_json: bool) -> None:
    """List the images that were built for jobs, last used first."""
    from foundations import calls

    found = connect(scheduler).json(calls.images.images())
    if as_json:
        render.print_json(found)
        return
    if not found["images"]:
        click.echo("No images were built.")
    else:
        render.print_table(_COLUMNS, [_row(one) for one in found["images"]])
    click.echo(
        f"{render.size(found['size_bytes'])} of images beside their bases; at most "
        f"{render.size(found['max_bytes'])} are kept.",
        err=True,
    )


def _row(one: dict[str, Any]) -> list[str]:
    return [
        one["key"],
        render.size(one["size_bytes"]),
        render.local_time(datetime.fromisoformat(one["used_at"])),
        str(len(one["job_ids"])),
        one["dockerfile"] or render.MISSING,
        one["base"] or render.MISSING,
    ]
