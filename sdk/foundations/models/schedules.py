"""Jobs that are submitted again and again: what is asked for, and how it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from foundations.models.requests import JobSpec, Submission
from foundations.models.words import JobState, Request, View

Overlap = Literal["skip", "allow"]
"""When the time comes and a job of the schedule has not ended: submit none, or one more."""

Cron = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Minute, hour, day of the month, month, day of the week."""
TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""Such as `Europe/Berlin`."""


class NewSchedule(Request):
    """Body of `POST /schedules`: a submission, and when it is made."""

    submission: Submission
    """What each job is; its `after`, `unique` and `not_before` must not be given."""
    cron: Cron
    time_zone: TimeZone = "UTC"
    overlap: Overlap = "skip"


class ScheduleView(View):
    """A schedule, and how it stands."""

    schedule_id: str
    project: str
    cron: str
    time_zone: str
    overlap: Overlap
    spec: JobSpec
    """What each of its jobs runs."""
    bundle: str
    created_by: str
    created_at: datetime
    paused_by: str | None = None
    """Who keeps it from submitting; None when nobody does."""
    next_at: datetime | None = None
    """When it submits next; None while it is paused, or when that never comes."""
    last_at: datetime | None = None
    """When it last submitted, or skipped."""
    last_job_id: str | None = None
    last_job_state: JobState | None = None
    """None when there was none yet, or it is deleted."""
    skipped: int = 0
    """How often it submitted nothing, because its last job had not ended."""
    problem: str | None = None
    """Why the last time came to nothing, such as a GPU that is not there any more."""
