"""Reads what a scheduler answers by pages to its end, one page at a time, as plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from foundations import calls

if TYPE_CHECKING:
    from foundations.calls import Call
    from foundations.verbs import Verbs

JOBS_AT_ONCE = 200
POINTS_AT_ONCE = 10_000


def job_pages(
    client: Verbs,
    *,
    project: str | None = None,
    states: Iterable[str] = (),
    filter: str | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """Read the pages of a list of jobs; none of them is empty."""
    asked = partial(calls.jobs.jobs, project=project, states=tuple(states), filter=filter)
    for jobs, _ in _pages(client, asked, None):
        if jobs:
            yield jobs


def first_jobs(
    client: Verbs,
    *,
    project: str | None = None,
    states: Iterable[str] = (),
    filter: str | None = None,
    limit: int | None = None,
) -> tuple[list[dict[str, Any]], bool]:
    """Read the first jobs of a list, or without a limit all of them.

    Returns:
        The jobs, and whether there are more.
    """
    asked = partial(calls.jobs.jobs, project=project, states=tuple(states), filter=filter)
    pages = list(_pages(client, asked, limit))
    return [job for jobs, _ in pages for job in jobs], pages[-1][1]


def jobs_from(
    client: Verbs,
    offset: int,
    *,
    project: str | None = None,
    states: Iterable[str] = (),
    filter: str | None = None,
    limit: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Read jobs from a place of a list on, where 0 is the first; without a limit all behind it.

    Returns:
        The jobs, and how many the whole list has.
    """
    asked = partial(calls.jobs.jobs, project=project, states=tuple(states), filter=filter)
    found: list[dict[str, Any]] = []
    while True:
        size = JOBS_AT_ONCE if limit is None else min(JOBS_AT_ONCE, limit - len(found))
        page = client.json(asked(limit=size, offset=offset + len(found)))
        found += page["jobs"]
        if len(page["jobs"]) < size or len(found) == limit:
            return found, page["total"]


def _pages(
    client: Verbs, asked: Callable[..., Call[Any]], limit: int | None
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """Pages until there are enough jobs, and after each whether there are more."""
    cursor, left = None, limit
    while True:
        size = JOBS_AT_ONCE if left is None else min(JOBS_AT_ONCE, left)
        page = client.json(asked(limit=size, cursor=cursor))
        cursor = page.get("next_cursor")
        yield page["jobs"], cursor is not None
        left = None if left is None else left - len(page["jobs"])
        if cursor is None or (left is not None and left <= 0):
            return


def point_pages(client: Verbs, job_id: str, metric: str) -> Iterator[list[dict[str, Any]]]:
    """Read the pages of all points of a metric, in the order they were logged in."""
    start: int | None = 0
    while start is not None:
        page = client.json(calls.records.metric(job_id, metric, start=start, limit=POINTS_AT_ONCE))
        yield page["points"]
        start = page.get("next_position")
