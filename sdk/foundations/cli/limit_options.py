"""Options about time and retries, which `submit` and `rerun job` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from foundations.limits import read_retries
from foundations.text.durations import read_duration

Command = TypeVar("Command", bound=Callable[..., Any])


class _Read(click.ParamType[Any]):
    """A value that a function reads."""

    def __init__(self, name: str, read: Callable[[Any], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it, or tell what it should look like."""
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(f"{error}, not {value!r}.", param, ctx)


DURATION = _Read("duration", read_duration)
RETRIES = _Read("retries", read_retries)
_OPTIONS = (
    click.option(
        "--time-limit",
        "time_limit_seconds",
        type=DURATION,
        metavar="DURATION",
        help="End it with a failure after so long, such as 90s or 1d12h. Each attempt counts anew.",
    ),
    click.option(
        "--queue-ttl",
        "queue_ttl_seconds",
        type=DURATION,
        metavar="DURATION",
        help="Stop it when it has waited for so long.",
    ),
    click.option(
        "--retries",
        type=RETRIES,
        metavar="N|CAUSE=N,…",
        help="Run it again after a failure, up to N times. Causes: exit (alone: that), oom, lost.",
    ),
    click.option(
        "--retry-delay",
        "retry_delay_seconds",
        type=DURATION,
        metavar="DURATION",
        help="Pause before the first retry; it doubles with each, up to an hour. Default: 10s.",
    ),
)


def limit_options(command: Command) -> Command:
    """Add the options to a command, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
