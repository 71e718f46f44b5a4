"""The history of jobs: every change as a row, in one order for all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.times import utc
from atlas_scheduler.store import acting, sql
from foundations.models import Change, JobState, QueueChange

_SQL = sql.queries("history")


def append_change(  # noqa: PLR0913 - one argument a column
    conn: sqlite3.Connection,
    *,
    job_id: str,
    project: str,
    event: str,
    state: JobState,
    at_ms: int,
    detail: Mapping[str, Any],
) -> int:
    """Add a change to the history, in the transaction that makes the change.

    Args:
        conn: a connection that writes.
        job_id: the job it happened to.
        project: the job's project at this time.
        event: what happened, in the lifecycle's words.
        state: the job's state after it.
        at_ms: when it happened; the order is that of the calls, not of this.
        detail: what else is known of it, anything JSON can say.

    Returns:
        Its sequence number: larger than every one before, never given twice.
    """
    return _append(
        conn,
        {
            "job_id": job_id,
            "project": project,
            "event": event,
            "state": state.value,
            "at_ms": at_ms,
            "detail": _told(detail),
        },
    )


def append_submissions(
    conn: sqlite3.Connection, added: Iterable[Job], *, at_ms: int, detail: Mapping[str, Any]
) -> None:
    """Add the submissions of many jobs at once, of which the same is known."""
    told = _told(detail)
    rows = (
        {
            "job_id": job.job_id,
            "project": job.project,
            "event": "Submitted",
            "state": job.state.value,
            "at_ms": at_ms,
            "detail": told,
        }
        for job in added
    )
    conn.executemany(_SQL["append_many"], rows)


def append_queue_change(
    conn: sqlite3.Connection,
    *,
    project: str | None,
    event: str,
    at_ms: int,
    detail: Mapping[str, Any],
) -> int:
    """Add a change of the queue itself, of one project's part of it or of all."""
    return _append(
        conn,
        {
            "job_id": None,
            "project": project,
            "event": event,
            "state": None,
            "at_ms": at_ms,
            "detail": _told(detail),
        },
    )


def _told(detail: Mapping[str, Any]) -> str:
    """Write down what is known and, of what somebody did, where they were."""
    somebody = "by" in detail or "user" in detail
    return json.dumps({**detail, **(acting.origin() if somebody else {})}, allow_nan=False)


def _append(conn: sqlite3.Connection, row: Mapping[str, Any]) -> int:
    seq = conn.execute(_SQL["append_change"], row).lastrowid
    assert seq is not None
    return seq


def changes_since(
    conn: sqlite3.Connection, seq: int, *, job_id: str | None = None, limit: int = 500
) -> list[Change]:
    """The first changes of jobs after `seq`, oldest first, of all jobs or of one."""
    name = "changes_since" if job_id is None else "changes_of_job_since"
    wanted = {"seq": seq, "job_id": job_id, "limit": limit, "with_queue": False}
    return [_change(row) for row in conn.execute(_SQL[name], wanted)]


def all_changes_since(
    conn: sqlite3.Connection, seq: int, *, limit: int = 500
) -> list[Change | QueueChange]:
    """The first changes after `seq`, oldest first, of jobs and of the queue itself."""
    wanted = {"seq": seq, "limit": limit, "with_queue": True}
    return [
        _change(row) if row["job_id"] is not None else _queue_change(row)
        for row in conn.execute(_SQL["changes_since"], wanted)
    ]


def _change(row: sqlite3.Row) -> Change:
    return Change(
        seq=row["seq"],
        at=utc(row["at_ms"]),
        job_id=row["job_id"],
        project=row["project"],
        event=row["event"],
        state=JobState(row["state"]),
        detail=json.loads(row["detail"]),
    )


def _queue_change(row: sqlite3.Row) -> QueueChange:
    return QueueChange(
        seq=row["seq"],
        at=utc(row["at_ms"]),
        project=row["project"],
        event=row["event"],
        detail=json.loads(row["detail"]),
    )


def last_seq(conn: sqlite3.Connection) -> int:
    """The sequence number of the newest change; 0 before the first."""
    return int(conn.execute(_SQL["last_seq"]).fetchone()["seq"])
