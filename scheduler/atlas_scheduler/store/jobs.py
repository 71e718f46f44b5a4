"""Jobs in the database: what was submitted, where each stands, and in which order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from atlas_scheduler.core.job import Job
from atlas_scheduler.store import dependencies, parameters, sql
from atlas_scheduler.store.array_refs import member
from atlas_scheduler.store.job_lists import PAGE_LIMIT, count_by_state, page, projects
from atlas_scheduler.store.job_rows import (
    StoredJob,
    columns,
    read_job,
    read_stored_job,
    written_limits,
)
from atlas_scheduler.store.prefixes import meant
from foundations.errors import JobConflict, NotFound

__all__ = [
    "PAGE_LIMIT",
    "StoredJob",
    "begin_sweeps",
    "bundle_in_use",
    "by_idempotency_key",
    "count_by_state",
    "expired",
    "holding",
    "insert_job",
    "insert_jobs",
    "is_known",
    "load",
    "load_job",
    "mark_archived",
    "mark_deleted",
    "next_expiry_ms",
    "next_order",
    "next_turn_ms",
    "oldest_deletion",
    "page",
    "projects",
    "purge",
    "queued",
    "resolve",
    "resolve_deleted",
    "restore",
    "running_locally",
    "save_job",
    "sweeping",
    "unfinished_archives",
    "with_unique_key",
]

_SQL = sql.queries("jobs")

_NO_BUNDLE = "sha256:none"


def insert_job(conn: sqlite3.Connection, stored: StoredJob, *, now_ms: int) -> None:
    """Add a job, with its project where that is new, and the tags and parameters of its spec.

    Raises:
        sqlite3.IntegrityError: its id or its idempotency key is taken.
    """
    insert_jobs(conn, [stored], now_ms=now_ms)
    tags = ({"name": name, "value": value} for name, value in stored.spec.tags.items())
    conn.executemany(_SQL["insert_tag"], ({**tag, "job_id": stored.job.job_id} for tag in tags))
    parameters.submit(conn, stored.job.job_id, stored.spec.params, now_ms=now_ms)


def insert_jobs(conn: sqlite3.Connection, added: Sequence[StoredJob], *, now_ms: int) -> None:
    """Add jobs of one project, which may be new; not what their specs say of tags and parameters.

    Raises:
        sqlite3.IntegrityError: an id or an idempotency key is taken.
    """
    conn.execute(_SQL["insert_project"], {"project": added[0].job.project, "now_ms": now_ms})
    conn.executemany(_SQL["insert_job"], (_new_row(one, now_ms) for one in added))


def _new_row(stored: StoredJob, now_ms: int) -> dict[str, Any]:
    job = stored.job
    return {
        **columns(job),
        "project": job.project,
        "limits": written_limits(job.limits),
        "array_number": job.array,
        "array_index": stored.array_index,
        "unique_key": stored.unique_key,
        "schedule_id": stored.schedule_id,
        "submitted_at_ms": job.submitted_at_ms,
        "engine": stored.engine,
        "archived": stored.archived,
        "records_offset": stored.records_offset,
        "idempotency_key": stored.idempotency_key,
        "deleted_at_ms": now_ms if stored.deleted else None,
        "bundle": _NO_BUNDLE if stored.bundle is None else stored.bundle,
        "bundle_size_bytes": stored.bundle_size_bytes,
        "spec": stored.spec.model_dump_json(),
        "local_run": stored.local_run and stored.local_run.model_dump_json(),
    }


def save_job(conn: sqlite3.Connection, job: Job, *, engine: str | None = None) -> None:
    """Store where a job stands now; an engine that is None leaves the stored one.

    Raises:
        NotFound: there is no such job.
    """
    saved = conn.execute(_SQL["save_job"], {**columns(job), "engine": engine})
    if not saved.rowcount:
        raise _no_job(job.job_id)


def load(conn: sqlite3.Connection, job_id: str) -> StoredJob:
    """A job with everything; one that is marked deleted too.

    Raises:
        NotFound: there is no such job.
    """
    row = conn.execute(_SQL["load"], {"job_id": job_id}).fetchone()
    if row is None:
        raise _no_job(job_id)
    return read_stored_job(row)


def load_job(conn: sqlite3.Connection, job_id: str) -> Job:
    """A job as the core's rules see it; one that is marked deleted too.

    Raises:
        NotFound: there is no such job.
    """
    row = conn.execute(_SQL["load_job"], {"job_id": job_id}).fetchone()
    if row is None:
        raise _no_job(job_id)
    return read_job(row)


def resolve(conn: sqlite3.Connection, ref: str) -> str:
    """Find the id that an id, or a unique prefix of one, means. Deleted jobs are not found.

    `ARRAY_INDEX`, such as `1234abcd_7`, means the job of an array that has this index.

    Raises:
        AmbiguousJob: several ids begin like this.
        InvalidRequest: it is too short.
        NotFound: no id begins like this.
    """
    return member(conn, ref) or _resolve(conn, ref, "resolve")


def resolve_deleted(conn: sqlite3.Connection, ref: str) -> str:
    """Find the id of a deleted job that can still be restored.

    Raises:
        AmbiguousJob: several ids of such begin like this.
        InvalidRequest: it is too short.
        NotFound: no such id begins like this.
    """
    return _resolve(conn, ref, "resolve_deleted")


def _resolve(conn: sqlite3.Connection, ref: str, query: str) -> str:
    found = meant(conn, _SQL[query], ref, noun="job", column="job_id", missing=lambda: _no_job(ref))
    return str(found["job_id"])


def by_idempotency_key(conn: sqlite3.Connection, key: str) -> str | None:
    """The id of the job that was submitted with this key, if there is one."""
    row = conn.execute(_SQL["by_idempotency_key"], {"key": key}).fetchone()
    return None if row is None else str(row["job_id"])


def with_unique_key(conn: sqlite3.Connection, project: str, key: str) -> list[Job]:
    """Jobs of a project that have a unique key and have not ended; all but one are stopping."""
    rows = conn.execute(_SQL["with_unique_key"], {"project": project, "key": key})
    return [read_job(row) for row in rows]


def mark_archived(conn: sqlite3.Connection, job_id: str) -> None:
    """Note that a final job's archive is complete."""
    conn.execute(_SQL["mark_archived"], {"job_id": job_id})


