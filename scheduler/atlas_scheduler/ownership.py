"""Whose something is: jobs, arrays, schedules, whole projects and commands beside jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from atlas_scheduler.core.access import Thing
from atlas_scheduler.execs import Execs, Tunnels
from atlas_scheduler.store import array_refs, jobs, owners, schedules
from atlas_scheduler.store.db import Database


@dataclass(frozen=True, slots=True)
class Owned:
    """Something that was found, and its owners."""

    ref: str
    """What names it exactly: a full id, or a name."""
    users: frozenset[str]
    """Several, where a project has jobs of several users; none, where it has no job."""


class Ownership:
    """Finds owners. Methods raise `foundations.errors.SchedulerError` kinds."""

    def __init__(self, database: Database, execs: Execs, tunnels: Tunnels) -> None:
        self._database = database
        self._execs = execs
        self._tunnels = tunnels

    async def of(self, thing: Thing, ref: str) -> Owned:
        """Find something, and whose it is.

        Raises:
            AmbiguousJob: several things fit.
            InvalidRequest: an id is too short.
            NotFound: there is no such thing.
        """
        if thing is Thing.EXEC:
            return Owned(ref, frozenset({self._execs.find(ref).by}))
        if thing is Thing.TUNNEL:
            return Owned(ref, frozenset({self._tunnels.find(ref).by}))
        return await self._database.read(partial(_FINDERS[thing], ref=ref))

    async def of_jobs(self, job_ids: set[str]) -> dict[str, str]:
        """The users of jobs that are not purged yet, by their full ids."""
        return await self._database.read(lambda conn: owners.of_jobs(conn, job_ids))


def _job(conn: sqlite3.Connection, *, ref: str) -> Owned:
    return _owned_job(conn, jobs.resolve(conn, ref))


def _deleted_job(conn: sqlite3.Connection, *, ref: str) -> Owned:
    return _owned_job(conn, jobs.resolve_deleted(conn, ref))


def _owned_job(conn: sqlite3.Connection, job_id: str) -> Owned:
    return Owned(job_id, frozenset(owners.of_jobs(conn, {job_id}).values()))


def _array(conn: sqlite3.Connection, *, ref: str) -> Owned:
    return Owned(ref, owners.of_array(conn, array_refs.resolve(conn, ref)))


def _schedule(conn: sqlite3.Connection, *, ref: str) -> Owned:
    schedule_id = schedules.resolve(conn, ref)
    return Owned(schedule_id, frozenset({schedules.load(conn, schedule_id).created_by}))


def _project(conn: sqlite3.Connection, *, ref: str) -> Owned:
    return Owned(ref, owners.of_project(conn, ref))


def _deleted_project(conn: sqlite3.Connection, *, ref: str) -> Owned:
    return Owned(ref, owners.of_deleted_project(conn, ref))


_FINDERS: dict[Thing, Callable[..., Owned]] = {
    Thing.JOB: _job,
    Thing.DELETED_JOB: _deleted_job,
    Thing.ARRAY: _array,
    Thing.SCHEDULE: _schedule,
    Thing.PROJECT: _project,
    Thing.DELETED_PROJECT: _deleted_project,
}
