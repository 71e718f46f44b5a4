"""Searches give what a filter means, page by page, and find their rows by indexes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.filters import Query, parse
from atlas_scheduler.store import job_search, jobs
from tests.core.profiles import PROPERTY
from tests.store import naive_filter
from tests.store.filter_queries import queries
from tests.store.filter_samples import NOW_MS, insert, samples
from tests.store.samples import memory_database


def numbers_of_pages(conn: sqlite3.Connection, query: Query, *, limit: int) -> list[int]:
    found: list[int] = []
    cursor: str | None = None
    while True:
        shown, cursor = job_search.search(conn, query, now_ms=NOW_MS, limit=limit, cursor=cursor)
        assert len(shown) <= limit
        found += [one.job.submitted_at_ms for one in shown]
        if cursor is None:
            return found


@PROPERTY
@given(
    made=samples,
    wanted=st.lists(queries, min_size=1, max_size=8),
    limit=st.integers(1, 4),
    few=st.sampled_from([0, 3, job_search.FEW]),
)
def test_a_search_gives_what_the_filter_means_each_job_once(
    made: list[dict[str, Any]], wanted: list[Query], limit: int, few: int
) -> None:
    with closing(memory_database()) as conn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_search, "FEW", few)
        plain = [insert(conn, sample, number) for number, sample in enumerate(made, start=1)]
        for query in wanted:
            expected = naive_filter.search(plain, query, now_ms=NOW_MS)
            assert numbers_of_pages(conn, query, limit=limit) == expected, query
