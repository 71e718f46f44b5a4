"""What is asked before the files of a submission are sent."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from foundations.models.arrays import Indices
from foundations.models.requests import Plan
from foundations.models.schedules import Cron, TimeZone
from foundations.models.words import Request


class SubmissionCheck(Request):
    """Body of `POST /jobs/check`: what is about to be submitted, as a job, an array or a schedule.

    With neither `indices` nor `cron` it is a single job.
    """

    plan: Plan
    bundle_bytes: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """What the files hold together, where they are to be sent file by file."""
    indices: Indices | None = None
    """Those of an array."""
    cron: Cron | None = None
    """When a schedule submits it."""
    time_zone: TimeZone = "UTC"
    """Of the cron line."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.indices is not None and self.cron is not None:
            raise ValueError("give `indices` or `cron`, not both")
        return self
