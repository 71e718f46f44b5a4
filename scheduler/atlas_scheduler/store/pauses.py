"""Pauses of the queue, of all of it or of one project; they outlast a restart."""

from __future__ import annotations

import sqlite3

from atlas_scheduler.core.capacity import Pause
from atlas_scheduler.store import projects, sql

_SQL = sql.queries("pauses")


def in_force(conn: sqlite3.Connection) -> tuple[Pause, ...]:
    """Every pause, oldest first."""
    return tuple(
        Pause(by=row["paused_by"], at_ms=row["paused_at_ms"], project=row["project"])
        for row in conn.execute(_SQL["list"])
    )


def add(conn: sqlite3.Connection, pause: Pause) -> bool:
    """Pause the queue or a project. Returns False when it is paused already.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {
        "project_number": _number(conn, pause.project),
        "by": pause.by,
        "at_ms": pause.at_ms,
    }
    return bool(conn.execute(_SQL["add"], wanted).rowcount)


def remove(conn: sqlite3.Connection, project: str | None) -> bool:
    """Resume the queue or a project. Returns False when it is not paused.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {"project_number": _number(conn, project)}
    return bool(conn.execute(_SQL["remove"], wanted).rowcount)


def _number(conn: sqlite3.Connection, project: str | None) -> int | None:
    return None if project is None else projects.find(conn, project)
