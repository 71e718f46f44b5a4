"""Requests about the logs of jobs."""

from __future__ import annotations

from foundations.calls.call import Call, flag, given, job_path, nothing
from foundations.lazy_models import models


def logs(
    ref: str, *, offset: int = 0, follow: bool = False, length: int | None = None
) -> Call[None]:
    """Ask for the log from `offset` on; a negative one counts from the end."""
    params = (
        ("offset", str(offset)),
        ("follow", flag(follow)),
        *given("length", None if length is None else str(length)),
    )
    return Call("GET", f"{job_path(ref)}/logs", nothing, params=params)


def search_log(ref: str, search: models.LogSearch) -> Call[models.LogMatches]:
    """Ask for the lines of a log that have a pattern."""
    params = tuple(
        (name, flag(value) if isinstance(value, bool) else str(value))
        for name, value in search.model_dump(exclude_unset=True).items()
    )
    return Call(
        "GET",
        f"{job_path(ref)}/logs/matches",
        lambda _, body: models.LogMatches.model_validate_json(body),
        params=params,
    )


def log_times(
    ref: str,
    *,
    offset: int = 0,
    end: int | None = None,
    since_ms: int | None = None,
    limit: int | None = None,
) -> Call[models.LogTimes]:
    """Ask when a part of the log was written: from an offset on, or from a time on."""
    given = (("offset", offset or None), ("end", end), ("since_ms", since_ms), ("limit", limit))
    return Call(
        "GET",
        f"{job_path(ref)}/logs/times",
        lambda _, body: models.LogTimes.model_validate_json(body),
        params=tuple((name, str(value)) for name, value in given if value is not None),
    )
