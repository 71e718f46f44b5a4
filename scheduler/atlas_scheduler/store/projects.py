"""Projects in the database: their names and descriptions, and how one ends."""

from __future__ import annotations

import sqlite3

from atlas_scheduler.core.job import Job
from atlas_scheduler.store import jobs, sql
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
    find(conn, name)
    (found,) = [one for one in projects(conn) if one.name == name]
    return found


def rename(conn: sqlite3.Connection, name: str, new_name: str) -> None:
    """Give a project another name; its jobs go with it.

    Raises:
        InvalidRequest: another project has the new name.
        NotFound: there is no such project.
    """
    number = find(conn, name)
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
    wanted = {"project_number": find(conn, name), "description": description}
    conn.execute(_SQL["describe"], wanted)


def jobs_of(conn: sqlite3.Connection, name: str) -> list[Job]:
    """Every job of a project that is not marked deleted, in the order of their submission.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {"project_number": find(conn, name)}
    return [read_job(row) for row in conn.execute(_SQL["jobs"], wanted)]


def retire(conn: sqlite3.Connection, name: str, now_ms: int) -> None:
    """Take a project whose jobs are all marked deleted out of every list; its name is free then.

    Raises:
        NotFound: there is no such project.
    """
    wanted = {"project_number": find(conn, name), "now_ms": now_ms}
    conn.execute(_SQL["retire"], wanted)


def restore(conn: sqlite3.Connection, name: str, *, retired_after_ms: int) -> list[Job]:
    """Bring back a project with the jobs that were deleted with it, and return those.

    Args:
        conn: a connection that writes.
        name: what it was called.
        retired_after_ms: one that was deleted up to then stays deleted.

    Raises:
        InvalidRequest: another project has the name meanwhile.
        NotFound: none of that name was deleted after that, or its files are being removed.
    """
    row = conn.execute(
        _SQL["find_retired"], {"name": name, "retired_after_ms": retired_after_ms}
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no deleted project `{name}` that can still be restored.")
    if conn.execute(_SQL["find"], {"name": name}).fetchone():
        raise InvalidRequest(
            f"There is a project `{name}` again. Rename it first, so that the deleted one can have "
            "its name back."
        )
    conn.execute(_SQL["restore"], {"project_number": row["project_number"], "name": name})
    found = [read_job(one) for one in conn.execute(_SQL["jobs_retired"], dict(row))]
    for job in found:
        jobs.restore(conn, job.job_id)
    return found


def purge(conn: sqlite3.Connection, *, retired_until_ms: int) -> None:
    """Remove projects that were deleted up to this time and to which no job belongs any more."""
    conn.execute(_SQL["purge"], {"retired_until_ms": retired_until_ms})


def oldest_retirement(conn: sqlite3.Connection) -> int | None:
    """When (ms) the first of the deleted projects without a job was deleted."""
    oldest: int | None = conn.execute(_SQL["oldest_retirement"]).fetchone()["retired_at_ms"]
    return oldest


def find(conn: sqlite3.Connection, name: str) -> int:
    """The number of a project.

    Raises:
        NotFound: there is no such project.
    """
    row = conn.execute(_SQL["find"], {"name": name}).fetchone()
    if row is None:
        raise NotFound(
            f"There is no project `{name}`. `foundations list projects` shows those there are."
        )
    return int(row["project_number"])
