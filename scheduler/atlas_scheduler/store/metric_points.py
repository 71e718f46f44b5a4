"""The points of one metric: page by page as logged, or only those that show its course."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from functools import partial

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import sql
from atlas_scheduler.store.records import series, shown
from foundations.decimation import decimate_by, is_drawable, telling
from foundations.errors import NotFound
from foundations.models import SYSTEM_PREFIX, MetricPoint, MetricSeries

_SQL = sql.queries("metric_points")
_NAMES_SHOWN = 20


def page(
    conn: sqlite3.Connection, job_id: str, name: str, *, start: int, limit: int
) -> MetricSeries:
    """Up to `limit` points from position `start` on, in the order they were logged.

    Raises:
        NotFound: the job logged no such metric.
    """
    number, count = _find(conn, job_id, name)
    wanted = {"series_number": number, "start": start, "limit": limit}
    rows = conn.execute(_SQL["page"], wanted).fetchall()
    end = start + len(rows)
    return MetricSeries(
        name=name,
        count=count,
        points=_points(rows),
        next_position=end if rows and end < count else None,
    )


def decimated(conn: sqlite3.Connection, job_id: str, name: str, *, stretches: int) -> MetricSeries:
    """The points of a series that `foundations.decimation` chooses.

    Raises:
        NotFound: the job logged no such metric.
    """
    number, count = _find(conn, job_id, name)
    chosen = decimate_by(count, stretches, partial(_telling, conn, number))
    wanted = {"series_number": number, "positions": json.dumps(chosen)}
    rows = conn.execute(_SQL["chosen"], wanted).fetchall()
    return MetricSeries(name=name, count=count, points=_points(rows), decimated=len(chosen) < count)


def _telling(conn: sqlite3.Connection, number: int, start: int, end: int) -> Iterable[int]:
    """Choose the positions of one stretch; SQL sees twice as fast as Python where all is finite."""
    bounds = {"series_number": number, "start": start, "end": end}
    lowest = conn.execute(_SQL["lowest"], bounds).fetchone()
    highest = conn.execute(_SQL["highest"], bounds).fetchone()
    extremes = lowest["value"], highest["value"]
    if lowest["counted"] == end - start and all(map(is_drawable, extremes)):
        return lowest["position"], highest["position"]
    values = [row["value"] for row in conn.execute(_SQL["values"], bounds)]
    return [start + place for place in telling(values)]


def _find(conn: sqlite3.Connection, job_id: str, name: str) -> tuple[int, int]:
    row = conn.execute(_SQL["find"], {"job_id": job_id, "name": name}).fetchone()
    if row is None:
        is_system = name.startswith(SYSTEM_PREFIX)
        names = [one.name for one in series(conn, job_id, system=is_system)]
        known = ", ".join(names[:_NAMES_SHOWN]) or "none"
        more = ", …" if len(names) > _NAMES_SHOWN else ""
        raise NotFound(f"Job `{job_id}` has no metric `{name}`. It has: {known}{more}")
    return row["series_number"], row["points"]


def _points(rows: Iterable[sqlite3.Row]) -> list[MetricPoint]:
    return [
        MetricPoint(
            position=row["position"],
            step=row["step"],
            value=shown(row["value"]),
            at=utc(row["logged_at_ms"]),
        )
        for row in rows
    ]
