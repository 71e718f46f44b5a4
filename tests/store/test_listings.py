"""Windows into a list give the same jobs as the whole search, wherever they begin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.filters import Query, parse
from atlas_scheduler.core.job import Job
from atlas_scheduler.store import history, records
from atlas_scheduler.store.listings import DRIFT_MS, KEPT_ORDERS, Listings
from atlas_scheduler.store.records import Metric
from tests.core.profiles import PROPERTY
from tests.store import naive_filter
from tests.store.filter_queries import queries
from tests.store.filter_samples import NOW_MS, insert, samples
from tests.store.samples import add, finish, memory_database


@PROPERTY
@given(
    made=samples,
    wanted=st.lists(queries, min_size=1, max_size=4),
    offset=st.integers(0, 8),
    limit=st.integers(1, 4),
)
def test_a_window_is_a_slice_of_the_whole_list(
    made: list[dict[str, Any]], wanted: list[Query], offset: int, limit: int
) -> None:
    with closing(memory_database()) as conn:
        plain = [insert(conn, sample, number) for number, sample in enumerate(made, start=1)]
        listings = Listings()
        for query in wanted:
            expected = naive_filter.search(plain, query, now_ms=NOW_MS)
            found, total = listings.window(conn, query, now_ms=NOW_MS, offset=offset, limit=limit)
            shown = [one.job.submitted_at_ms for one in found]
            assert (shown, total) == (expected[offset : offset + limit], len(expected)), query


def window(listings: Listings, conn: sqlite3.Connection, text: str, **at: int) -> list[str]:
    query = parse(text)
    place = {"now_ms": NOW_MS, "offset": 0, "limit": 10, **at}
    found, _ = listings.window(conn, query, **place)
    return [one.job.job_id for one in found]


def tell(conn: sqlite3.Connection, job: Job, event: str) -> None:
    """Append to the history, as the service does with every change."""
    history.append_change(
        conn,
        job_id=job.job_id,
        project=job.project,
        event=event,
        state=job.state,
        at_ms=NOW_MS,
        detail={},
    )


def test_a_job_that_is_submitted_or_ends_is_seen_at_once(conn: sqlite3.Connection) -> None:
    listings = Listings()
    first = add(conn)
    tell(conn, first, "Submitted")
    assert window(listings, conn, "") == [first.job_id]
    second = add(conn)
    tell(conn, second, "Submitted")
    assert window(listings, conn, "") == [second.job_id, first.job_id]
    assert window(listings, conn, "state:completed") == []
    tell(conn, finish(conn, first), "Exited")
    assert window(listings, conn, "state:completed") == [first.job_id]


def test_an_order_by_what_jobs_record_is_renewed_after_a_moment(conn: sqlite3.Connection) -> None:
    listings = Listings()
    low, high = add(conn).job_id, add(conn).job_id
    for job_id, value in ((low, 1.0), (high, 2.0)):
        records.ingest(conn, job_id, [Metric("loss", value, None, 0)], offset=0, new_offset=1)
    assert window(listings, conn, "sort:metric.loss") == [low, high]
    records.ingest(conn, low, [Metric("loss", 3.0, None, 0)], offset=1, new_offset=2)
    later = NOW_MS + DRIFT_MS + 1
    assert window(listings, conn, "sort:metric.loss", now_ms=later) == [high, low]


def test_only_the_latest_orders_are_kept(conn: sqlite3.Connection) -> None:
    listings = Listings()
    add(conn)
    for number in range(KEPT_ORDERS * 2):
        window(listings, conn, f"attempt:{number}")
    assert len(listings) == KEPT_ORDERS
