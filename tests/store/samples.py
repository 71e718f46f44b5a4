"""Databases and jobs to test with."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Limits
from atlas_scheduler.store import jobs, queue_places, regexp, schema, sql
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.sql import Migration
from foundations.models import JobSpec, JobState

DIGEST = f"sha256:{'a' * 64}"


def memory_database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    regexp.install(connection)
    queue_places.install(connection)
    connection.deserialize(_newest())
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@cache
def _newest() -> bytes:
    """An empty database with the newest schema: the migrations take longer than most tests."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        schema.migrate(made)
        return made.serialize()


def lay_database(path: Path) -> Path:
    """Have an empty database there, as `Database.open` would make one; return its path."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_newest())
    return path


def next_step(*statements: str) -> Migration:
    """A migration that follows those there are."""
    version = sql.migrations()[-1].version + 1
    script = "".join(f"{statement};\n" for statement in statements)
    return Migration(version, f"{script}PRAGMA user_version = {version};\n")


def new_job(
    *,
    job_id: str | None = None,
    project: str = "digits",
    order: int = 1,
    submitted_at_ms: int = 1_000,
    spec: Mapping[str, Any] | None = None,
    array: int | None = None,
    **stored: Any,
) -> StoredJob:
    """A queued job as a submission makes it."""
    made = JobSpec.model_validate({"project": project, **(spec or {})})
    job = Job(
        job_id=job_id or str(uuid.uuid4()),
        project=project,
        state=JobState.QUEUED,
        order=order,
        num_gpus=made.num_gpus,
        cpus=made.cpus or 0,
        ram_gb=made.ram_gb or 0,
        user=made.user,
        script=made.command[0] if made.command else "",
        priority=made.priority,
        limits=Limits.of(made),
        submitted_at_ms=submitted_at_ms,
        array=array,
    )
    return replace(StoredJob(job=job, spec=made, bundle=DIGEST, bundle_size_bytes=1), **stored)


def add(conn: sqlite3.Connection, **wanted: Any) -> Job:
    """Insert a job at the end of the queue."""
    stored = new_job(order=jobs.next_order(conn), **wanted)
    jobs.insert_job(conn, stored, now_ms=stored.job.submitted_at_ms)
    return stored.job


def claim(conn: sqlite3.Connection, job: Job) -> Job:
    """Let a job begin to start."""
    starting = replace(job, state=JobState.STARTING, attempt=1)
    jobs.save_job(conn, starting, engine="process")
    return starting


def run(conn: sqlite3.Connection, job: Job) -> Job:
    """Let a job run."""
    running = replace(job, state=JobState.RUNNING, attempt=1, started_at_ms=2_000)
    jobs.save_job(conn, running, engine="process")
    return running


def finish(
    conn: sqlite3.Connection, job: Job, state: JobState = JobState.COMPLETED, *, at_ms: int = 3_000
) -> Job:
    """Let a job end."""
    exit_code = {JobState.COMPLETED: 0, JobState.FAILED: 1}.get(state)
    ended = replace(run(conn, job), state=state, finished_at_ms=at_ms, exit_code=exit_code)
    jobs.save_job(conn, ended)
    return ended
