"""Finds the jobs that a filter takes, in the order it asks for, a page at a time.

There are three ways, with one result. When a condition takes few jobs, those are looked up and
sorted. Otherwise the jobs are walked in their order until the page is full, along an index of the
first field that they are sorted by (jobs without a value come after). Where no index has that
order, all jobs are looked at and sorted.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence

from atlas_scheduler.core.filters.terms import Query, SortKey
from atlas_scheduler.store import sql
from atlas_scheduler.store.filter_sql import NEVER_MISSING
from atlas_scheduler.store.fragments import Fragment, all_of, any_of, joined, written
from atlas_scheduler.store.job_lists import PAGE_LIMIT, require_limit
from atlas_scheduler.store.job_rows import StoredJob, read_stored_job
from atlas_scheduler.store.search_cursor import Key, Place, read_cursor, write_cursor
from atlas_scheduler.store.search_plans import Order, Part, Plan, plans

_SQL = sql.queries("job_search")
_NO_LIMIT = -1
_KEYS = ("key_1", "key_2", "key_3", "key_4")


def search(
    conn: sqlite3.Connection,
    query: Query,
    *,
    now_ms: int,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[list[StoredJob], str | None]:
    """One page of the jobs that a filter takes.

    Following the cursors shows each job that keeps its place exactly once, whatever comes and goes
    meanwhile.

    Args:
        conn: a connection that knows `REGEXP`.
        query: the filter.
        now_ms: the time that spans such as `2d` count back from, on the first page.
        limit: most jobs on the page, 1 to `PAGE_LIMIT`.
        cursor: what an earlier page ended with; None is the first page.

    Returns:
        The jobs, and the cursor of the next page or None when this is the last.

    Raises:
        InvalidRequest: the limit is not valid, or the cursor is not one of this filter.
    """
    require_limit(limit)
    order = Order.of(query.sort)
    after = None
    if cursor is not None:
        after = read_cursor(query, cursor, key_count=len(order.keys))
        now_ms = after.now_ms
    found = _rows(conn, plans(conn, query, order, now_ms), order, after, limit + 1)
    shown = found[:limit]
    jobs = load_numbers(conn, [row["job_number"] for row in shown])
    if len(found) <= limit:
        return jobs, None
    keys = tuple(shown[-1][name] for name in _KEYS[: len(order.keys)])
    return jobs, write_cursor(query, Place(now_ms, keys, shown[-1]["job_number"]))


def every_id(conn: sqlite3.Connection, query: Query, *, now_ms: int) -> Iterator[str]:
    """The id of every job that a filter takes."""
    cursor = None
    while True:
        found, cursor = search(conn, query, now_ms=now_ms, limit=PAGE_LIMIT, cursor=cursor)
        yield from (one.job.job_id for one in found)
        if cursor is None:
            return


def ordered_numbers(conn: sqlite3.Connection, query: Query, *, now_ms: int) -> array[int]:
    """The numbers of all jobs that a filter takes, in its order: eight bytes a job."""
    order = Order.of(query.sort)
    numbers = array("q")
    for plan in plans(conn, query, order, now_ms):
        rows = conn.execute(*_statement(plan, order, None, _NO_LIMIT))
        numbers.extend(row["job_number"] for row in rows)
    return numbers


def load_numbers(conn: sqlite3.Connection, numbers: Sequence[int]) -> list[StoredJob]:
    """Jobs by their numbers, in this order; those that are gone are left out."""
    rows = conn.execute(_SQL["by_number"], {"numbers": json.dumps(list(numbers))})
    return [read_stored_job(row) for row in rows]


def _rows(
    conn: sqlite3.Connection,
    plans: Iterable[Plan],
    order: Order,
    after: Place | None,
    limit: int,
) -> list[sqlite3.Row]:
    """Up to `limit` rows that come after a place; a plan is only asked for what others lack."""
    found: list[sqlite3.Row] = []
    for plan in plans:
        if after is None or plan.may_follow(after):
            found += conn.execute(*_statement(plan, order, after, limit - len(found)))
        if len(found) >= limit:
            break
    return found


def _statement(
    plan: Plan, order: Order, after: Place | None, limit: int
) -> tuple[str, tuple[object, ...]]:
    """The jobs of a plan that come after a place, as SQL and its values."""
    parts = [_of_part(part, plan, order, after, limit) for part in plan.parts]
    if len(parts) == 1:
        return parts[0].text, parts[0].values
    merged = joined(" UNION ALL ", [written("SELECT * FROM (", part, ")") for part in parts])
    statement = written("SELECT * FROM (", merged, ")", _ordered(plan, order, limit))
    return statement.text, statement.values


def _of_part(part: Part, plan: Plan, order: Order, after: Place | None, limit: int) -> Fragment:
    names = _KEYS[: len(part.keys)]
    columns = [written(part.number, " AS job_number")]
    columns += [written(key, " AS ", name) for key, name in zip(part.keys, names, strict=True)]
    picked = written(
        *("SELECT ", joined(", ", columns), " FROM ", part.source, " WHERE ", part.condition)
    )
    # A limit keeps SQLite from computing the keys again for each place that names them.
    once = " LIMIT -1" if after and part.keys and plan.has_first_key is None else ""
    return written(
        *("SELECT * FROM (", picked, once, ") WHERE "),
        Fragment("TRUE") if after is None else _after(after, order, plan),
        _ordered(plan, order, limit),
    )


def _ordered(plan: Plan, order: Order, limit: int) -> Fragment:
    return written(" ORDER BY ", _order_by(order, plan), Fragment(" LIMIT ?", (limit,)))


def _order_by(order: Order, plan: Plan) -> Fragment:
    terms: list[str] = []
    for place, (key, name) in enumerate(zip(order.keys, _KEYS, strict=False)):
        if place == 0 and plan.has_first_key is False:
            continue
        is_there = key.field in NEVER_MISSING or (place == 0 and plan.has_first_key)
        terms += [] if is_there else [name + " IS NULL"]
        terms.append(name + (" DESC" if key.is_descending else ""))
    terms.append("job_number DESC" if order.is_descending else "job_number")
    return Fragment(", ".join(terms))


def _after(after: Place, order: Order, plan: Plan) -> Fragment:
    """Whether a job comes after a place: a later key, or the same and the next decides."""
    if plan.has_first_key is False and after.keys[0] is not None:
        return Fragment("TRUE")
    last = " < ?" if order.is_descending else " > ?"
    later = Fragment("job_number" + last, (after.job_number,))
    for place in reversed(range(len(order.keys))):
        key, name, value = order.keys[place], _KEYS[place], after.keys[place]
        same = all_of([Fragment(name + " IS ?", (value,)), later])
        later = any_of([*_later_key(name, key, value), same])
    if plan.has_first_key is True:
        # Said once more by itself, so that the walk begins at the place.
        bound = " <= ?" if order.keys[0].is_descending else " >= ?"
        later = all_of([Fragment(_KEYS[0] + bound, (after.keys[0],)), later])
    return later


def _later_key(name: str, key: SortKey, value: Key) -> list[Fragment]:
    if value is None:
        return []
    compared = Fragment(name + (" < ?" if key.is_descending else " > ?"), (value,))
    return [compared, Fragment(name + " IS NULL")]
