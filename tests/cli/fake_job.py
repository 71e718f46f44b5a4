"""One job of the scheduler in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from foundations.logs.times import TimeMarks
from foundations.models import (
    ArrayPlace,
    JobSpec,
    JobState,
    LocalRunView,
    MetricSummary,
    NoteView,
    Submission,
)
from foundations.provenance import Provenance

BEGIN = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@dataclass
class FakeJob:
    """One job, and what it left."""

    job_id: str
    spec: JobSpec
    bundle: str = "sha256:" + "0" * 64
    state: JobState = JobState.QUEUED
    reason: str | None = None
    exit_code: int | None = None
    submitted_at: datetime = BEGIN
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log: bytes = b""
    log_marks: TimeMarks = field(default_factory=TimeMarks)
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    lost_artifacts: set[str] = field(default_factory=set)
    """Keys of artifacts whose files are not there."""
    tags: dict[str, str] = field(default_factory=dict)
    notes: list[NoteView] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)
    priority: int = 0
    held_by: str | None = None
    logs: dict[str, bytes] | None = None
    """TensorBoard's, by path; None before the job says where they are."""
    series: dict[str, list[tuple[float | None, Any]]] = field(default_factory=dict)
    """Step and value of each point, by metric."""
    system: list[MetricSummary] = field(default_factory=list)
    """What the scheduler measured; points of it are in `series`."""
    local_run: LocalRunView | None = None
    skipped_records: int = 0
    array: ArrayPlace | None = None
    schedule_id: str | None = None
    submission: Submission | None = None
    """As it was asked for; None for jobs that tests put in."""
