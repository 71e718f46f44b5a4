"""What the ids of arrays stand for that people type: the whole array, or one of its jobs."""

from __future__ import annotations

import re
import sqlite3

from atlas_scheduler.store import sql
from atlas_scheduler.store.prefixes import meant
from foundations.errors import NotFound

_SQL = sql.queries("arrays")

_MEMBER = re.compile(r"(?P<array>[0-9a-fA-F-]{4,36})_(?P<index>\d{1,10})", re.ASCII)


def resolve(conn: sqlite3.Connection, ref: str) -> int:
    """Find the number of the array that an id, or a unique prefix of one, means.

    Raises:
        AmbiguousJob: several ids begin like this.
        InvalidRequest: it is shorter than 4 characters.
        NotFound: no id of an array that still has jobs begins like this.
    """
    found = meant(
        conn,
        _SQL["resolve"],
        ref,
        noun="array",
        column="array_id",
        missing=lambda: NotFound(
            f"There is no array {ref!r}. `foundations show job` names a job's array."
        ),
    )
    return int(found["array_number"])


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
