"""Ids by their beginnings, which is how people type them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from foundations.errors import AmbiguousJob, InvalidRequest, NotFound

PREFIX_LENGTH = 4
"""Shortest part of an id that stands for the whole."""
CANDIDATES_SHOWN = 5
"""Most ids that are named where a prefix fits several."""
_ID = re.compile(r"[0-9a-f-]{4,36}")


def meant(
    conn: sqlite3.Connection,
    query: str,
    ref: str,
    *,
    noun: str,
    column: str,
    missing: Callable[[], NotFound],
) -> sqlite3.Row:
    """Find the row of what an id, or the unique beginning of one, means.

    Args:
        conn: the database.
        query: takes `prefix`, `after_prefix` and `limit`.
        ref: what was typed.
        noun: what it should be, such as `job`.
        column: where the rows have their ids.
        missing: makes the error for when nothing fits.

    Raises:
        AmbiguousJob: several ids begin like this.
        InvalidRequest: it is shorter than `PREFIX_LENGTH`.
        NotFound: no id begins like this.
    """
    rows = _fitting(conn, query, ref, noun=noun)
    if not rows:
        raise missing()
    if len(rows) > 1:
        shown = ", ".join(row[column] for row in rows[:CANDIDATES_SHOWN])
        more = " and others" if len(rows) > CANDIDATES_SHOWN else ""
        raise AmbiguousJob(f"{ref!r} fits several {noun}s: {shown}{more}. Give more of the id.")
    return rows[0]


def _fitting(conn: sqlite3.Connection, query: str, ref: str, *, noun: str) -> list[sqlite3.Row]:
    """Find what fits: one more than is shown at the most."""
    prefix = ref.strip().lower()
    if len(prefix) < PREFIX_LENGTH:
        raise InvalidRequest(
            f"{ref!r} is too short: give {PREFIX_LENGTH} characters or more of the {noun}'s id."
        )
    if not _ID.fullmatch(prefix):
        return []
    # "g" follows every character of an id, so this ends the range of those with the prefix.
    wanted = {"prefix": prefix, "after_prefix": prefix + "g", "limit": CANDIDATES_SHOWN + 1}
    return conn.execute(query, wanted).fetchall()
