"""Reads what a scheduler answers by pages to its end, one page at a time, as plain JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from foundations import calls

if TYPE_CHECKING:
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
    cursor = None
    while True:
        call = calls.jobs(
            project=project, states=states, filter=filter, limit=JOBS_AT_ONCE, cursor=cursor
        )
        page = client.json(call)
        if page["jobs"]:
            yield page["jobs"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return


def point_pages(client: Verbs, job_id: str, metric: str) -> Iterator[list[dict[str, Any]]]:
    """Read the pages of all points of a metric, in the order they were logged in."""
    start: int | None = 0
    while start is not None:
        page = client.json(calls.metric(job_id, metric, start=start, limit=POINTS_AT_ONCE))
        yield page["points"]
        start = page.get("next_position")
