"""What jobs recorded: parameters, metrics, tags and artifacts.

A value that JSON cannot say comes out as a string: `NaN`, `Infinity`, `-Infinity`.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from atlas_scheduler import clock
from atlas_scheduler.core.times import utc
from atlas_scheduler.store import provenance, sql
from atlas_scheduler.store.event_lines import Parsed, parse_lines
from atlas_scheduler.store.parameters import json_text, name_of, rank
from atlas_scheduler.store.record_kinds import (
    Artifact,
    Environment,
    Metric,
    Parameter,
    Record,
    Tag,
)
from foundations.models import ArtifactView, MetricSummary

__all__ = [
    "Artifact",
    "Environment",
    "JobRecords",
    "Metric",
    "Parameter",
    "Parsed",
    "Record",
    "Tag",
    "artifacts",
    "count_skipped",
    "extend_series",
    "ingest",
    "of_jobs",
    "parse_lines",
    "series",
    "shown",
    "skipped",
]

_SQL = sql.queries("records")


@dataclass(slots=True)
class JobRecords:
    """What lists show of a job's records."""

    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    """The last value of each."""
    tags: dict[str, str] = field(default_factory=dict)


def ingest(
    conn: sqlite3.Connection,
    job_id: str,
    records: Iterable[Record],
    *,
    offset: int,
    new_offset: int,
    now_ms: int | None = None,
) -> bool:
    """Take records in, exactly once: rows and offset change in the same transaction.

    Args:
        conn: a connection that writes.
        job_id: whose records they are.
        records: what was read of its event file, in order.
        offset: where in the file (bytes) the reading began.
        new_offset: where it ended.
        now_ms: the time for records without one; None takes the clock's.

    Returns:
        False, and nothing is changed, when the job is gone or its records were taken in up to
        somewhere else than `offset`: someone else took these in already.
    """
    row = conn.execute(
        _SQL["advance_offset"], {"job_id": job_id, "offset": offset, "new_offset": new_offset}
    ).fetchone()
    if row is None:
        return False
    records = list(records)
    _save(conn, row["job_number"], records, clock.now_ms() if now_ms is None else now_ms)
    for record in records:
        if isinstance(record, Environment):
            provenance.save_environment(conn, row["job_number"], record.content)
    return True


def count_skipped(conn: sqlite3.Connection, job_id: str, lines: int) -> None:
    """Add to how many lines of a job's event file were skipped; in the transaction of `ingest`."""
    conn.execute(_SQL["count_skipped"], (lines, job_id))


def skipped(conn: sqlite3.Connection, job_id: str) -> int:
    """How many lines of a job's event file were not as they should be, and were skipped."""
    return int(conn.execute(_SQL["skipped"], (job_id,)).fetchone()[0])


def of_jobs(conn: sqlite3.Connection, job_ids: Sequence[str]) -> dict[str, JobRecords]:
    """The records of several jobs without `system/…`; a job without any has empty ones."""
    found = {job_id: JobRecords() for job_id in job_ids}
    wanted = {"job_ids": json.dumps(list(job_ids))}
    for row in conn.execute(_SQL["parameters_of_jobs"], wanted):
        found[row["job_id"]].parameters[row["name"]] = json.loads(row["value"])
    for row in conn.execute(_SQL["metrics_of_jobs"], wanted):
        found[row["job_id"]].metrics[row["name"]] = shown(row["value"])
    for row in conn.execute(_SQL["tags_of_jobs"], wanted):
        found[row["job_id"]].tags[row["name"]] = row["value"]
    return found


def series(conn: sqlite3.Connection, job_id: str, *, system: bool = False) -> list[MetricSummary]:
    """Each metric of a job in a row, by name: what it logged or, with `system`, `system/…`."""
    return [
        MetricSummary(
            name=row["name"],
            last=shown(row["last_value"]),
            last_step=row["last_step"],
            min=row["min_value"],
            min_step=row["min_step"],
            max=row["max_value"],
            max_step=row["max_step"],
            count=row["points"],
        )
        for row in conn.execute(_SQL["system_series" if system else "series"], {"job_id": job_id})
    ]


def artifacts(conn: sqlite3.Connection, job_id: str) -> list[ArtifactView]:
    """The artifacts that a job saved so far, by key."""
    return [
        ArtifactView(
            key=row["key"],
            path=row["path"],
            size_bytes=row["size_bytes"],
            saved_at=utc(row["saved_at_ms"]),
        )
        for row in conn.execute(_SQL["artifacts"], {"job_id": job_id})
    ]


def _save(
    conn: sqlite3.Connection, job_number: int, records: Iterable[Record], now_ms: int
) -> None:
    """Store records; of all but metrics the last with one key counts."""
    parameters: dict[str, tuple[object, ...]] = {}
    tags: dict[str, tuple[object, ...]] = {}
    saved: dict[str, tuple[object, ...]] = {}
    metrics: defaultdict[str, list[Metric]] = defaultdict(list)
    for record in records:
        if isinstance(record, Environment):
            continue
        key = record.key
        match record:
            case Metric():
                metrics[key].append(record)
            case Parameter(_, value, at_ms):
                stored = (json_text(value), rank(value), now_ms if at_ms is None else at_ms)
                parameters[key] = (job_number, key, *stored)
            case Tag(_, text):
                tags[key] = (job_number, key, text)
            case Artifact(_, path, size_bytes, at_ms):
                at_ms = now_ms if at_ms is None else at_ms
                saved[key] = (job_number, key, path, size_bytes, at_ms)
    conn.executemany(_SQL["save_parameter"], parameters.values())
    conn.executemany(_SQL["save_tag"], tags.values())
    conn.executemany(_SQL["save_artifact"], saved.values())
    for name, added in metrics.items():
        extend_series(conn, job_number, name, added, now_ms)


def extend_series(
    conn: sqlite3.Connection, job_number: int, name: str, added: Sequence[Metric], now_ms: int
) -> None:
    """Add points to a series of a job, and keep its row up to date."""
    row = conn.execute(_SQL["open_series"], {"job_number": job_number, "name": name}).fetchone()
    number, first = row["series_number"], row["points"]
    conn.executemany(
        _SQL["append_point"],
        (
            (number, position, step, _coded(value), now_ms if at_ms is None else at_ms)
            for position, (_, value, step, at_ms) in enumerate(added, start=first)
        ),
    )
    finite = [point for point in added if _is_finite(point.value)]
    lowest = min(finite, key=_value, default=None)
    highest = max(finite, key=_value, default=None)
    conn.execute(
        _SQL["extend_series"],
        {
            "series_number": number,
            "added": len(added),
            "last_value": _coded(added[-1].value),
            "last_step": added[-1].step,
            "min_value": lowest and lowest.value,
            "min_step": lowest and lowest.step,
            "max_value": highest and highest.value,
            "max_step": highest and highest.step,
        },
    )


_value = attrgetter("value")


def _is_finite(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _coded(value: Any) -> float | str | None:
    """A metric value as the database holds it (see the table `metrics`)."""
    if type(value) is float:
        return None if value != value else value
    return value if type(value) is int else json_text(value)


def shown(coded: float | str | None) -> Any:
    """A metric value as the database holds it, in what JSON can say."""
    if isinstance(coded, str):
        return json.loads(coded)
    if coded is None:
        return "NaN"
    return coded if math.isfinite(coded) else name_of(coded)
