"""Jobs that have ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from atlas_scheduler.hooks import Ended
from foundations.models import JobState, JobView


def ended(seq: int = 7, **changed: Any) -> Ended:
    known: dict[str, Any] = {
        "job_id": "a" * 36,
        "project": "cats",
        "user": "ada",
        "state": JobState.FAILED,
        "exit_code": 3,
        "command": ["main.py"],
        "submitted_at": datetime(2024, 5, 1, tzinfo=UTC),
        "metrics": {"loss": 0.5},
    }
    return Ended(seq, JobView(**(known | changed)))
