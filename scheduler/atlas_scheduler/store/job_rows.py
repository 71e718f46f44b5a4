"""Jobs as rows: between the columns of the database and the dataclasses of the code."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import NO_LIMITS, Cause, Limits
from atlas_scheduler.store.run_dirs import RunDescription
from foundations.models import JobSpec, JobState

ROWS_KEPT = 1_000
"""So many jobs that were read last are kept: lists are asked for again and again, and what is read
of a row is as immutable as the row."""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job with everything that is stored of it."""

    job: Job
    spec: JobSpec
    bundle: str | None
    """Digest of the bundle it runs in; None for a local run."""
    bundle_size_bytes: int
    engine: str | None = None
    """The engine that it was handed to; None before its first start."""
    archived: bool = False
    """Whether its archive is complete."""
    records_offset: int = 0
    """Up to where (bytes) its event file is taken in."""
    idempotency_key: str | None = None
    deleted: bool = False
    """Whether it is marked deleted: it waits to be restored or purged."""
    local_run: RunDescription | None = None
    """What a local run says of itself."""
    array_id: str | None = None
    """The array that it is part of."""
    array_index: int | None = None
    unique_key: str | None = None
    """What no other job of its project may have before this one has ended."""
    schedule_id: str | None = None
    """The schedule that submitted it."""


def columns(job: Job) -> dict[str, Any]:
    """What changes in a job's life, by column."""
    return {
        "job_id": job.job_id,
        "state": job.state.value,
        "queue_order": job.order,
        "priority": job.priority,
        "held_by": job.held_by,
        # It tells of one wait, and a job that waits again begins anew.
        "passed_over_at_ms": job.passed_over_at_ms if job.state is JobState.QUEUED else None,
        "not_before_ms": job.not_before_ms,
        "retried": json.dumps(job.retried) if job.retried else None,
        "timed_out": job.timed_out,
        "attempt": job.attempt,
        "gpus": json.dumps(job.gpus),
        "started_at_ms": job.started_at_ms,
        "finished_at_ms": job.finished_at_ms,
        "exit_code": job.exit_code,
        "reason": job.reason,
    }


def read_job(row: sqlite3.Row) -> Job:
    """A row of the view `core_jobs`."""
    return Job(
        job_id=row["job_id"],
        project=row["project"],
        state=JobState(row["state"]),
        order=row["queue_order"],
        num_gpus=row["num_gpus"],
        priority=row["priority"],
        held_by=row["held_by"],
        not_before_ms=row["not_before_ms"],
        limits=_read_limits(row["limits"]),
        retried=_read_retried(row["retried"]),
        timed_out=bool(row["timed_out"]),
        attempt=row["attempt"],
        gpus=tuple(json.loads(row["gpus"])),
        submitted_at_ms=row["submitted_at_ms"],
        started_at_ms=row["started_at_ms"],
        finished_at_ms=row["finished_at_ms"],
        exit_code=row["exit_code"],
        reason=row["reason"],
        is_local=row["local_run"] is not None,
        cpus=row["cpus"],
        ram_gb=row["ram_gb"],
        user=row["user"] or "unknown",
        script=row["script"],
        passed_over_at_ms=row["passed_over_at_ms"],
        array=row["array_number"],
    )


def written_limits(limits: Limits) -> str | None:
    """Limits as their column keeps them."""
    return None if limits == NO_LIMITS else json.dumps(asdict(limits))


def _read_limits(text: str | None) -> Limits:
    return NO_LIMITS if text is None else Limits(**json.loads(text))


def _read_retried(text: str | None) -> tuple[Cause, ...]:
    return () if text is None else tuple(map(Cause, json.loads(text)))


@lru_cache(maxsize=ROWS_KEPT)
def read_stored_job(row: sqlite3.Row) -> StoredJob:
    """A row of the view `stored_jobs`; the same one is not read twice, as long as it is kept."""
    local_run = row["local_run"]
    return StoredJob(
        job=read_job(row),
        spec=JobSpec.model_validate_json(row["spec"]),
        bundle=row["bundle"] if local_run is None else None,
        bundle_size_bytes=row["bundle_size_bytes"],
        engine=row["engine"],
        archived=bool(row["archived"]),
        records_offset=row["records_offset"],
        idempotency_key=row["idempotency_key"],
        deleted=row["deleted_at_ms"] is not None,
        local_run=None if local_run is None else RunDescription.model_validate_json(local_run),
        array_id=row["array_id"],
        array_index=row["array_index"],
        unique_key=row["unique_key"],
        schedule_id=row["schedule_id"],
    )
