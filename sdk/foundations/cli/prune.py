"""`foundations prune`: removes what is kept only to be faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.models import PrunedEnvironments, PrunedImages

_unused_days = click.option(
    "--unused-days",
    type=click.FloatRange(min=0, max=36_500),
    default=0.0,
    help="Only those that no job used for so many days.",
)


@click.group(cls=VerbGroup)
def prune() -> None:
    """Remove what is kept only to be faster."""


@prune.command("environments")
@scheduler_argument
@_unused_days
@json_option
def prune_environments(scheduler: str, *, unused_days: float, as_json: bool) -> None:
    """Remove environments that no job uses now; the next job installs anew."""
    pruned = connect(scheduler).prune_environments(unused_days=unused_days)
    _show(pruned, "environment", as_json=as_json)


@prune.command("images")
@scheduler_argument
@_unused_days
@json_option
def prune_images(scheduler: str, *, unused_days: float, as_json: bool) -> None:
    """Remove built images that no job uses now; the next job builds anew."""
    pruned = connect(scheduler).prune_images(unused_days=unused_days)
    _show(pruned, "image", as_json=as_json)


def _show(pruned: PrunedEnvironments | PrunedImages, what: str, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.model_document(pruned))
        return
    stay = "stays" if pruned.in_use == 1 else "stay"
    rest = f"; {pruned.in_use} {stay}, which jobs use" if pruned.in_use else ""
    click.echo(f"Removed {counted(pruned.removed, what)}, {render.size(pruned.freed_bytes)}{rest}.")
