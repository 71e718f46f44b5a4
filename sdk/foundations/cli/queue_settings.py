"""How the queue is run, in words; and what `set` takes for limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.models import QueueView

MOST = 10_000
LIMIT = click.IntRange(0, MOST)
"""How many jobs may run at once; 0 is no limit."""


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
        *(f"At most {counted(limit)} of each {whose}" for whose, limit in each if limit),
        *(f"At most {counted(limit)} of {whose} {name}" for whose, name, limit in single),
    ]


def tell(settings: QueueView, *, as_json: bool) -> None:
    """Print the settings as they are now."""
    if as_json:
        render.print_json(render.model_document(settings))
        return
    click.echo(f"At most {counted(settings.max_running_jobs)} at once from now on")
    for line in limit_lines(settings):
        click.echo(render.clean(line, one_line=True))
    if settings.backfill_seconds != type(settings).model_fields["backfill_seconds"].default:
        seconds = settings.backfill_seconds
        click.echo(f"Later jobs pass one that does not fit for at most {seconds:g} s")
