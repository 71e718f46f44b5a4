"""The queue in memory, kept up with the database, and how long jobs took before."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from atlas_scheduler.core.forecast import PAST_JOBS, Kind
from atlas_scheduler.core.line import Line
from atlas_scheduler.store import dependencies, jobs, sql
from atlas_scheduler.store.job_rows import read_job

_SQL = sql.queries("queue")
_LOOK_BACK = 200


class QueueLine:
    """A `Line` of every queued job. For one thread at a time.

    It reads what changed since it was last brought up to date, and everything when that is more
    than the database remembers.
    """

    def __init__(self) -> None:
        self._line = Line()
        self._known: int | None = None

    @property
    def version(self) -> int | None:
        """Grows with each change of the queue that it was brought up to date with."""
        return self._known

    def up_to_date(self, conn: sqlite3.Connection) -> Line:
        """The line as the connection sees the queue, or newer when that sees an older state."""
        row = conn.execute(_SQL["changes"]).fetchone()
        first, last = row["first"], row["last"]
        if self._known is None or first > self._known + 1:
            self._line = Line(jobs.queued(conn))
            self._known = last
        elif last > self._known:
            self._catch_up(conn, self._known)
            self._known = last
        return self._line

    def forget(self) -> None:
        """Read everything anew the next time: what was read last may never become durable."""
        self._known = None

    def _catch_up(self, conn: sqlite3.Connection, known: int) -> None:
        changed = [row["job_id"] for row in conn.execute(_SQL["changed"], {"after": known})]
        for job_id in changed:
            self._line.drop(job_id)
        blockers = dependencies.blockers(conn, changed)
        for row in conn.execute(_SQL["still_queued"], {"job_ids": json.dumps(changed)}):
            job = read_job(row)
            waits_for = tuple(blockers.get(job.job_id, ()))
            self._line.put(replace(job, blockers=waits_for) if waits_for else job)


def past_durations_ms(conn: sqlite3.Connection, kind: Kind) -> list[int]:
    """How long the latest completed jobs of a kind ran, the newest first."""
    project, script = kind
    wanted = {"project": project, "script": script, "look_back": _LOOK_BACK, "most": PAST_JOBS}
    return [row["duration_ms"] for row in conn.execute(_SQL["durations"], wanted)]
