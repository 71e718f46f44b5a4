"""Requests about the scheduler itself, its machine, and what happens on it."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable
from typing import Literal

from foundations.calls.call import Call, flag, given, nothing
from foundations.lazy_models import models

Topic = Literal["queue", "records", "host"]
"""What the change feed can tell beside what happens to jobs."""


def health() -> Call[None]:
    """Ask for a sign of life."""
    return Call("GET", "/health", _healthy)


def readiness() -> Call[models.ReadinessView]:
    """Ask whether the server can do its work."""
    return Call(
        "GET",
        "/healthz",
        lambda _, body: models.ReadinessView.model_validate_json(body),
        at_root=True,
        expected=(200, 503),
    )


def measurements() -> Call[str]:
    """Ask for what is measured of the server, in the text format of Prometheus."""
    return Call("GET", "/metrics", lambda _, body: body.decode(), at_root=True)


def info() -> Call[models.SchedulerInfo]:
    """Ask who answers and how it stands."""
    return Call("GET", "/info", _info)


def host() -> Call[models.HostView]:
    """Ask how busy the scheduler's machine is."""
    return Call("GET", "/host", lambda _, body: models.HostView.model_validate_json(body))


def disk() -> Call[models.DiskView]:
    """Ask what the scheduler's home takes on the disk."""
    return Call("GET", "/disk", lambda _, body: models.DiskView.model_validate_json(body))


def environments() -> Call[models.EnvironmentsView]:
    """Ask which environments jobs share, and what they take."""
    return Call(
        "GET",
        "/environments",
        lambda _, body: models.EnvironmentsView.model_validate_json(body),
    )


def prune_environments(*, unused_days: float = 0) -> Call[models.PrunedEnvironments]:
    """Remove environments that no job uses now, and none used for so many days."""
    return Call(
        "POST",
        "/environments/prune",
        lambda _, body: models.PrunedEnvironments.model_validate_json(body),
        json={"unused_days": unused_days},
    )


def garbage() -> Call[models.GarbageView]:
    """Ask what would go now."""
    return Call("GET", "/garbage", _garbage_view)


def collect_garbage() -> Call[models.GarbageView]:
    """Let go of jobs that are kept no longer, and of files that nothing needs."""
    return Call("POST", "/garbage", _garbage_view)


def changes(
    since: int, *, job: str | None = None, follow: bool = True, also: Iterable[Topic] = ()
) -> Call[None]:
    """Ask for the change feed after `since`, of one job or of all.

    It can tell `also` of the queue itself, of jobs that have new records, and how busy the
    scheduler's machine is.
    """
    more = [(topic, "true") for topic in also]
    params = (("since", str(since)), *given("job", job), ("follow", flag(follow)), *more)
    return Call("GET", "/changes", nothing, params=params)


def _healthy(status: int, body: bytes) -> None:
    if json_text.loads(body)["status"] != "ok":
        raise ValueError("not a sign of life")


def _info(status: int, body: bytes) -> models.SchedulerInfo:
    found = models.SchedulerInfo.model_validate_json(body)
    if found.api_version != models.API_VERSION:
        raise ValueError(f"version {found.api_version} of the API")
    return found


def _garbage_view(status: int, body: bytes) -> models.GarbageView:
    return models.GarbageView.model_validate_json(body)
