"""Writes single values for people: parameters, metrics, times and durations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from foundations.text.quantities import duration as _duration

MISSING = "-"
"""Stands where there is no value."""


def local_time(moment: datetime | None) -> str:
    """Write a time in the machine's time zone."""
    return MISSING if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """Write a duration, or that there is none yet."""
    return MISSING if seconds is None else _duration(seconds)


def value(item: Any) -> str:
    """Write a parameter or metric: numbers to six digits, texts plain, the rest as JSON."""
    if isinstance(item, str):
        return item
    if isinstance(item, float):
        return f"{item:.6g}"
    return json.dumps(item, ensure_ascii=False)


def mapping(items: Mapping[str, Any]) -> str:
    """Write parameters, metrics or tags in one line."""
    pairs = [f"{key}={value(item)}" if item != "" else key for key, item in items.items()]
    return " ".join(pairs) or MISSING
