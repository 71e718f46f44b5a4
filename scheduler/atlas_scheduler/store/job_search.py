"""Finds the jobs that a filter takes, in the order it asks for, a page at a time.

There are three ways, with one result. When a condition takes few jobs, those are looked up and
sorted. Otherwise the jobs are walked in their order until the page is full: along the index of the
metric or parameter that they are sorted by (jobs without it come after), else by their number.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from atlas_scheduler.core.filters.fields import BuiltIn, Kind
from atlas_scheduler.core.filters.terms import (
    AllOf,
    Comparison,
    Expression,
    Field,
    Has,
    Operator,
    Query,
    Recorded,
    Records,
    SortKey,
)
from atlas_scheduler.store import recorded_sql, sql
from atlas_scheduler.store.filter_sql import NEVER_MISSING, built_in, condition
from atlas_scheduler.store.fragments import Fragment, all_of, any_of, joined, written
from atlas_scheduler.store.job_lists import PAGE_LIMIT
from atlas_scheduler.store.job_rows import StoredJob, read_stored_job
from atlas_scheduler.store.search_cursor import Key, Place, read_cursor, write_cursor
from foundations.errors import InvalidRequest

_SQL = sql.queries("job_search")

FEW = 5_000
"""Up to so many jobs are looked up and sorted rather than walked to."""

_NO_LIMIT = -1
_KEYS = ("key_1", "key_2", "key_3", "key_4")
_ALL_JOBS = Fragment("jobs")
_NOT_DELETED = Fragment("jobs.deleted_at_ms IS NULL")
_CHEAP = frozenset(Operator) - {Operator.DIFFERENT, Operator.CONTAINS, Operator.MATCHES}


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
    if not 1 <= limit <= PAGE_LIMIT:
        raise InvalidRequest(f"The limit is {limit}; it must be from 1 to {PAGE_LIMIT}.")
    order = _Order.of(query.sort)
    after = None
    if cursor is not None:
        after = read_cursor(query, cursor, key_count=len(order.keys))
        now_ms = after.now_ms
    found: list[sqlite3.Row] = []
    for plan in _plans(conn, query, order, now_ms):
        if after is None or plan.may_follow(after):
            found += conn.execute(*_statement(plan, order, after, limit + 1 - len(found)))
        if len(found) > limit:
            break
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
    order = _Order.of(query.sort)
    numbers = array("q")
    for plan in _plans(conn, query, order, now_ms):
        rows = conn.execute(*_statement(plan, order, None, _NO_LIMIT))
        numbers.extend(row["job_number"] for row in rows)
    return numbers


def load_numbers(conn: sqlite3.Connection, numbers: Sequence[int]) -> list[StoredJob]:
    """Jobs by their numbers, in this order; those that are gone are left out."""
    rows = conn.execute(_SQL["by_number"], {"numbers": json.dumps(list(numbers))})
    return [read_stored_job(row) for row in rows]


@dataclass(frozen=True, slots=True)
class _Order:
    """Sort keys, and the direction of the job numbers that decide last."""

    keys: tuple[SortKey, ...]
    is_descending: bool

    @classmethod
    def of(cls, sort: Sequence[SortKey]) -> _Order:
        """The order that a filter asks for. No two jobs were submitted at once."""
        keys = tuple(takewhile(lambda key: key.field is not BuiltIn.SUBMITTED, sort))
        rest = sort[len(keys) :]
        return cls(keys, rest[0].is_descending if rest else True)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One query: all jobs of the search, or those with or without a value for the first key."""

    source: Fragment
    keys: tuple[Fragment, ...]
    condition: Fragment
    has_first_key: bool | None = None
    """None when it can be either."""

    def may_follow(self, place: Place) -> bool:
        """Whether jobs of this plan can come after a place."""
        return self.has_first_key is not True or place.keys[0] is not None


def _plans(conn: sqlite3.Connection, query: Query, order: _Order, now_ms: int) -> Iterable[_Plan]:
    """The queries to ask one after the other, until the page is full."""
    parts = _parts(query.condition)
    keys = tuple(_sort_value(key.field, now_ms) for key in order.keys)
    conditions = [_NOT_DELETED, *(condition(part, now_ms=now_ms) for part in parts)]
    few = _few(conn, parts)
    walked = order.keys[0].field if order.keys else None
    column = recorded_sql.ranked(walked) if isinstance(walked, Recorded) else None
    if few is not None or not isinstance(walked, Recorded) or column is None:
        return [_Plan(_ALL_JOBS if few is None else few, keys, all_of(conditions))]
    ranked = [recorded_sql.has_name(walked), recorded_sql.is_ranked(walked)]
    with_it = _Plan(
        recorded_sql.rows(walked),
        (column, *keys[1:]),
        all_of([*ranked, _NOT_DELETED, *_on_records(parts, walked, now_ms)]),
        has_first_key=True,
    )
    without = written("NOT ", recorded_sql.of_job(walked, recorded_sql.is_ranked(walked)))
    rest = _Plan(_ALL_JOBS, (Fragment("NULL"), *keys[1:]), all_of([without, *conditions]), False)
    return [with_it, rest]


