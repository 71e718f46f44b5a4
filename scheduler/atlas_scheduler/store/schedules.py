"""Schedules in the database: submissions that are made again and again."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import sql
from atlas_scheduler.store.prefixes import meant
from foundations.errors import NotFound
from foundations.models import JobState, NewSchedule, Overlap, ScheduleView, Submission

_SQL, _JOBS = sql.queries("schedules"), sql.queries("jobs")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as the service works with it."""

    schedule_id: str
    project: str
    """As it is called now."""
    cron: str
    time_zone: str
    overlap: Overlap
    submission: Submission
    created_by: str
    paused_by: str | None
    queued_jobs: int | None
    """Most jobs of its user that may wait at once; None is any number."""


def insert(  # noqa: PLR0913 - one argument a column
    conn: sqlite3.Connection,
    schedule_id: str,
    wanted: NewSchedule,
    *,
    by: str,
    next_at_ms: int | None,
    now_ms: int,
    idempotency_key: str | None,
    queued_jobs: int | None,
) -> None:
    """Add a schedule, with its project where that is new."""
    submission = wanted.submission
    project = submission.spec.project
    conn.execute(_JOBS["insert_project"], {"project": project, "now_ms": now_ms})
    conn.execute(
        _SQL["insert"],
        {
            "schedule_id": schedule_id,
            "project": project,
            "cron": wanted.cron,
            "time_zone": wanted.time_zone,
            "overlap": wanted.overlap,
            "submission": submission.model_dump_json(),
            "bundle": submission.bundle,
            "created_by": by,
            "created_at_ms": now_ms,
            "idempotency_key": idempotency_key,
            "next_at_ms": next_at_ms,
            "queued_jobs": queued_jobs,
        },
    )


def by_idempotency_key(conn: sqlite3.Connection, key: str) -> str | None:
    """The id of the schedule that was made with this key, if there is one."""
    row = conn.execute(_SQL["by_idempotency_key"], {"key": key}).fetchone()
    return None if row is None else str(row["schedule_id"])


def resolve(conn: sqlite3.Connection, ref: str) -> str:
    """Find the id that an id, or a unique prefix of one, means.

    Raises:
        AmbiguousJob: several ids begin like this.
        InvalidRequest: it is too short.
        NotFound: no id begins like this.
    """
    found = meant(
        conn,
        _SQL["resolve"],
        ref,
        noun="schedule",
        column="schedule_id",
        missing=lambda: NotFound(
            f"There is no schedule {ref!r}. `foundations list schedules` shows those there are."
        ),
    )
    return str(found["schedule_id"])


def load(conn: sqlite3.Connection, schedule_id: str) -> Schedule:
    """A schedule that is there."""
    row = conn.execute(_SQL["load"], {"schedule_id": schedule_id}).fetchone()
    return Schedule(
        schedule_id=row["schedule_id"],
        project=row["project"],
        cron=row["cron"],
        time_zone=row["time_zone"],
        overlap=row["overlap"],
        submission=Submission.model_validate_json(row["submission"]),
        created_by=row["created_by"],
        paused_by=row["paused_by"],
        queued_jobs=row["queued_jobs"],
    )


def views(conn: sqlite3.Connection) -> list[ScheduleView]:
    """Every schedule, the oldest first."""
    return [_view(row) for row in conn.execute(_SQL["all"])]


def view(conn: sqlite3.Connection, schedule_id: str) -> ScheduleView:
    """A schedule that is there, as clients see it."""
    return _view(conn.execute(_SQL["load"], {"schedule_id": schedule_id}).fetchone())


def due(conn: sqlite3.Connection, *, now_ms: int) -> list[str]:
    """The schedules whose time has come."""
    return [row["schedule_id"] for row in conn.execute(_SQL["due"], {"now_ms": now_ms})]


def next_due_ms(conn: sqlite3.Connection) -> int | None:
    """When the next time of all comes."""
    found: int | None = conn.execute(_SQL["next_due"]).fetchone()["next_at_ms"]
    return found


def has_unfinished_job(conn: sqlite3.Connection, schedule_id: str) -> bool:
    """Whether a job that the schedule submitted has not ended."""
    wanted = {"schedule_id": schedule_id}
    return bool(conn.execute(_SQL["has_unfinished_job"], wanted).fetchone()["has_one"])


def note(  # noqa: PLR0913 - one argument a column
    conn: sqlite3.Connection,
    schedule_id: str,
    *,
    now_ms: int,
    next_at_ms: int | None,
    job_id: str | None,
    skipped: bool,
    problem: str | None,
) -> None:
    """Keep what came of a time."""
    wanted = {
        "schedule_id": schedule_id,
        "now_ms": now_ms,
        "next_at_ms": next_at_ms,
        "job_id": job_id,
        "problem": problem,
        "skipped": skipped,
    }
    conn.execute(_SQL["note"], wanted)


def set_pause(
    conn: sqlite3.Connection,
    schedule_id: str,
    *,
    by: str | None,
    next_at_ms: int | None,
    problem: str | None = None,
) -> None:
    """Pause a schedule, or let it go on at a time; a problem says why there is none."""
    wanted = {"schedule_id": schedule_id, "by": by, "next_at_ms": next_at_ms, "problem": problem}
    conn.execute(_SQL["set_pause"], wanted)


def delete(conn: sqlite3.Connection, schedule_id: str) -> None:
    """Remove a schedule; its jobs stay."""
    conn.execute(_SQL["delete"], {"schedule_id": schedule_id})


def count_of_project(conn: sqlite3.Connection, project: str) -> int:
    """How many schedules submit to a project."""
    return int(conn.execute(_SQL["of_project"], {"project": project}).fetchone()["schedules"])


def _view(row: sqlite3.Row) -> ScheduleView:
    submission = Submission.model_validate_json(row["submission"])
    next_ms, last_ms, state = row["next_at_ms"], row["last_at_ms"], row["last_job_state"]
    return ScheduleView(
        schedule_id=row["schedule_id"],
        project=row["project"],
        cron=row["cron"],
        time_zone=row["time_zone"],
        overlap=row["overlap"],
        spec=submission.spec.model_copy(update={"project": row["project"]}),
        bundle=row["bundle"],
        created_by=row["created_by"],
        created_at=utc(row["created_at_ms"]),
        paused_by=row["paused_by"],
        next_at=None if next_ms is None else utc(next_ms),
        last_at=None if last_ms is None else utc(last_ms),
        last_job_id=row["last_job_id"],
        last_job_state=None if state is None else JobState(state),
        skipped=row["skipped"],
        problem=row["problem"],
    )
