"""What the words of a filter say: numbers, truth values, spans of time and moments."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from atlas_scheduler.core.filters.terms import Ago, At

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_SPECIAL = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}
_SPECIAL |= {"infinity": math.inf, "+infinity": math.inf, "-infinity": -math.inf}
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LONGEST_SECONDS = 86_400 * 365_000


def read_number(text: str) -> int | float | None:
    """The number that a word is, or None."""
    special = _SPECIAL.get(text.lower())
    if special is not None:
        return special
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def read_truth(text: str) -> bool | None:
    """The truth value that a word is, or None."""
    return {"true": True, "false": False}.get(text.lower())


def read_seconds(text: str) -> float | None:
    """The span of time that a word is, such as `90s`, `1.5h` or `2d`, in seconds; or None."""
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    seconds = float(match[1]) * _SECONDS[match[2]]
    return seconds if seconds <= _LONGEST_SECONDS else None


def read_moment(text: str) -> Ago | At | None:
    """The moment that a word is: a span before now, a date or a time (ISO 8601); or None.

    A date is its first moment; a time without a zone is in UTC.
    """
    seconds = read_seconds(text)
    if seconds is not None:
        return Ago(round(seconds * 1_000))
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return At(math.floor(moment.timestamp() * 1_000))
    except (ValueError, OverflowError):
        return None
