"""Arrays of jobs in the database: many jobs of one submission, written at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import history, jobs, parameters, sql
from atlas_scheduler.store.job_rows import StoredJob
from foundations.models import ArrayView, JobState, NewArray
from foundations.provenance import Origin

_SQL = sql.queries("arrays")


def insert_array(
    conn: sqlite3.Connection, array_id: str, wanted: NewArray, *, size: int, now_ms: int
) -> int:
    """Add an array that has no jobs yet, and return its number."""
    origin = wanted.submission.origin
    git = None if origin is None else origin.git
    inserted = conn.execute(
        _SQL["insert"],
        {
            "array_id": array_id,
            "indices": wanted.indices,
            "size": size,
            "max_at_once": wanted.max_at_once,
            "submitted_at_ms": now_ms,
            "diff": None if git is None else git.diff,
        },
    )
    assert inserted.lastrowid is not None
    return inserted.lastrowid


def insert_members(
    conn: sqlite3.Connection, members: Sequence[StoredJob], origin: Origin | None, *, now_ms: int
) -> None:
    """Add the jobs of an array: tags, parameters, where they come from, and their history too."""
    first = members[0]
    number = first.job.array
    assert number is not None
    jobs.insert_jobs(conn, members, now_ms=now_ms)
    parameters.submit_array(conn, number, first.spec.params, jobs=len(members), now_ms=now_ms)
    tags = first.spec.tags.items()
    conn.executemany(
        _SQL["insert_tag"],
        ({"name": name, "value": value, "array_number": number} for name, value in tags),
    )
    if origin is not None:
        git = origin.git and origin.git.model_copy(update={"diff": None})
        shown = origin.model_copy(update={"git": git}).model_dump_json()
        conn.execute(_SQL["insert_origin"], {"origin": shown, "array_number": number})
    history.append_submissions(
        conn, (one.job for one in members), at_ms=now_ms, detail={"user": first.spec.user}
    )


def view(conn: sqlite3.Connection, array_number: int) -> ArrayView:
    """An array, and how its jobs stand."""
    wanted = {"array_number": array_number}
    row = conn.execute(_SQL["load"], wanted).fetchone()
    return ArrayView(
        array_id=row["array_id"],
        project=row["project"],
        indices=row["indices"],
        size=row["size"],
        max_at_once=row["max_at_once"],
        submitted_at=utc(row["submitted_at_ms"]),
        states={
            JobState(one["state"]): one["jobs"]
            for one in conn.execute(_SQL["count_by_state"], wanted)
        },
    )


def members(conn: sqlite3.Connection, array_number: int) -> dict[str, JobState]:
    """The jobs of an array that are there, and where each stands."""
    rows = conn.execute(_SQL["members"], {"array_number": array_number})
    return {row["job_id"]: JobState(row["state"]) for row in rows}


def number_of(conn: sqlite3.Connection, job_id: str) -> int | None:
    """The number of the array that a job is part of."""
    row = conn.execute(_SQL["number_of_job"], {"job_id": job_id}).fetchone()
    return None if row is None else row["array_number"]


def limits(conn: sqlite3.Connection) -> dict[int, int]:
    """How many jobs may run at once, by array; of the arrays that wait for something to run."""
    return {row["array_number"]: row["max_at_once"] for row in conn.execute(_SQL["limits"])}


def forget(conn: sqlite3.Connection, array_number: int) -> None:
    """Drop an array when none of its jobs is left."""
    conn.execute(_SQL["forget"], {"array_number": array_number})