def mark_deleted(conn: sqlite3.Connection, job_id: str, now_ms: int) -> None:
    """Take a final job out of every list; `purge` removes it. May be repeated.

    Raises:
        JobConflict: the job is not final.
        NotFound: there is no such job.
    """
    if not conn.execute(_SQL["mark_deleted"], {"job_id": job_id, "now_ms": now_ms}).rowcount:
        state = load_job(conn, job_id).state
        raise JobConflict(f"Job {job_id} is {state}. Only a job that has ended can be deleted.")


def purge(conn: sqlite3.Connection, job_id: str) -> None:
    """Remove a job that is marked deleted, with its records. Its history stays."""
    conn.execute(_SQL["purge"], {"job_id": job_id})


def next_order(conn: sqlite3.Connection) -> int:
    """The place behind every job that waits."""
    return int(conn.execute(_SQL["next_order"]).fetchone()["queue_order"])


def queued(conn: sqlite3.Connection, project: str | None = None) -> list[Job]:
    """Jobs that wait, in the order of their turns, of all projects or of one."""
    name = "queued" if project is None else "queued_of_project"
    found = [read_job(row) for row in conn.execute(_SQL[name], {"project": project})]
    blockers = dependencies.blockers(conn)
    if not blockers:
        return found
    return [
        replace(job, blockers=tuple(blockers[job.job_id])) if job.job_id in blockers else job
        for job in found
    ]


def next_turn_ms(conn: sqlite3.Connection, *, now_ms: int) -> int | None:
    """When the next of the jobs that wait for a time may have its turn."""
    at_ms: int | None = conn.execute(_SQL["next_turn"], {"now_ms": now_ms}).fetchone()["at_ms"]
    return at_ms


def expired(conn: sqlite3.Connection, *, now_ms: int) -> list[Job]:
    """Jobs that have waited for as long as they may, the longest overdue first."""
    return [read_job(row) for row in conn.execute(_SQL["expired"], {"now_ms": now_ms})]


def next_expiry_ms(conn: sqlite3.Connection) -> int | None:
    """When the next of the jobs that wait has waited for as long as it may."""
    at_ms: int | None = conn.execute(_SQL["next_expiry"]).fetchone()["at_ms"]
    return at_ms


def holding(conn: sqlite3.Connection) -> list[Job]:
    """Jobs that occupy a slot, in the order of their submission."""
    return [read_job(row) for row in conn.execute(_SQL["holding"])]


def running_locally(conn: sqlite3.Connection) -> list[Job]:
    """Local runs that have not ended, in the order they were found."""
    return [read_job(row) for row in conn.execute(_SQL["running_locally"])]


def is_known(conn: sqlite3.Connection, job_id: str) -> bool:
    """Whether there is a job with this id, or one that is deleted and not yet purged."""
    return bool(conn.execute(_SQL["is_known"], {"job_id": job_id}).fetchone()["is_known"])


def unfinished_archives(conn: sqlite3.Connection) -> list[Job]:
    """Final jobs whose archive is not complete, in the order they ended."""
    return [read_job(row) for row in conn.execute(_SQL["unfinished_archives"])]


def restore(conn: sqlite3.Connection, job_id: str) -> bool:
    """Take back that a job is marked deleted. Returns False when it is too late, or never was."""
    return bool(conn.execute(_SQL["restore"], {"job_id": job_id}).rowcount)


def begin_sweeps(conn: sqlite3.Connection, *, deleted_until_ms: int, now_ms: int) -> None:
    """Let no job come back that was marked deleted up to this time."""
    wanted = {"deleted_until_ms": deleted_until_ms, "now_ms": now_ms}
    conn.execute(_SQL["begin_sweeps"], wanted)


def sweeping(conn: sqlite3.Connection) -> list[str]:
    """Ids of the deleted jobs that cannot come back and are not yet purged."""
    return [row["job_id"] for row in conn.execute(_SQL["sweeping"])]


def oldest_deletion(conn: sqlite3.Connection) -> int | None:
    """When (ms) the first of the deleted jobs that can still come back was marked."""
    oldest: int | None = conn.execute(_SQL["oldest_deletion"]).fetchone()["deleted_at_ms"]
    return oldest


def bundle_in_use(conn: sqlite3.Connection, digest: str) -> bool:
    """Whether a job that is there, or can come back, runs in this bundle."""
    return bool(conn.execute(_SQL["bundle_in_use"], {"bundle": digest}).fetchone()["in_use"])


def _no_job(ref: str) -> NotFound:
    return NotFound(f"There is no job {ref!r}. `foundations list jobs` shows the jobs there are.")
