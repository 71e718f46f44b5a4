"""Invented jobs fill a database as real ones would."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from atlas_scheduler.core.filters import parse
from atlas_scheduler.store import job_search, jobs, records
from bench.sample_jobs import Amount, fill
from foundations.models import JobState
from tests.store.samples import memory_database
from tests.store.series_points import points_of

NOW_MS = 1_800_000_000_000
AMOUNT = Amount(jobs=60, points=3_000, longest=500)


@pytest.fixture
def full(conn: sqlite3.Connection) -> sqlite3.Connection:
    fill(conn, AMOUNT, now_ms=NOW_MS)
    return conn


def test_there_are_as_many_as_asked_for_and_all_have_ended(full: sqlite3.Connection) -> None:
    counts = jobs.count_by_state(full)
    assert sum(counts.values()) == AMOUNT.jobs
    assert {state for state, count in counts.items() if count} >= {JobState.COMPLETED}
    assert jobs.holding(full) == jobs.queued(full) == jobs.unfinished_archives(full) == []
    assert full.execute("SELECT count(*) FROM metrics").fetchone()[0] == AMOUNT.points


def test_the_newest_job_has_the_longest_series(full: sqlite3.Connection) -> None:
    newest = jobs.page(full, limit=1)[0][0].job.job_id
    counts = {one.name: one.count for one in records.series(full, newest)}
    assert counts["loss"] >= AMOUNT.longest > counts["acc"]


def test_each_summary_is_that_of_its_points(full: sqlite3.Connection) -> None:
    for stored in jobs.page(full, limit=60)[0]:
        for one in records.series(full, stored.job.job_id):
            points = points_of(full, stored.job.job_id, one.name)
            lowest = min(points, key=lambda point: point.value)
            highest = max(points, key=lambda point: point.value)
            assert (one.min, one.min_step) == (lowest.value, lowest.step)
            assert (one.max, one.max_step) == (highest.value, highest.step)
            assert (one.last, one.last_step) == (points[-1].value, points[-1].step)
            assert one.count == len(points)


def test_jobs_are_found_by_what_they_recorded(full: sqlite3.Connection) -> None:
    query = parse("state:completed metric.val_acc > 0.5 has:param.lr tag.stage in (draft, final)")
    found, _ = job_search.search(full, query, now_ms=NOW_MS)
    assert 0 < len(found) < AMOUNT.jobs


def test_a_seed_makes_the_same_jobs_again_and_another_one_others() -> None:
    def made(seed: int) -> list[str]:
        with closing(memory_database()) as conn:
            fill(conn, AMOUNT, now_ms=NOW_MS, seed=seed)
            return list(conn.iterdump())

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_a_database_in_which_there_are_jobs_already_is_left_as_it_is(
    full: sqlite3.Connection,
) -> None:
    before = list(full.iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        fill(full, AMOUNT, now_ms=NOW_MS)
    assert list(full.iterdump()) == before
