"""Parameters as the database holds them, and those that a job was submitted with."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from atlas_scheduler.store import sql
from atlas_scheduler.store.event_lines import INTEGERS, KEY_LIMIT
from foundations.parameters import each_parameter

_SQL = sql.queries("parameters")
RANK_LENGTH = 200
"""So many characters of a parameter's text are in its rank."""
MOST_OF_A_JOB = 1_000
"""So many parameters are recorded of a submission; the job may log more of them."""
MOST_OF_AN_ARRAY = 300_000
"""So many are recorded of the submission of an array, all of its jobs together."""


def submit(
    conn: sqlite3.Connection, job_id: str, params: Mapping[str, Any], *, now_ms: int
) -> None:
    """Record what a new job was submitted with, as `load_parameters` in it will."""
    wanted = _rows(params, MOST_OF_A_JOB)
    conn.executemany(_SQL["submit"], ({**row, "job_id": job_id, "at_ms": now_ms} for row in wanted))


def submit_array(
    conn: sqlite3.Connection,
    array_number: int,
    params: Mapping[str, Any],
    *,
    jobs: int,
    now_ms: int,
) -> None:
    """Record of each of the new jobs of an array what all of them were submitted with."""
    wanted = _rows(params, min(MOST_OF_A_JOB, MOST_OF_AN_ARRAY // jobs))
    where = {"array_number": array_number, "at_ms": now_ms}
    conn.executemany(_SQL["submit_array"], ({**row, **where} for row in wanted))


def unrecorded(conn: sqlite3.Connection, *, after: int, most: int) -> list[int]:
    """Number jobs that wait and of whose parameters nothing is recorded.

    They were submitted to a version that did not do that.

    Args:
        conn: the database.
        after: begin behind this number.
        most: so many at once.
    """
    found = conn.execute(_SQL["unrecorded"], {"after": after, "most": most})
    return [row["job_number"] for row in found]


def record_submissions(conn: sqlite3.Connection, numbers: Iterable[int]) -> list[str]:
    """Record what jobs were submitted with, those that still wait and have recorded nothing.

    Returns:
        Their ids.
    """
    found = [conn.execute(_SQL["submission"], {"job_number": one}).fetchone() for one in numbers]
    for row in filter(None, found):
        most = min(MOST_OF_A_JOB, MOST_OF_AN_ARRAY // (row["array_size"] or 1))
        where = {"job_id": row["job_id"], "at_ms": row["submitted_at_ms"]}
        wanted = _rows(json.loads(row["params"]), most)
        conn.executemany(_SQL["submit"], ({**one, **where} for one in wanted))
    return [row["job_id"] for row in filter(None, found)]


def _rows(params: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    # Names are made one by one: those of all leaves of a hostile submission would fill the memory.
    flat = {name[:KEY_LIMIT] or "_": value for name, value in islice(each_parameter(params), most)}
    return [
        {"name": name, "value": json_text(value), "rank": rank(value)}
        for name, value in flat.items()
    ]


def rank(value: Any) -> float | str | None:
    """The place of a parameter's value in an order (see the table `parameters`)."""
    if isinstance(value, str):
        return value[:RANK_LENGTH]
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        if value in INTEGERS:
            return value
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return None


def json_text(value: Any) -> str:
    """A value as JSON; what JSON cannot say is a string in it."""
    encode: Callable[[Any], str] = _ENCODER.encode
    try:
        return encode(value)
    except ValueError:
        return encode(_sayable(value))


def _sayable(value: Any) -> Any:
    """A copy of a value in which NaN and infinities are strings."""
    match value:
        case float() if not math.isfinite(value):
            return name_of(value)
        case dict():
            return {key: _sayable(one) for key, one in value.items()}
        case list():
            return [_sayable(one) for one in value]
    return value


def name_of(value: float) -> str:
    """What NaN and the infinities are called."""
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
