"""The points of a series, all at once and easy to compare."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from atlas_scheduler.store import metric_points
from foundations.errors import NotFound

ALL = 10**9


class Point(NamedTuple):
    step: float | None
    value: Any
    at_ms: int


def points_of(conn: sqlite3.Connection, job_id: str, name: str) -> list[Point]:
    """Every point of a metric, in the order they were logged; none of one that is not there."""
    try:
        found = metric_points.page(conn, job_id, name, start=0, limit=ALL).points
    except NotFound:
        return []
    return [Point(one.step, one.value, round(one.at.timestamp() * 1000)) for one in found]
