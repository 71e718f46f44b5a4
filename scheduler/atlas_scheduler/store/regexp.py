"""Gives connections the operator `REGEXP`, which no pattern can make slow."""

from __future__ import annotations

import sqlite3

from atlas_scheduler.core.filters.pattern import compile_pattern


def install(conn: sqlite3.Connection) -> None:
    """Let the statements of a connection say `text REGEXP pattern`."""
    conn.create_function("regexp", 2, _is_in, deterministic=True)


def _is_in(pattern: str, text: object) -> bool:
    """Whether a pattern is in a text; nothing is in what is no text."""
    return isinstance(text, str) and compile_pattern(pattern).is_in(text)
