"""Where jobs come from and what they ran on, in the database."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from atlas_scheduler.store import sql
from foundations.provenance import Execution, GitState, JobEnvironment, Origin, Provenance

_SQL = sql.queries("provenance")


def save_origin(conn: sqlite3.Connection, job_id: str, origin: Origin) -> None:
    """Keep what the submitter says of a new job."""
    git, diff = origin.git, None
    if git is not None:
        diff = git.diff
        origin = origin.model_copy(update={"git": git.model_copy(update={"diff": None})})
    conn.execute(_SQL["save_origin"], {"job_id": job_id, "origin": origin.model_dump_json()})
    if diff:
        conn.execute(_SQL["save_diff"], {"job_id": job_id, "diff": diff})


def save_execution(conn: sqlite3.Connection, job_id: str, execution: Execution) -> None:
    """Keep what the engine says of an attempt, unless it has said it before."""
    wanted = {"job_id": job_id, "execution": execution.model_dump_json()}
    conn.execute(_SQL["save_execution"], wanted)


def save_environment(conn: sqlite3.Connection, job_number: int, content: dict[str, Any]) -> None:
    """Keep what a job says of its own surroundings; the last word counts."""
    wanted = {"job_number": job_number, "environment": json.dumps(content, ensure_ascii=False)}
    conn.execute(_SQL["save_environment"], wanted)


def load(conn: sqlite3.Connection, job_id: str, *, with_diff: bool = False) -> Provenance:
    """All that is known of a job's provenance, without seeds; empty when that is nothing."""
    row = conn.execute(_SQL["load"], {"job_id": job_id}).fetchone()
    if row is None:
        return Provenance()
    found = Provenance(
        origin=_model(Origin, row["origin"]),
        execution=_model(Execution, row["execution"]),
        environment=_model(JobEnvironment, row["environment"]),
    )
    return _with_diff(conn, job_id, found) if with_diff else found


def source_of(conn: sqlite3.Connection, job_id: str, *, bundle: str) -> GitState | None:
    """What git knew of the files of a job, diff included, if they are those of this bundle."""
    wanted = {"job_id": job_id, "bundle": bundle}
    if conn.execute(_SQL["submitted_as"], wanted).fetchone() is None:
        return None
    origin = load(conn, job_id, with_diff=True).origin
    return None if origin is None else origin.git


def _with_diff(conn: sqlite3.Connection, job_id: str, found: Provenance) -> Provenance:
    row = conn.execute(_SQL["diff"], {"job_id": job_id}).fetchone()
    if row is None or found.origin is None or found.origin.git is None:
        return found
    git = found.origin.git.model_copy(update={"diff": row["diff"]})
    return found.model_copy(update={"origin": found.origin.model_copy(update={"git": git})})


def _model(kind: Any, text: str | None) -> Any:
    return None if text is None else kind.model_validate_json(text)
