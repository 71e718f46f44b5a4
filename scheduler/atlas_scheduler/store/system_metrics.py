"""The `system/…` series of jobs: what the scheduler measures of them by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from atlas_scheduler.core.usage import CPU_TOTAL, MEMORY_PEAK
from atlas_scheduler.store import sql
from atlas_scheduler.store.record_kinds import Metric
from atlas_scheduler.store.records import extend_series

_SQL = sql.queries("system_metrics")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the series of a job have come."""

    points: int = 0
    peak_memory_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One sample of one job."""

    job_id: str
    at_ms: int
    step: float
    """Seconds since the job's start."""
    values: Mapping[str, float]
    """By the name of their series."""


def standing(conn: sqlite3.Connection, job_id: str) -> Standing:
    """How far the series of a job have come; those of one that was never sampled are empty."""

    def look(name: str) -> sqlite3.Row | None:
        wanted = {"job_id": job_id, "name": name}
        row: sqlite3.Row | None = conn.execute(_SQL["standing"], wanted).fetchone()
        return row

    sampled, memory = look(CPU_TOTAL), look(MEMORY_PEAK)
    if sampled is None:
        return Standing()
    peak_memory_bytes = None if memory is None else memory["max_value"]
    return Standing(points=sampled["points"], peak_memory_bytes=peak_memory_bytes)


def append(conn: sqlite3.Connection, measured: Iterable[Measured]) -> None:
    """Add samples to the series of their jobs; one of a job that has ended meanwhile is dropped."""
    for one in measured:
        row = conn.execute(_SQL["running_job"], {"job_id": one.job_id}).fetchone()
        if row is None:
            continue
        for name, value in one.values.items():
            point = Metric(name, value, one.step, one.at_ms)
            extend_series(conn, row["job_number"], name, (point,), one.at_ms)
