"""Why jobs are not stopped, where several are to be: the same in whatever way that is asked for."""

from __future__ import annotations

from foundations.errors import JobConflict, SchedulerError
from foundations.lazy_models import models


def refused(ref: str, error: SchedulerError) -> models.StopRefusal:
    """Say of one of several jobs why it was not stopped."""
    return models.StopRefusal(job=ref, error=error.code, message=error.message)


def too_many(taken: int, *, at_most: int) -> JobConflict:
    """The error where a filter takes more jobs than its user knows of."""
    return JobConflict(
        f"The filter takes {taken} jobs by now, more than the {at_most} that were confirmed. "
        "None was stopped: look at them again."
    )
