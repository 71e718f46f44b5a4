"""The options of `submit` that say how often a job runs, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from foundations.terms import Terms

F = TypeVar("F", bound=Callable[..., Any])


def term_options(function: F) -> F:
    """Offer the options; `read_terms` takes what they were given."""
    options = [
        click.option(
            "--array",
            metavar="INDICES",
            help="Many jobs that differ by ATLAS_ARRAY_INDEX: 0-99, 0-99:10 or 1,4,7-9; %N behind "
            "them lets at most N run at once. Does not stay.",
        ),
        click.option(
            "--after",
            multiple=True,
            metavar="ID[:ok|any|failed]",
            help="Start only when this job has ended so: completed (ok, the default), in any way, "
            "or failed. array:ID is each job of an array. May be repeated.",
        ),
        click.option(
            "--unique",
            "unique_key",
            metavar="KEY",
            help="A key that one job of the project has at a time, as long as it has not ended.",
        ),
        click.option(
            "--if-exists",
            type=click.Choice(["skip", "replace"]),
            help="When a job has the key: submit nothing, or end that job. Default: skip.",
        ),
        click.option(
            "--at",
            metavar="TIME",
            help="Not before: 'in 2h', 18:30 (the next one), 2026-12-01T08:00; local time.",
        ),
        click.option(
            "--cron",
            metavar="LINE",
            help="Submit it again and again: minute, hour, day, month and weekday, as in "
            "'0 3 * * *'. Does not stay.",
        ),
        click.option(
            "--time-zone", metavar="ZONE", help="Of --cron, such as Europe/Berlin. Default: here's."
        ),
        click.option(
            "--overlap",
            type=click.Choice(["skip", "allow"]),
            help="When the last job of --cron has not ended: submit none, or one more. "
            "Default: skip.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def read_terms(given: dict[str, Any]) -> Terms:
    """Take the options from what was given, and read them.

    Raises:
        ConfigError: one of them cannot be read.
    """
    from foundations.terms import Terms, read_after, read_at, read_unique

    return Terms(
        array=given.pop("array"),
        after=read_after(given.pop("after")),
        not_before=read_at(given.pop("at")),
        cron=given.pop("cron"),
        time_zone=given.pop("time_zone"),
        overlap=given.pop("overlap"),
        unique=read_unique(given.pop("unique_key"), given.pop("if_exists")),
    )
