"""Chooses how to find the jobs of a search: by what is looked up, and along which index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from atlas_scheduler.core.filters.comparisons import ORDERED
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
from atlas_scheduler.store.filter_sql import built_in, condition, resolved
from atlas_scheduler.store.fragments import Fragment, all_of, written
from atlas_scheduler.store.search_cursor import Place
from atlas_scheduler.store.walks import JOB_NUMBER, Walk, Way, walk_along

_SQL = sql.queries("job_search")

FEW = 3_000
"""Up to so many jobs are looked up and sorted rather than walked to."""

_ALL_JOBS = Fragment("jobs")
_NOT_DELETED = Fragment("jobs.deleted_at_ms IS NULL")
_CHEAP = frozenset(Operator) - {Operator.DIFFERENT, Operator.CONTAINS, Operator.MATCHES}
_LISTED = {
    BuiltIn.STATE: ("numbers_in_state", frozenset({Operator.EQUAL})),
    BuiltIn.PROJECT: ("numbers_of_project", frozenset({Operator.EQUAL})),
    BuiltIn.USER: ("numbers_of_user", frozenset({Operator.EQUAL})),
    BuiltIn.UNIQUE: ("numbers_with_key", frozenset({Operator.EQUAL})),
    BuiltIn.COMMIT: ("numbers_at_commit", frozenset({Operator.EQUAL})),
    BuiltIn.SUBMITTED: ("numbers_by_submission", ORDERED),
    BuiltIn.STARTED: ("numbers_by_start", ORDERED),
    BuiltIn.FINISHED: ("numbers_by_end", ORDERED),
}
"""Fields whose jobs an index lists: by which query, and for which comparisons."""
_RARE = {
    BuiltIn.NOTE: "numbers_with_notes",
    BuiltIn.RERUN_OF: "numbers_of_reruns",
    BuiltIn.AFTER: "numbers_of_dependents",
    BuiltIn.SCHEDULE: "numbers_of_scheduled",
}
"""Fields that few jobs have a value of: by which query."""


@dataclass(frozen=True, slots=True)
class Order:
    """Sort keys, and the direction of the job numbers that decide last."""

    keys: tuple[SortKey, ...]
    is_descending: bool

    @classmethod
    def of(cls, sort: Sequence[SortKey]) -> Order:
        """The order that a filter asks for. No two jobs were submitted at once."""
        keys = tuple(takewhile(lambda key: key.field is not BuiltIn.SUBMITTED, sort))
        rest = sort[len(keys) :]
        return cls(keys, rest[0].is_descending if rest else True)


@dataclass(frozen=True, slots=True)
class Part:
    """Jobs to take: from where, which of them, and what they are sorted by."""

    source: Fragment
    keys: tuple[Fragment, ...]
    condition: Fragment
    number: Fragment = JOB_NUMBER


@dataclass(frozen=True, slots=True)
class Plan:
    """One query: all jobs of the search, or those with or without a value for the first key."""

    parts: tuple[Part, ...]
    """To be merged, when there are several."""
    has_first_key: bool | None = None
    """None when it can be either."""

    def may_follow(self, place: Place) -> bool:
        """Whether jobs of this plan can come after a place."""
        return self.has_first_key is not True or place.keys[0] is not None


def plans(conn: sqlite3.Connection, query: Query, order: Order, now_ms: int) -> Iterable[Plan]:
    """The queries to ask one after the other, until the page is full."""
    wanted = _all_that_hold(query.condition)
    keys = tuple(_sort_value(key.field, now_ms) for key in order.keys)
    conditions = [_NOT_DELETED, *(condition(part, now_ms=now_ms) for part in wanted)]
    few = _few(conn, wanted, now_ms)
    walk = None
    if few is None and order.keys:
        first = order.keys[0]
        newest_last = first.is_descending == order.is_descending
        walk = walk_along(first.field, newest_last=newest_last, now_ms=now_ms)
    if walk is None:
        return [Plan((Part(_ALL_JOBS if few is None else few, keys, all_of(conditions)),))]
    return _walked(walk, order, wanted, keys, now_ms)


def _walked(
    walk: Walk,
    order: Order,
    wanted: Sequence[Expression],
    keys: tuple[Fragment, ...],
    now_ms: int,
) -> Iterator[Plan]:
    """First the jobs with a value, then those without."""
    field = order.keys[0].field
    ways = [
        Part(
            way.source,
            (way.value, *keys[1:]),
            all_of([*way.chosen, _NOT_DELETED, *_on_the_way(way, wanted, field, now_ms)]),
            way.number,
        )
        for way in walk.ways
    ]
    yield Plan(tuple(ways), has_first_key=True)
    if walk.without is not None:
        conditions = [walk.without, _NOT_DELETED]
        conditions += [condition(part, now_ms=now_ms) for part in wanted]
        rest = Part(_ALL_JOBS, (Fragment("NULL"), *keys[1:]), all_of(conditions))
        yield Plan((rest,), has_first_key=False)


def _all_that_hold(expression: Expression | None) -> tuple[Expression, ...]:
    """Conditions all of which hold."""
    if expression is None:
        return ()
    return expression.parts if isinstance(expression, AllOf) else (expression,)


def _on_the_way(
    way: Way, wanted: Iterable[Expression], field: Field, now_ms: int
) -> Iterator[Fragment]:
    """Conditions on the jobs that are walked along: those on the same field bound the walk."""
    for part in wanted:
        bound = None
        if isinstance(part, Comparison) and part.field == field:
            bound = way.bound(part, now_ms=now_ms)
        yield condition(part, now_ms=now_ms) if bound is None else bound


def _few(conn: sqlite3.Connection, wanted: Iterable[Expression], now_ms: int) -> Fragment | None:
    """What to select from when a condition takes few jobs: those that the best one takes."""
    best, fewest = None, FEW + 1
    for part in wanted:
        listed = _listed(part, now_ms)
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


def _listed(part: Expression, now_ms: int) -> tuple[Fragment, Fragment] | None:
    """The numbers of the jobs that a condition takes, and what counts them, by an index."""
    match part:
        case Has(BuiltIn() as field) | Comparison(BuiltIn() as field):
            numbers = _listed_by_field(field, part, now_ms)
            return None if numbers is None else (numbers, numbers)
        case Has(Recorded(kind=Records.ARTIFACT)):
            return None
        case Has(Recorded() as record) if recorded_sql.is_indexed(record):
            holds = roughly = recorded_sql.is_there(record)
        case Comparison(Recorded() as record, operator, value) if (
            operator in _CHEAP and recorded_sql.is_indexed(record)
        ):
            holds = written("(", recorded_sql.matching(record, operator, value), ")")
            roughly = recorded_sql.matching_by_rank(record, operator, value)
        case _:
            return None
    return recorded_sql.job_numbers(record, holds), recorded_sql.counted(record, roughly)


def _listed_by_field(field: BuiltIn, part: Has | Comparison, now_ms: int) -> Fragment | None:
    """Numbers of the jobs that a condition on a field takes, or a few too many."""
    if field in _RARE:
        return Fragment(_SQL[_RARE[field]])
    if field is BuiltIn.ARRAY:
        return _of_arrays(part)
    if field not in _LISTED or isinstance(part, Has):
        return None
    name, operators = _LISTED[field]
    if part.operator not in operators:
        return None
    compared = Fragment(recorded_sql.COMPARED[part.operator], (resolved(part.value, now_ms),))
    return written(_SQL[name], compared)


def _of_arrays(part: Has | Comparison) -> Fragment | None:
    """Numbers of the jobs of arrays; of those whose id has a text, where that is asked for."""
    if isinstance(part, Comparison) and part.operator is Operator.CONTAINS:
        return Fragment(_SQL["numbers_of_arrays_like"], (part.value,))
    if isinstance(part, Comparison) and part.operator is Operator.EQUAL:
        return Fragment(_SQL["numbers_of_array"], (part.value,))
    return Fragment(_SQL["numbers_of_arrays"]) if isinstance(part, Has) else None


def _sort_value(field: Field, now_ms: int) -> Fragment:
    if isinstance(field, Recorded):
        return recorded_sql.sort_value(field)
    value = built_in(field, now_ms=now_ms)
    if field.kind in (Kind.TEXT, Kind.NAME):
        return written("substr(", value, ", 1, 200)")
    return value
