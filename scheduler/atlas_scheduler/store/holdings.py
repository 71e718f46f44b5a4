"""What a user has of what is for all: places in the queue, space for bundles, and unique keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from atlas_scheduler.core.access import Sharing
from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.job import Job
from atlas_scheduler.store import sql
from foundations.errors import Forbidden, TooMany
from foundations.models import Plan
from foundations.text.quantities import size

_SQL = sql.queries("holdings")
QUEUE_RETRY_SECONDS = 15.0
"""Jobs start all the time."""
STORED_RETRY_SECONDS = 3600.0
"""Space comes back only when somebody deletes jobs, or a rule does once in a while."""


def require_places(conn: sqlite3.Connection, bounds: Bounds, *, jobs: int) -> None:
    """Refuse further jobs of a user that has too many.

    Args:
        conn: the database.
        bounds: how many there may be.
        jobs: how many are to come.

    Raises:
        TooMany: there is no room for them.
    """
    if bounds.queued_jobs is not None:
        queued = conn.execute(_SQL["queued"], {"user": bounds.user}).fetchone()["queued"]
        if queued + jobs > bounds.queued_jobs:
            raise TooMany(
                f"{queued} jobs of `{bounds.user}` wait already, and {bounds.queued_jobs} may. "
                "Wait until some have started, or stop some.",
                retry_after_seconds=QUEUE_RETRY_SECONDS,
            )


def require_possible_size(bounds: Bounds, *, size_bytes: int) -> None:
    """Refuse a bundle that is more by itself than all of a user's may be.

    Raises:
        TooMany: it is.
    """
    if bounds.stored_bytes is not None and size_bytes > bounds.stored_bytes:
        raise TooMany(
            f"This bundle takes {size(size_bytes)}, and all of `{bounds.user}` together may take "
            f"{size(bounds.stored_bytes)}.",
            retry_after_seconds=STORED_RETRY_SECONDS,
        )


def require_space(
    conn: sqlite3.Connection, bounds: Bounds, *, bundle: str, size_bytes: int
) -> None:
    """Refuse a further bundle of a user that has too much.

    Args:
        conn: the database.
        bounds: how much that may be.
        bundle: its digest.
        size_bytes: how large it is; it counts only once.

    Raises:
        TooMany: there is no space for it.
    """
    if bounds.stored_bytes is not None:
        wanted = {"user": bounds.user, "bundle": bundle}
        stored = conn.execute(_SQL["stored"], wanted).fetchone()["stored_bytes"]
        if stored + size_bytes > bounds.stored_bytes:
            raise TooMany(
                f"The bundles of `{bounds.user}` take {size(stored)}; with the "
                f"{size(size_bytes)} of this one that is more than {size(bounds.stored_bytes)}. "
                "Delete jobs first.",
                retry_after_seconds=STORED_RETRY_SECONDS,
            )


def require_own(rivals: Iterable[Job], submission: Plan, *, user: str, sharing: Sharing) -> None:
    """Refuse to take another user's place, or where nothing is shared to tell of their job.

    Raises:
        Forbidden: another user's job has the unique key of the submission.
    """
    is_told = sharing is Sharing.EVERYONE_READS
    if is_told and submission.unique and submission.unique.if_exists == "skip":
        return
    theirs = next((job for job in rivals if job.user != user), None)
    if theirs is not None:
        whose = f"Job `{theirs.job_id}` of `{theirs.user}`" if is_told else "Another user's job"
        raise Forbidden(f"{whose} has this unique key. Choose another one.")
