"""Lists of jobs: pages of them, and how many there are of which kind."""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import sql
from atlas_scheduler.store.job_rows import StoredJob, read_stored_job
from foundations.errors import InvalidRequest
from foundations.models import JobState, ProjectView

_SQL = sql.queries("job_lists")

PAGE_LIMIT = 1_000
"""Most jobs on one page."""
_CURSOR = re.compile(rb"before:([1-9][0-9]{0,17})")
_NEWEST = 2**63 - 1


def page(
    conn: sqlite3.Connection,
    *,
    project: str | None = None,
    states: Collection[JobState] | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[list[StoredJob], str | None]:
    """One page of jobs, the last submitted first.

    A job keeps its place, so that following the cursors shows each job that was there at the first
    page exactly once, whatever comes and goes meanwhile.

    Args:
        conn: a connection.
        project: only jobs of this project; None is all.
        states: only jobs in one of these; None or none is all.
        limit: most jobs on the page, 1 to `PAGE_LIMIT`.
        cursor: what an earlier page ended with; None is the first page.

    Returns:
        The jobs, and the cursor of the next page or None when this is the last.

    Raises:
        InvalidRequest: the limit or the cursor is not valid.
    """
    require_limit(limit)
    wanted = {"project": project, "before": _read_cursor(cursor), "limit": limit + 1}
    rows = _rows_of_page(conn, wanted, states)[: limit + 1]
    shown = rows[:limit]
    more = len(rows) > limit
    return [read_stored_job(row) for row in shown], _cursor(shown[-1]) if more else None


def require_limit(limit: int) -> None:
    """Refuse a page that is too long, or has no job.

    Raises:
        InvalidRequest: the limit is not from 1 to `PAGE_LIMIT`.
    """
    if not 1 <= limit <= PAGE_LIMIT:
        raise InvalidRequest(f"The limit is {limit}; it must be from 1 to {PAGE_LIMIT}.")


def projects(conn: sqlite3.Connection) -> list[ProjectView]:
    """Every project by name, and how its jobs stand."""
    found: dict[str, ProjectView] = {}
    for row in conn.execute(_SQL["projects"]):
        earlier = found.get(row["name"])
        states = dict(earlier.states) if earlier else {}
        last = earlier.last_submitted_at if earlier else None
        if row["state"] is not None:
            states[JobState(row["state"])] = row["jobs"]
            submitted_at = utc(row["submitted_at_ms"])
            last = submitted_at if last is None else max(last, submitted_at)
        found[row["name"]] = ProjectView(
            name=row["name"],
            created_at=utc(row["created_at_ms"]),
            jobs=sum(states.values()),
            states=states,
            last_submitted_at=last,
            description=row["description"],
        )
    return list(found.values())


def count_by_state(conn: sqlite3.Connection) -> dict[JobState, int]:
    """How many jobs are in each state; states without jobs are left out."""
    return {JobState(row["state"]): row["jobs"] for row in conn.execute(_SQL["count_by_state"])}


def _rows_of_page(
    conn: sqlite3.Connection, wanted: dict[str, Any], states: Iterable[JobState] | None
) -> list[sqlite3.Row]:
    name = "page" if wanted["project"] is None else "page_of_project"
    if not states:
        return conn.execute(_SQL[name], wanted).fetchall()
    # A state at a time is a walk along an index; several at once would sort every match.
    rows = [
        row
        for state in set(states)
        for row in conn.execute(_SQL[f"{name}_in_state"], {**wanted, "state": state.value})
    ]
    return sorted(rows, key=lambda row: int(row["job_number"]), reverse=True)


def _cursor(row: sqlite3.Row) -> str:
    return base64.urlsafe_b64encode(b"before:%d" % row["job_number"]).decode("ascii")


def _read_cursor(cursor: str | None) -> int:
    """The number that a page must stay below."""
    if cursor is None:
        return _NEWEST
    try:
        match = _CURSOR.fullmatch(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        match = None
    if match is None:
        raise InvalidRequest(
            "The cursor is not one that this scheduler gave. Leave it out to get the first page."
        )
    return int(match[1])
