"""What an earlier session saw, for the first picture: before the models are loaded, and after.

Loading the models takes longer than painting. Until they are there, what stands for a view of the
scheduler's has the same attributes and is nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from atlas_tui.session import Document, Seen, Session
from foundations.job_states import JobState

if TYPE_CHECKING:
    from pydantic import BaseModel

    from foundations.models import JobView, SchedulerInfo

PARTS = frozenset(
    {
        *("waiting", "array"),
        *("engine", "queue", "paused", "paused_projects", "storage", "disks", "volumes"),
        "certificate",
    }
)
"""Fields that hold a view, or a list of views, where they do not hold a text."""
MOMENTS = frozenset(
    {"submitted_at", "started_at", "finished_at", "not_before", "expected_start_at", "at", "until"}
)

_NOT_OURS = (ValueError, TypeError, AttributeError)
"""What comes of a file that the app has not written."""


class _StandIn(SimpleNamespace):
    def __getattr__(self, name: str) -> None:
        """What the session before did not know yet is not told."""


def stand_in_jobs(seen: Seen) -> list[JobView]:
    """The jobs of a list, to be painted."""
    try:
        return [cast("JobView", _stand_in(one)) for one in seen.jobs]
    except _NOT_OURS:
        return []


def stand_in_info(session: Session) -> SchedulerInfo | None:
    """How the scheduler stood, to be painted."""
    try:
        info = session.info
        return None if info is None else cast("SchedulerInfo", _stand_in(info))
    except _NOT_OURS:
        return None


def jobs(seen: Seen) -> list[JobView]:
    """The jobs of a list; loads the models."""
    from foundations.models import JobView

    try:
        return [JobView.model_validate(one) for one in seen.jobs]
    except _NOT_OURS:
        return []


def info(session: Session) -> SchedulerInfo | None:
    """How the scheduler stood; loads the models."""
    from foundations.models import SchedulerInfo

    try:
        return None if session.info is None else SchedulerInfo.model_validate(session.info)
    except _NOT_OURS:
        return None


def documents(views: Sequence[BaseModel]) -> tuple[Document, ...]:
    """Views as they are kept."""
    return tuple(one.model_dump(mode="json") for one in views)


def _stand_in(document: Document) -> _StandIn:
    return _StandIn(**{name: _value(name, value) for name, value in document.items()})


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "state":
        return JobState(value)
    if name == "states":
        return {JobState(state): count for state, count in value.items()}
    if name in MOMENTS:
        return datetime.fromisoformat(value)
    if name in PARTS and isinstance(value, dict):
        return _stand_in(value)
    if name in PARTS and isinstance(value, list):
        return [_stand_in(one) for one in value]
    return value
