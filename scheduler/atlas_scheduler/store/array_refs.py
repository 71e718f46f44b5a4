"""What the ids of arrays stand for that people type: the whole array, or one of its jobs."""

from __future__ import annotations

import re
import sqlite3

from atlas_scheduler.store import sql
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound

_SQL = sql.queries("arrays")

PREFIX_LENGTH = 4
"""Shortest part of an id, of a job or an array, that stands for the whole."""
_ID = re.compile(r"[0-9a-f-]{4,36}")
_MEMBER = re.compile(r"(?P<array>[0-9a-fA-F-]{4,36})_(?P<index>\d{1,10})", re.ASCII)
_CANDIDATES_SHOWN = 5


def resolve(conn: sqlite3.Connection, ref: str) -> int:
    """Find the number of the array that an id, or a unique prefix of one, means.

    Raises:
        AmbiguousJob: several ids begin like this.
        InvalidRequest: it is shorter than 4 characters.
        NotFound: no id of an array that still has jobs begins like this.
    """
    prefix = ref.strip().lower()
    if len(prefix) < PREFIX_LENGTH:
        raise InvalidRequest(
            f"{ref!r} is too short for an array's id: give its first {PREFIX_LENGTH} "
            "characters or more."
        )
    rows = (
        conn.execute(
            _SQL["resolve"],
            # "g" follows every character of an id, so this ends the range of those with the prefix.
            {"prefix": prefix, "after_prefix": prefix + "g", "limit": _CANDIDATES_SHOWN},
        ).fetchall()
        if _ID.fullmatch(prefix)
        else []
    )
    if not rows:
        raise NotFound(f"There is no array {ref!r}. `foundations show job` names a job's array.")
    if len(rows) > 1:
        shown = ", ".join(row["array_id"] for row in rows)
        raise AmbiguousJob(f"{ref!r} fits several arrays, such as {shown}. Give more of the id.")
    return int(rows[0]["array_number"])


def member(conn: sqlite3.Connection, ref: str) -> str | None:
    """Find the job that `ARRAY_INDEX` means, such as `1234abcd_7`; None when it is none of that.

    Raises:
        AmbiguousJob: several arrays begin like this.
        NotFound: there is no such array, or it has no such job any more.
    """
    match = _MEMBER.fullmatch(ref.strip())
    if match is None:
        return None
    wanted = {"array_number": resolve(conn, match["array"]), "index": int(match["index"])}
    row = conn.execute(_SQL["job_at"], wanted).fetchone()
    if row is None:
        raise NotFound(f"Array {match['array']!r} has no job with the index {match['index']}.")
    return str(row["job_id"])
