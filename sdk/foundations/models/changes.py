"""What the change feed tells."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from foundations.models.words import JobState, View


class Change(View):
    """One row of a job's history, and of the change feed."""

    seq: int
    """Position in the feed; grows, never repeats."""
    at: datetime
    job_id: str
    project: str
    event: str
    """What happened, in the lifecycle's words: `Submitted`, `Exited`, `Tagged`, `Moved`, …"""
    state: JobState
    """The state after it."""
    detail: dict[str, JsonValue] = {}
    """What else is known; where somebody asked for it also the `source` (`unix socket` or an
    address) and the id of their `token`."""


class QueueChange(View):
    """One row of the feed that is about the queue itself."""

    seq: int
    """Position in the feed, which it shares with the changes of jobs."""
    at: datetime
    event: str
    """`QueuePaused`, `QueueResumed`, `QueueChanged`, `DiskNearlyFull` or `DiskFreed`; or what
    happened to a schedule, a project or a token, such as `ScheduleSkipped` or `ProjectRenamed`."""
    project: str | None = None
    """Whose part of the queue it is about; None is all of it."""
    detail: dict[str, JsonValue] = {}
    """At least `by`, and where somebody asked for it `source` and the id of their `token`."""


class NewRecords(View):
    """A notice that jobs recorded something: it is not stored, and has no place in the feed."""

    job_ids: list[str]
