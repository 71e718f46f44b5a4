"""Whose jobs are, and what they are part of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from atlas_scheduler.store import projects, sql

_SQL = sql.queries("owners")


def of_jobs(conn: sqlite3.Connection, job_ids: Iterable[str]) -> dict[str, str]:
    """The users of jobs, deleted ones too, by their ids."""
    wanted = {"job_ids": json.dumps(sorted(job_ids))}
    return {row["job_id"]: row["user"] for row in conn.execute(_SQL["of_jobs"], wanted)}


def of_array(conn: sqlite3.Connection, array_number: int) -> frozenset[str]:
    """The users of the jobs of an array."""
    return _users(conn, "of_array", {"array_number": array_number})


def of_project(conn: sqlite3.Connection, name: str) -> frozenset[str]:
    """Everybody who has a job or a schedule in a project.

    Raises:
        NotFound: there is no such project.
    """
    return _users(conn, "of_project", {"project_number": projects.find(conn, name)})


def of_deleted_project(conn: sqlite3.Connection, name: str) -> frozenset[str]:
    """Everybody who has a job in a deleted project of that name; nobody where there is none."""
    return _users(conn, "of_deleted_projects", {"name": name})


def projects_of(conn: sqlite3.Connection, user: str) -> frozenset[str]:
    """The projects in which somebody has a job."""
    return frozenset(row["name"] for row in conn.execute(_SQL["projects_of"], {"user": user}))


def _users(conn: sqlite3.Connection, query: str, wanted: dict[str, object]) -> frozenset[str]:
    return frozenset(row[0] for row in conn.execute(_SQL[query], wanted))
