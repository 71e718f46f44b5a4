"""Projects in the database: their names and descriptions, and how one ends."""

from __future__ import annotations

import sqlite3

from atlas_scheduler.core.job import Job
from atlas_scheduler.store import sql
from atlas_scheduler.store.job_lists import projects
from atlas_scheduler.store.job_rows import read_job
from foundations.errors import InvalidRequest, NotFound
from foundations.models import ProjectView

_SQL = sql.queries("projects")


def view(conn: sqlite3.Connection, name: str) -> ProjectView:
    """A project and how its jobs stand.

    Raises:
        NotFound: there is no such project.
    """
    _find(conn, name)
    (found,) = [one for one in projects(conn) if one.name == name]
    return found


def rename(conn: sqlite3.Connection, name: str, new_name: str) -> None:
    """Give a project another name; its jobs go with it.

    Raises:
        InvalidRequest: another project has the new name.
        NotFound: there is no such project.
    """
    number = _find(conn, name)
    if new_name != name and conn.execute(_SQL["find"], {"name": new_name}).fetchone():
        raise InvalidRequest(
            f"There is a project `{new_name}` already, and projects are not merged. "
            "Choose another name."
        )
    conn.execute(_SQL["rename"], {"project_number": number, "new_name": new_name})


def describe(conn: sqlite3.Connection, name: str, description: str) -> None:
    """Replace what is said about a project.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {"project_number": _find(conn, name), "description": description}
    conn.execute(_SQL["describe"], wanted)


def jobs_of(conn: sqlite3.Connection, name: str) -> list[Job]:
    """Every job of a project that is not marked deleted, in the order of their submission.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {"project_number": _find(conn, name)}
    return [read_job(row) for row in conn.execute(_SQL["jobs"], wanted)]


def retire(conn: sqlite3.Connection, name: str, now_ms: int) -> None:
    """Take a project whose jobs are all marked deleted out of every list; its name is free then.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {"project_number": _find(conn, name), "now_ms": now_ms}
    conn.execute(_SQL["retire"], wanted)


def purge(conn: sqlite3.Connection) -> None:
    """Remove deleted projects to which no job belongs any more."""
    conn.execute(_SQL["purge"])


def _find(conn: sqlite3.Connection, name: str) -> int:
    row = conn.execute(_SQL["find"], {"name": name}).fetchone()
    if row is None:
        raise NotFound(
            f"There is no project `{name}`. `foundations list projects` shows those there are."
        )
    return int(row["project_number"])
