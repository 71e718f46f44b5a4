"""What jobs come after, in the database."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping

from atlas_scheduler.core.dependencies import Blocker, Condition, Verdict, verdict
from atlas_scheduler.store import sql
from foundations.models import AfterView, JobState

_SQL = sql.queries("dependencies")
MOST_SHOWN = 1_000
"""So many dependencies of one job are shown."""


def insert(
    conn: sqlite3.Connection,
    job_ids: Iterable[str],
    others: Mapping[str, tuple[Condition, JobState]],
) -> None:
    """Let new jobs come after others; of these, how each must end and where it stands."""
    status = {Verdict.OPEN: "open", Verdict.MET: "met", Verdict.NEVER: "unmet"}
    wanted = [
        {"other_id": other_id, "condition": condition, "status": status[verdict(condition, state)]}
        for other_id, (condition, state) in others.items()
    ]
    conn.executemany(_SQL["insert"], ({**one, "job_id": job} for job in job_ids for one in wanted))


def of_job(conn: sqlite3.Connection, job_id: str) -> list[AfterView]:
    """What a job comes after, in the order of their submission."""
    rows = conn.execute(_SQL["of_job"], {"job_id": job_id, "limit": MOST_SHOWN})
    return [
        AfterView(
            job_id=row["other_id"],
            on=row["condition"],
            status=row["status"],
            state=None if row["state"] is None else JobState(row["state"]),
        )
        for row in rows
    ]


def after(conn: sqlite3.Connection, other_id: str) -> list[tuple[str, Condition]]:
    """The jobs that still wait for this one, and how it must end for each."""
    rows = conn.execute(_SQL["after"], {"other_id": other_id})
    return [(row["job_id"], Condition(row["condition"])) for row in rows]


def blockers(conn: sqlite3.Connection) -> dict[str, list[Blocker]]:
    """By job, what it still waits for; only jobs that wait for some are there."""
    found: defaultdict[str, list[Blocker]] = defaultdict(list)
    for row in conn.execute(_SQL["blockers"]):
        found[row["job_id"]].append(Blocker(row["other_id"], JobState(row["state"])))
    return found


def meet(conn: sqlite3.Connection, job_id: str, other_id: str) -> None:
    """Note that another job ended as it had to for this one."""
    conn.execute(_SQL["meet"], {"job_id": job_id, "other_id": other_id})


def close(conn: sqlite3.Connection, job_id: str) -> None:
    """Note that a job has ended: it waits for nothing any more."""
    conn.execute(_SQL["close"], {"job_id": job_id})
