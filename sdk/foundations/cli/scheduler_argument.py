"""The argument SCHEDULER, which may be left out where the words tell that it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, cast

import click

JOB = re.compile(r"[0-9A-Fa-f]{4}[0-9A-Fa-f-]{0,32}(_[0-9]+)?")
"""What can mean a job: an id or the beginning of one, or a place in an array."""


def default_scheduler() -> str:
    """Return the scheduler config that is meant where none is named."""
    from foundations import default_config
    from foundations.home import Home

    return default_config.default_name(Home.default())


def is_scheduler(word: str, job_dirs: Iterable[str] = ()) -> bool:
    """Tell whether there is a scheduler config of this name, here or in one of the directories."""
    from foundations import configs
    from foundations.home import Home

    if word == configs.DEFAULT_NAME:
        return True
    if not configs.is_name(word):
        return False
    home = Home.default()
    directories = [None, *(Path(one) for one in job_dirs)]
    return any(
        file.name == word
        for job_dir in directories
        for file in configs.list_configs(home=home, cwd=Path.cwd(), job_dir=job_dir)
    )


class SchedulerArgument(click.Argument):
    """The first argument of a command.

    The name of a scheduler config always means that. Another word is the argument after it when
    the words are one too few, or when it can only be a job; then the default scheduler is meant.
    """

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Put the default scheduler before the words when it was left out."""
        first = opts.get(self.name)
        others = [one for one in ctx.command.params if isinstance(one, click.Argument)][1:]
        words = [word for other in others for word in _words(opts.get(other.name or ""))]
        if isinstance(first, str) and _is_left_out(first, others, words):
            # click takes the values of all parameters out of this one mapping.
            values = cast("MutableMapping[str, Any]", opts)
            values[self.name or ""] = default_scheduler()
            _hand_out([first, *words], others, values)
        return super().handle_parse_result(ctx, opts, args)


def _is_left_out(first: str, others: Sequence[click.Argument], words: Sequence[str]) -> bool:
    if not others:
        return False
    most = sum(other.nargs if other.nargs > 0 else int(other.required) for other in others)
    optional = sum(other.nargs > 0 and not other.required for other in others)
    takes_job = "JOB" in (others[0].metavar or others[0].name or "").upper()
    could_be_next = all(map(JOB.fullmatch, first.split(","))) if takes_job else True
    is_short = most - optional - 1 <= len(words) < most
    is_job = takes_job and any(other.nargs < 0 for other in others)
    return could_be_next and (is_short or is_job) and not is_scheduler(first)


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, tuple) else []


def _hand_out(
    words: list[str], others: Sequence[click.Argument], values: MutableMapping[str, Any]
) -> None:
    """Give each argument its words; the one that takes many is the last."""
    for other in others:
        count = other.nargs if other.nargs > 0 else len(words)
        taken, words = words[:count], words[count:]
        if taken or other.nargs != 1:  # else it was not given, and stays so
            values[other.name or ""] = taken[0] if other.nargs == 1 else tuple(taken)
