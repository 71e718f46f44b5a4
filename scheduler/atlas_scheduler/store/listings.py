"""Jobs by their place in a list, for readers that jump about in it.

A page by its cursor costs the same wherever it is, but can only be reached from the page before.
Here the whole order is read once, as numbers of eight bytes, and kept for as long as it holds.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from dataclasses import dataclass

from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.filters.terms import Ago, Comparison, Query, Recorded, leaves
from atlas_scheduler.store import history
from atlas_scheduler.store.job_rows import StoredJob
from atlas_scheduler.store.job_search import load_numbers, ordered_numbers

KEPT_ORDERS = 8
DRIFT_MS = 2_000
"""Longest life of an order that changes without any event: by records, or by the clock."""
_DRIFTING = frozenset({BuiltIn.DURATION, BuiltIn.PLACE})


@dataclass(frozen=True, slots=True)
class _Kept:
    numbers: array[int]
    seq: int
    at_ms: int


class Listings:
    """Orders that were asked for lately. Used by one thread, the reader's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Query, _Kept] = OrderedDict()

    def __len__(self) -> int:
        """How many orders are kept now."""
        return len(self._kept)

    def window(
        self, conn: sqlite3.Connection, query: Query, *, now_ms: int, offset: int, limit: int
    ) -> tuple[list[StoredJob], int]:
        """The jobs at `offset` and behind it, and how many there are in all.

        Args:
            conn: the reader's connection.
            query: which jobs, in which order.
            now_ms: the time, in milliseconds since 1970 UTC.
            offset: place of the first, from 0.
            limit: most jobs.
        """
        numbers = self._order(conn, query, now_ms)
        return load_numbers(conn, numbers[offset : offset + limit]), len(numbers)

    def _order(self, conn: sqlite3.Connection, query: Query, now_ms: int) -> array[int]:
        seq = history.last_seq(conn)
        kept = self._kept.pop(query, None)
        if kept is None or kept.seq != seq or (_drifts(query) and now_ms - kept.at_ms > DRIFT_MS):
            kept = _Kept(ordered_numbers(conn, query, now_ms=now_ms), seq, now_ms)
        self._kept[query] = kept
        while len(self._kept) > KEPT_ORDERS:
            self._kept.popitem(last=False)
        return kept.numbers


def _drifts(query: Query) -> bool:
    """Whether jobs may come, go or move without an event in the history."""
    fields = [key.field for key in query.sort]
    for part in leaves(query.condition):
        fields.append(part.field)
        if isinstance(part, Comparison) and isinstance(part.value, Ago):
            return True
    return any(isinstance(one, Recorded) or one in _DRIFTING for one in fields)
