"""What a job comes after."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from foundations.models.words import JobState, Request, View

HowItEnds = Literal["ok", "any", "failed"]
"""How the other job must end: completed, anyhow, or failed or lost."""
MOST_AFTER = 100
"""So many jobs and arrays may be named that a job comes after."""
_ARRAY = "array:"


class After(Request):
    """A job that another one waits for."""

    job: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    """Its id or a unique prefix of it; `array:ID` means each job of an array."""
    on: HowItEnds = "ok"

    @property
    def array(self) -> str | None:
        """The array that is meant, by its id or a prefix of it; None when it is a single job."""
        return self.job.removeprefix(_ARRAY) if self.job.startswith(_ARRAY) else None


class AfterView(View):
    """A job that another one waits or waited for, and how that stands."""

    job_id: str
    on: HowItEnds
    status: Literal["open", "met", "unmet"]
    """`unmet` when it ended in another way than it had to, or was not awaited to its end."""
    state: JobState | None = None
    """None when it is deleted."""
