"""Durations as people write them, such as `90s`, `2h` and `1d12h`: read and written here only."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_FORM = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
LONGEST_SECONDS = 10 * 365 * 86_400
"""Longer ones are a slip."""


def read_duration(value: Any) -> int:
    """Read a duration in whole seconds.

    Args:
        value: text such as `90s`, `30m`, `2h` or `1d12h`, larger units first; or a `timedelta`.

    Raises:
        ValueError: it is no duration; the text says what is.
    """
    seconds = _seconds_of(value)
    if seconds is None:
        raise ValueError("write a duration such as 90s, 30m, 2h or 1d12h")
    if seconds > LONGEST_SECONDS:
        raise ValueError("write a duration of at most 10 years")
    return seconds


def write_duration(seconds: int) -> str:
    """Write a duration exactly, in the form that is read: `2h`, `1m30s`, `1d12h`, `0s`."""
    parts = []
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _seconds_of(value: Any) -> int | None:
    if isinstance(value, timedelta):
        whole = value >= timedelta(0) and not value.microseconds
        return value.days * 86_400 + value.seconds if whole else None
    found = _FORM.fullmatch(value.strip()) if isinstance(value, str) and value.strip() else None
    if found is None:
        return None
    sizes = _UNITS.values()
    return sum(
        int(count) * size for count, size in zip(found.groups(), sizes, strict=True) if count
    )
