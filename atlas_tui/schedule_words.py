"""How a schedule stands, in words; no widgets."""

from __future__ import annotations

from foundations.models import ScheduleView


def next_text(schedule: ScheduleView) -> str:
    """Say when it submits next, or why it does not."""
    if schedule.paused_by is not None:
        return f"paused by {schedule.paused_by}"
    if schedule.next_at is None:
        return "never again"
    return f"next {schedule.next_at.astimezone():%d %b %H:%M}"


def last_text(schedule: ScheduleView) -> str:
    """Say what came of it last, or nothing."""
    if schedule.problem is not None:
        return schedule.problem
    if schedule.last_job_id is None:
        return "no job yet"
    return f"last {schedule.last_job_id[:8]} {schedule.last_job_state or 'deleted'}"
