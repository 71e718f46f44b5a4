"""`foundations list events`: who did what, from where, and what came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from foundations.cli import completion, render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.render import Column

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import Change, QueueChange

    Event = Change | QueueChange

SHOWN = 50
_FIRST = ("by", "user", "source", "token")
"""Details that have columns of their own."""


@click.command("events")
@optional_scheduler_argument
@click.option(
    "--job",
    metavar="JOB_ID",
    help="Only of this job.",
    shell_complete=completion.complete_job,
)
@click.option("--by", metavar="USER", help="Only what this user did.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=SHOWN,
    show_default=True,
    help="The last so many.",
)
@click.option("--follow", is_flag=True, help="Go on with what comes, without end.")
@json_option
def list_events(
    scheduler: str,
    *,
    job: str | None,
    by: str | None,
    limit: int,
    follow: bool,
    as_json: bool,
) -> None:
    """List what happened to jobs, the queue, projects, schedules and tokens, the oldest first.

    Each line says who did it, and from where: through the Unix socket, or from an address with a
    token. What the scheduler did by itself has neither. With --follow and --json one document a
    line is printed.
    """
    client = connect(scheduler)
    last_seq = client.info().last_seq
    # Without a condition the last ones are those with the last numbers.
    since = 0 if job or by else max(0, last_seq - limit)
    found = deque(_events(client, since, job=job, by=by, follow=False), maxlen=limit)
    if as_json and not follow:
        render.print_json([render.model_document(one) for one in found])
        return
    if not found and not follow:
        click.echo("No events.")
        return
    _print(list(found), as_json=as_json)
    if follow:
        seen = max([last_seq, *(one.seq for one in found)])
        for one in _events(client, seen, job=job, by=by, follow=True):
            _print([one], as_json=as_json, header=False)


def _events(
    client: Client, since: int, *, job: str | None, by: str | None, follow: bool
) -> Iterator[Event]:
    from foundations.models import Change, QueueChange

    with closing(client.news(since, job=job, follow=follow)) as news:
        for one in news:
            if isinstance(one, Change | QueueChange) and by in (None, _who(one)):
                yield one


def _who(one: Event) -> str | None:
    """Who did it; of `by` the name alone, without what they did it by."""
    name = one.detail.get("by", one.detail.get("user"))
    return None if name is None else str(name).removesuffix(" (gc)").removesuffix(" (clear-queue)")


def _print(events: list[Event], *, as_json: bool, header: bool = True) -> None:
    if as_json:
        for one in events:
            render.print_json_line(render.model_document(one))
        return
    columns = [
        Column("AT"),
        Column("BY", narrowest=6),
        Column("FROM"),
        Column("EVENT"),
        Column("OF", narrowest=8),
        Column("DETAIL", narrowest=10, droppable=True),
    ]
    rows = [_row(one) for one in events]
    if header:
        render.print_table(columns, rows)
    else:
        for row in rows:
            click.echo(render.clean("  ".join(row), one_line=True))


def _row(one: Event) -> list[str]:
    job_id = getattr(one, "job_id", None)
    source, token = one.detail.get("source"), one.detail.get("token")
    detail = {key: value for key, value in one.detail.items() if key not in _FIRST and value}
    return [
        render.local_time(one.at),
        _who(one) or render.MISSING,
        " ".join(str(part) for part in (source, token) if part) or render.MISSING,
        one.event,
        job_id[:8] if job_id else one.project or "all",
        " ".join(f"{key}={render.value(value)}" for key, value in detail.items()),
    ]
