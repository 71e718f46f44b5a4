"""Stored rows as the views that clients get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from atlas_scheduler.core.capacity import Pause
from atlas_scheduler.core.retention import Policy, Rule
from atlas_scheduler.core.times import utc
from atlas_scheduler.store.job_rows import ROWS_KEPT, StoredJob
from atlas_scheduler.store.records import JobRecords
from atlas_scheduler.store.tokens import Token
from foundations.models import (
    ArrayPlace,
    JobDetail,
    JobState,
    JobView,
    LocalRunView,
    PauseView,
    ProjectView,
    QueueSettings,
    QueueView,
    RetentionView,
    TokenView,
    Waiting,
)


def queue_view(settings: QueueSettings, pauses: Sequence[Pause]) -> QueueView:
    """How the queue is run, and what is paused."""
    views = [PauseView(by=pause.by, at=utc(pause.at_ms), project=pause.project) for pause in pauses]
    return QueueView(
        **settings.model_dump(),
        paused=next((one for one in views if one.project is None), None),
        paused_projects=[one for one in views if one.project is not None],
    )


def project_view(found: ProjectView, policy: Policy, own: Rule | None) -> ProjectView:
    """A project with what it keeps of its jobs."""
    rule = policy.rule_of(found.name, own)
    shown = RetentionView(
        keep_last=rule.keep_last,
        keep_days=rule.keep_days,
        keep_tags=list(policy.keep_tags),
        set_by="server.yaml" if own is None else "project",
    )
    return found.model_copy(update={"retention": None if rule.keeps_everything else shown})


class JobViews:
    """Makes what lists show of jobs; what was shown last is kept as long as it stays the same.

    Lists are asked for again and again, and most jobs on them wait or have ended. May be used from
    any thread.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[StoredJob, Waiting | None, str, JobView]] = {}

    def of(
        self,
        stored: StoredJob,
        records: JobRecords,
        *,
        waiting: Mapping[str, Waiting],
        now_ms: int,
    ) -> JobView:
        """A job as lists show it."""
        job_id, told = stored.job.job_id, waiting.get(stored.job.job_id)
        # Not the records: to Python 1 is 1.0 and True, which are written in three ways.
        recorded = repr(records)
        kept = self._kept.get(job_id)
        if kept and kept[0] is stored and kept[1] is told and kept[2] == recorded:
            return kept[3]
        view = JobView(**_fields(stored, records, waiting, now_ms))
        if view.duration_seconds is None or stored.job.finished_at_ms is not None:
            if len(self._kept) >= ROWS_KEPT:
                self._kept.clear()
            self._kept[job_id] = stored, told, recorded, view
        return view


def job_detail(
    stored: StoredJob,
    records: JobRecords,
    *,
    waiting: Mapping[str, Waiting],
    now_ms: int,
    more: Mapping[str, Any],
) -> JobDetail:
    """A job with everything; `more` holds the fields that only `JobDetail` has."""
    return JobDetail(
        **_fields(stored, records, waiting, now_ms),
        spec=stored.spec,
        bundle=stored.bundle,
        bundle_size_bytes=stored.bundle_size_bytes,
        archived=stored.archived,
        local_run=stored.local_run and LocalRunView(**stored.local_run.model_dump()),
        **more,
    )


def _fields(
    stored: StoredJob, records: JobRecords, waiting: Mapping[str, Waiting], now_ms: int
) -> dict[str, Any]:
    job, spec = stored.job, stored.spec
    return {
        "job_id": job.job_id,
        "project": job.project,
        "user": spec.user,
        "state": job.state,
        "reason": job.reason,
        "exit_code": job.exit_code,
        "attempt": job.attempt,
        "command": list(spec.command),
        "image": spec.image,
        "engine": stored.engine,
        "local": job.is_local,
        "array": _array_place(stored),
        "unique_key": stored.unique_key,
        "schedule_id": stored.schedule_id,
        "num_gpus": spec.num_gpus,
        "priority": job.priority,
        "held_by": job.held_by,
        "not_before": None if job.not_before_ms is None else utc(job.not_before_ms),
        "gpus": list(job.gpus),
        "cpus": spec.cpus,
        "ram_gb": spec.ram_gb,
        "submitted_at": utc(job.submitted_at_ms),
        "started_at": None if job.started_at_ms is None else utc(job.started_at_ms),
        "finished_at": None if job.finished_at_ms is None else utc(job.finished_at_ms),
        "duration_seconds": _duration_seconds(stored, now_ms),
        "parameters": records.parameters,
        "metrics": records.metrics,
        "tags": records.tags,
        "waiting": waiting.get(job.job_id) if job.state is JobState.QUEUED else None,
    }


def _array_place(stored: StoredJob) -> ArrayPlace | None:
    if stored.array_id is None or stored.array_index is None:
        return None
    return ArrayPlace(array_id=stored.array_id, index=stored.array_index)


def _duration_seconds(stored: StoredJob, now_ms: int) -> float | None:
    job = stored.job
    if job.started_at_ms is None:
        return None
    end_ms = now_ms if job.finished_at_ms is None else job.finished_at_ms
    return max(0, end_ms - job.started_at_ms) / 1000


def token_view(token: Token, *, holds: bool) -> TokenView:
    """A token as clients see it, without its secret."""

    def when(at_ms: int | None) -> object:
        return None if at_ms is None else utc(at_ms)

    return TokenView.model_validate(
        {
            "token_id": token.token_id,
            "name": token.name,
            "user": token.user,
            "role": token.role,
            "created_by": token.created_by,
            "created_at": utc(token.created_at_ms),
            "expires_at": when(token.expires_at_ms),
            "revoked_by": token.revoked_by,
            "revoked_at": when(token.revoked_at_ms),
            "last_used_at": when(token.last_used_at_ms),
            "last_used_from": token.last_used_from,
            "rotated_from": token.rotated_from,
            "limits": token.limits,
            "holds": holds,
        }
    )
