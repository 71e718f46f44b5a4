"""Requests about the queue."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable
from typing import Any

from foundations.calls.call import Call
from foundations.lazy_models import models


def queue_settings() -> Call[models.QueueView]:
    """Ask how the queue is run, and what is paused."""
    return Call("GET", "/queue", _queue_view)


def set_queue_settings(
    max_running_jobs: int | None = None, **others: Any
) -> Call[models.QueueView]:
    """Change how the queue is run; `others` are fields of `NewQueueSettings`.

    What is not given is left out, so that an older server understands it.
    """
    wanted = {"max_running_jobs": max_running_jobs, **others}
    given = {name: value for name, value in wanted.items() if value is not None}
    return Call("PUT", "/queue", _queue_view, json=given)


def clear_queue(project: str | None = None, *, filter: str | None = None) -> Call[models.Cleared]:
    """Stop every job that waits, or those of a project or that a filter takes."""
    # What is not asked for is left out, so that an older server understands it.
    chosen = {} if filter is None else {"filter": filter}
    return Call(
        "POST",
        "/queue/clear",
        lambda _, body: models.Cleared.model_validate_json(body),
        json={"project": project, **chosen},
    )


def pause_queue(project: str | None = None) -> Call[models.QueueView]:
    """Start nothing any more, in all projects or in one."""
    return Call("POST", "/queue/pause", _queue_view, json={"project": project})


def resume_queue(project: str | None = None) -> Call[models.QueueView]:
    """Take a pause back."""
    return Call("POST", "/queue/resume", _queue_view, json={"project": project})


def move(
    refs: Iterable[str],
    place: models.MovePlace,
    *,
    other: str | None = None,
    filter: str | None = None,
) -> Call[list[models.JobView]]:
    """Move jobs that wait, among those of their priority."""
    which = {"jobs": list(refs)} if filter is None else {"filter": filter}
    return Call(
        "POST",
        "/queue/move",
        lambda _, body: [models.JobView.model_validate(one) for one in json_text.loads(body)],
        json={**which, "place": place, "other": other},
    )


def _queue_view(status: int, body: bytes) -> models.QueueView:
    return models.QueueView.model_validate_json(body)
