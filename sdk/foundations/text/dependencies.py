"""What a job comes after, in a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundations.models import AfterView

_NAMED = 5


def after_text(after: Sequence[AfterView]) -> str:
    """Name the jobs, how each had to end, and how it stands; of many the first."""
    named = "; ".join(_one(dependency) for dependency in after[:_NAMED])
    more = f"; and {len(after) - _NAMED} more" if len(after) > _NAMED else ""
    return named + more


def _one(dependency: AfterView) -> str:
    how = "" if dependency.on == "ok" else f", {dependency.on}"
    return f"{dependency.job_id[:8]} ({dependency.state or 'deleted'}{how})"
