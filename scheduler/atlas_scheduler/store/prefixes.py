"""Ids by their beginnings, which is how people type them."""

from __future__ import annotations

import re
import sqlite3

from foundations.errors import InvalidRequest

PREFIX_LENGTH = 4
"""Shortest part of an id that stands for the whole."""
CANDIDATES_SHOWN = 5
"""Most ids that are named where a prefix fits several."""
_ID = re.compile(r"[0-9a-f-]{4,36}")


def fitting(conn: sqlite3.Connection, query: str, ref: str, *, noun: str) -> list[sqlite3.Row]:
    """Find what an id, or the beginning of one, fits: one more than is shown at the most.

    Args:
        conn: the database.
        query: takes `prefix`, `after_prefix` and `limit`.
        ref: what was typed.
        noun: what it should be, such as `a job id`.

    Raises:
        InvalidRequest: it is shorter than `PREFIX_LENGTH`.
    """
    prefix = ref.strip().lower()
    if len(prefix) < PREFIX_LENGTH:
        raise InvalidRequest(
            f"{ref!r} is too short for {noun}: give its first {PREFIX_LENGTH} characters or more."
        )
    if not _ID.fullmatch(prefix):
        return []
    # "g" follows every character of an id, so this ends the range of those with the prefix.
    wanted = {"prefix": prefix, "after_prefix": prefix + "g", "limit": CANDIDATES_SHOWN + 1}
    return conn.execute(query, wanted).fetchall()
