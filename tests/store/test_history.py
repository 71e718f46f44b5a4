"""The history of jobs and the change feed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import history
from foundations.models import Change, JobState
from tests.core.profiles import PROPERTY
from tests.store.samples import memory_database


def append(conn: sqlite3.Connection, job_id: str, **other: Any) -> int:
    fields: dict[str, Any] = {
        "project": "digits",
        "event": "Claimed",
        "state": JobState.STARTING,
        "at_ms": 1_500_000_000_123,
        "detail": {},
    }
    return history.append_change(conn, job_id=job_id, **fields | other)


def test_a_change_comes_back_as_it_was(conn: sqlite3.Connection) -> None:
    detail = {"gpus": ["0", "1"], "reason": "naïve \x00\x1b[2J", "exit_code": None}
    seq = append(conn, "a", detail=detail)
    assert history.changes_since(conn, 0) == [
        Change(
            seq=seq,
            at=utc(1_500_000_000_123),
            job_id="a",
            project="digits",
            event="Claimed",
            state=JobState.STARTING,
            detail=detail,
        )
    ]
    assert utc(1_500_000_000_123).isoformat() == "2017-07-14T02:40:00.123000+00:00"


@PROPERTY
@given(
    appended=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(-(10**12), 10**13)), max_size=30
    ),
    limit=st.integers(1, 7),
)
def test_following_the_changes_gives_each_once_in_the_order_they_were_made_whatever_the_clock_says(
    appended: list[tuple[str, int]], limit: int
) -> None:
    with closing(memory_database()) as conn:
        seqs = [append(conn, job_id, at_ms=at_ms) for job_id, at_ms in appended]
        assert seqs == sorted(set(seqs))
        assert history.last_seq(conn) == (seqs[-1] if seqs else 0)
        for job_id in (None, "a", "b", "c"):
            wanted = [
                seq for seq, (of, _) in zip(seqs, appended, strict=True) if job_id in (None, of)
            ]
            followed: list[int] = []
            while found := history.changes_since(
                conn, followed[-1] if followed else 0, job_id=job_id, limit=limit
            ):
                assert len(found) <= limit
                followed += [change.seq for change in found]
            assert followed == wanted


def test_a_sequence_number_is_never_given_twice(conn: sqlite3.Connection) -> None:
    first = append(conn, "a")
    conn.execute("DELETE FROM job_events")
    assert append(conn, "a") > first


def test_a_detail_that_json_cannot_say_is_refused(conn: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="JSON"):
        append(conn, "a", detail={"value": float("nan")})
    assert history.last_seq(conn) == 0