def _parts(expression: Expression | None) -> tuple[Expression, ...]:
    """Conditions all of which hold."""
    if expression is None:
        return ()
    return expression.parts if isinstance(expression, AllOf) else (expression,)


def _on_records(parts: Iterable[Expression], walked: Recorded, now_ms: int) -> Iterable[Fragment]:
    """Conditions on the records that are walked along: those on the same name bound the walk."""
    for part in parts:
        if isinstance(part, Comparison) and part.field == walked:
            yield written("(", recorded_sql.matching(walked, part.operator, part.value), ")")
        else:
            yield condition(part, now_ms=now_ms)


def _few(conn: sqlite3.Connection, parts: Iterable[Expression]) -> Fragment | None:
    """What to select from when a condition takes few jobs: those that the best one takes."""
    best, fewest = None, FEW + 1
    for part in parts:
        listed = _listed(part)
        if listed is None:
            continue
        numbers, counted = listed
        statement = written("SELECT count(*) FROM (", counted, Fragment(" LIMIT ?)", (fewest,)))
        count = conn.execute(statement.text, statement.values).fetchone()[0]
        if count < fewest:
            best, fewest = numbers, count
    if best is None:
        return None
    # CROSS JOIN keeps the order: the few first, whatever SQLite thinks of their number.
    return written("(", best, ") AS few CROSS JOIN jobs ON jobs.job_number = few.job_number")


def _listed(part: Expression) -> tuple[Fragment, Fragment] | None:
    """The numbers of the jobs that a condition takes, and what counts them, by an index."""
    match part:
        case Has(Recorded() as field) if field.kind is not Records.ARTIFACT:
            holds = roughly = Fragment("TRUE")
        case Comparison(Recorded() as field, operator, value) if operator in _CHEAP:
            holds = written("(", recorded_sql.matching(field, operator, value), ")")
            roughly = recorded_sql.matching_by_rank(field, operator, value)
        case Comparison(BuiltIn.STATE, Operator.EQUAL, value):
            numbers = Fragment(_SQL["numbers_in_state"], (value,))
            return numbers, numbers
        case Comparison(BuiltIn.COMMIT, Operator.EQUAL, value):
            numbers = Fragment(_SQL["numbers_at_commit"], (value,))
            return numbers, numbers
        case Comparison(BuiltIn.PROJECT, Operator.EQUAL, value):
            numbers = Fragment(_SQL["numbers_of_project"], (value,))
            return numbers, numbers
        case _:
            return None
    return recorded_sql.job_numbers(field, holds), recorded_sql.counted(field, roughly)


def _sort_value(field: Field, now_ms: int) -> Fragment:
    if isinstance(field, Recorded):
        return recorded_sql.sort_value(field)
    value = built_in(field, now_ms=now_ms)
    if field.kind in (Kind.TEXT, Kind.NAME):
        return written("substr(", value, ", 1, 200)")
    return value


def _statement(
    plan: _Plan, order: _Order, after: Place | None, limit: int
) -> tuple[str, tuple[object, ...]]:
    names = _KEYS[: len(plan.keys)]
    columns = [Fragment("jobs.job_number AS job_number")]
    columns += [written(key, " AS ", name) for key, name in zip(plan.keys, names, strict=True)]
    picked = written(
        *("SELECT ", joined(", ", columns), " FROM ", plan.source, " WHERE ", plan.condition)
    )
    # A limit keeps SQLite from computing the keys again for each place that names them.
    once = " LIMIT -1" if after and plan.keys and plan.has_first_key is None else ""
    statement = written(
        *("SELECT * FROM (", picked, once, ") WHERE "),
        Fragment("TRUE") if after is None else _after(after, order, plan),
        *(" ORDER BY ", _order_by(order, plan), Fragment(" LIMIT ?", (limit,))),
    )
    return statement.text, statement.values


def _order_by(order: _Order, plan: _Plan) -> Fragment:
    terms: list[str] = []
    for place, (key, name) in enumerate(zip(order.keys, _KEYS, strict=False)):
        if place == 0 and plan.has_first_key is False:
            continue
        is_there = key.field in NEVER_MISSING or (place == 0 and plan.has_first_key)
        terms += [] if is_there else [name + " IS NULL"]
        terms.append(name + (" DESC" if key.is_descending else ""))
    terms.append("job_number DESC" if order.is_descending else "job_number")
    return Fragment(", ".join(terms))


def _after(after: Place, order: _Order, plan: _Plan) -> Fragment:
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
