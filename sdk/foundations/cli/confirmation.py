"""Asks before something is done to many jobs: names what it hits, and takes No for the default."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from foundations.cli import render
from foundations.cli.groups import CommandFailed

SHOWN = 5
"""How many of the jobs are named."""
COUNTED_ABOVE = 20
"""With more jobs than this a plain yes does not do: their number must be typed."""


def is_answered() -> bool:
    """Tell whether somebody can answer a question."""
    return sys.stdin.isatty()


def is_watched() -> bool:
    """Tell whether somebody reads the messages."""
    return sys.stderr.isatty()


def confirm_jobs(
    what: str, jobs: Sequence[dict[str, Any]], *, yes: bool, count: int | None = None
) -> None:
    """Ask whether to go on; returns only when the answer is yes.

    Args:
        what: what is done to how many jobs in which scope, such as `stops 3 waiting jobs`.
        jobs: all of them, or the first, as the API answers them.
        yes: go on without asking.
        count: how many there are, when these are not all.

    Raises:
        CommandFailed: nobody can answer.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not is_answered():
        raise CommandFailed(f"This {what}. Give --yes to do it without being asked.")
    click.echo(render.clean(f"This {what}:"), err=True)
    for job in jobs[:SHOWN]:
        line = f"{job['job_id']}  {job['state']:9}  {job['project']}"
        click.echo(f"  {render.clean(line, one_line=True)}", err=True)
    count = len(jobs) if count is None else count
    if count > SHOWN:
        click.echo(f"  and {count - SHOWN} more", err=True)
    if count <= COUNTED_ABOVE:
        click.confirm("Go on?", default=False, abort=True, err=True)
        return
    answer = click.prompt(
        f"Type the number of jobs ({count}) to go on", default="", show_default=False, err=True
    )
    if answer.strip() != str(count):
        raise click.Abort


def scope(project: str | None, filter_: str | None) -> str:
    """Say which jobs are meant, as part of a sentence."""
    where = "in all projects" if project is None else f"in project {project}"
    return where if filter_ is None else f"{where} that the filter `{filter_}` takes"
