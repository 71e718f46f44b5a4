"""Jobs, one at a time: submission, states, ids, deletion."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.events import (
    Claimed,
    Event,
    Exited,
    Expired,
    Gone,
    NotStarted,
    Started,
    StartRefused,
    StopRequested,
    TimedOut,
)
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import InvalidTransition, advance
from atlas_scheduler.store import history, jobs, records, sql
from foundations.errors import AmbiguousJob, InvalidRequest, JobConflict, NotFound
from foundations.models import FINAL_STATES, JobState
from tests.core.profiles import PROPERTY
from tests.store.samples import DIGEST, add, finish, memory_database, new_job, run

ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


def test_a_submitted_job_comes_back_as_it_was(conn: sqlite3.Connection) -> None:
    stored = new_job(
        job_id=ID,
        spec={
            "command": ["main.py", "--name", 'ünï "quoted"\n'],
            "params": {"layers": [1, 2.5, None], "deep": {"a": [True]}},
            "num_gpus": 2,
            "environment": {"KEY": "value"},
            "tags": {"kind": "baseline"},
        },
        idempotency_key="once",
        bundle_size_bytes=2**40,
    )
    jobs.insert_job(conn, stored, now_ms=5)
    assert jobs.load(conn, ID) == stored
    assert jobs.load_job(conn, ID) == stored.job
    assert jobs.by_idempotency_key(conn, "once") == ID
    assert jobs.by_idempotency_key(conn, "twice") is None
    assert records.of_jobs(conn, [ID])[ID].tags == {"kind": "baseline"}


def test_an_id_and_an_idempotency_key_are_given_once(conn: sqlite3.Connection) -> None:
    jobs.insert_job(conn, new_job(job_id=ID, idempotency_key="once"), now_ms=0)
    with pytest.raises(sqlite3.IntegrityError):
        jobs.insert_job(conn, new_job(job_id=ID), now_ms=0)
    with pytest.raises(sqlite3.IntegrityError):
        jobs.insert_job(conn, new_job(idempotency_key="once"), now_ms=0)


@pytest.mark.parametrize("load", [jobs.load, jobs.load_job])
def test_a_job_that_is_not_there_is_not_found(
    conn: sqlite3.Connection, load: Callable[[sqlite3.Connection, str], object]
) -> None:
    with pytest.raises(NotFound, match=ID):
        load(conn, ID)
    with pytest.raises(NotFound, match=ID):
        jobs.save_job(conn, new_job(job_id=ID).job)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Claimed, at_ms=st.just(1), gpus=st.lists(st.sampled_from("01"), unique=True).map(tuple)
    ),
    st.builds(NotStarted, at_ms=st.just(2)),
    st.builds(StartRefused, at_ms=st.just(3), reason=st.text()),
    st.builds(Started, at_ms=st.just(4)),
    st.builds(Exited, at_ms=st.just(5), exit_code=st.integers(0, 255), oom_killed=st.booleans()),
    st.builds(Gone, at_ms=st.just(6), reason=st.just("gone")),
    st.builds(StopRequested, at_ms=st.just(7), by=st.just("someone")),
    st.builds(TimedOut, at_ms=st.just(8)),
    st.builds(Expired, at_ms=st.just(9)),
)


@PROPERTY
@given(st.lists(EVENTS, max_size=12))
def test_every_job_that_the_lifecycle_makes_can_be_stored(events: list[Event]) -> None:
    with closing(memory_database()) as conn:
        retries = {"exit": 2, "oom": 1, "lost": 1}
        limits = {"time_limit_seconds": 1, "queue_ttl_seconds": 2, "retries": retries}
        job = add(conn, job_id=ID, spec={"num_gpus": 2, **limits})
        for event in events:
            try:
                job, _ = advance(job, event)
            except InvalidTransition:
                continue
            jobs.save_job(conn, job)
            assert jobs.load_job(conn, ID) == job
            assert (job in jobs.queued(conn)) == (job.state is JobState.QUEUED)
            assert (job in jobs.holding(conn)) == job.holds_slot
            assert (job in jobs.unfinished_archives(conn)) == job.is_final


@pytest.mark.parametrize(
    "contradiction",
    [
        {"state": JobState.RUNNING, "attempt": 1},
        {"state": JobState.STARTING},
        {"state": JobState.QUEUED, "gpus": ("0",)},
        {"state": JobState.QUEUED, "finished_at_ms": 1},
        {"state": JobState.QUEUED, "exit_code": 0},
        {"state": JobState.COMPLETED, "exit_code": 0},
        {"state": JobState.COMPLETED, "finished_at_ms": 1},
        {"state": JobState.COMPLETED, "finished_at_ms": 1, "exit_code": 1},
        {"state": JobState.LOST, "finished_at_ms": 1, "exit_code": 0},
        {"attempt": -1},
        {"priority": 101},
        {"state": JobState.STARTING, "attempt": 1, "held_by": "ada"},
        {"state": JobState.STARTING, "attempt": 1, "not_before_ms": 1},
        {"timed_out": True},
        {"state": JobState.COMPLETED, "finished_at_ms": 1, "exit_code": 0, "timed_out": True},
    ],
    ids=str,
)
def test_a_job_that_contradicts_itself_is_refused(
    conn: sqlite3.Connection, contradiction: dict[str, Any]
) -> None:
    job = add(conn)
    with pytest.raises(sqlite3.IntegrityError):
        jobs.save_job(conn, replace(job, **contradiction))
    assert jobs.load_job(conn, job.job_id) == job


def test_the_database_knows_every_state(conn: sqlite3.Connection) -> None:
    for state in JobState:
        history.append_change(
            conn, job_id=ID, project="p", event="e", state=state, at_ms=0, detail={}
        )
    running = run(conn, add(conn))
    for state in FINAL_STATES:
        code = 0 if state is JobState.COMPLETED else None
        jobs.save_job(conn, replace(running, state=state, finished_at_ms=1, exit_code=code))


def test_the_engine_of_a_job_is_kept_until_another_takes_it(conn: sqlite3.Connection) -> None:
    job = add(conn, job_id=ID)
    for engine, stored in ((None, None), ("docker", "docker"), (None, "docker"), ("p", "p")):
        jobs.save_job(conn, job, engine=engine)
        assert jobs.load(conn, ID).engine == stored


# The queue.


def test_the_queue_keeps_its_order_and_can_be_narrowed_to_a_project(
    conn: sqlite3.Connection,
) -> None:
    first, second, third = (add(conn, project=project) for project in ("a", "b", "a"))
    assert jobs.queued(conn) == [first, second, third]
    assert jobs.queued(conn, "a") == [first, third]
    assert jobs.queued(conn, "none") == []
    moved = replace(third, order=first.order - 1)
    jobs.save_job(conn, moved)
    assert jobs.queued(conn) == [moved, first, second]
    urgent = replace(second, priority=1, held_by="ada")
    jobs.save_job(conn, urgent)
    assert jobs.queued(conn) == [urgent, moved, first]
    assert jobs.queued(conn, "a") == [moved, first]


def test_a_new_job_goes_behind_all_that_wait_also_those_that_were_moved(
    conn: sqlite3.Connection,
) -> None:
    assert jobs.next_order(conn) == 1
    first, second = add(conn), add(conn)
    jobs.save_job(conn, replace(first, order=50))
    third = add(conn)
    assert [job.job_id for job in jobs.queued(conn)] == [
        job.job_id for job in (second, first, third)
    ]
    assert third.order > 50


def test_what_a_restart_takes_up_again(conn: sqlite3.Connection) -> None:
    _, running = add(conn), run(conn, add(conn))
    late, early = finish(conn, add(conn), at_ms=9), finish(conn, add(conn), at_ms=8)
    archived, gone = finish(conn, add(conn)), finish(conn, add(conn))
    jobs.mark_archived(conn, archived.job_id)
    jobs.mark_deleted(conn, gone.job_id, 10)
    jobs.begin_sweeps(conn, deleted_until_ms=10, now_ms=11)
    assert jobs.holding(conn) == [running]
    assert jobs.unfinished_archives(conn) == [early, late]
    assert jobs.sweeping(conn) == [gone.job_id]
    assert jobs.load(conn, archived.job_id).archived


# Ids.


def test_an_id_or_its_beginning_finds_the_job(conn: sqlite3.Connection) -> None:
    add(conn, job_id=ID)
    add(conn, job_id="45540c00-0000-4000-8000-000000000000")
    for ref in (ID, ID.upper(), f" {ID}\n", "45540b", ID[:9], ID[:35]):
        assert jobs.resolve(conn, ref) == ID


@pytest.mark.parametrize(
    "ref",
    ["4554-", "ffff", "zzzz", f"{ID}0", "4554%", "4554' OR 1=1", "\x1b[2J4554", "....", "ÀÀÀÀ"],
)
def test_what_no_id_begins_with_is_not_found(conn: sqlite3.Connection, ref: str) -> None:
    add(conn, job_id=ID)
    with pytest.raises(NotFound) as caught:
        jobs.resolve(conn, ref)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("ref", ["", "455", "   4"])
def test_a_reference_too_short_to_mean_one_job_is_refused(
    conn: sqlite3.Connection, ref: str
) -> None:
    add(conn, job_id=ID)
    with pytest.raises(InvalidRequest, match="4 characters"):
        jobs.resolve(conn, ref)


def test_a_beginning_that_fits_several_jobs_names_some_of_them(conn: sqlite3.Connection) -> None:
    ids = [f"45540b52-ffe2-44ab-9838-db467d3499c{digit}" for digit in range(8)]
    for job_id in ids:
        add(conn, job_id=job_id)
    with pytest.raises(AmbiguousJob, match=f"{ids[0]}, .*{ids[4]} and others"):
        jobs.resolve(conn, "4554")
    with pytest.raises(AmbiguousJob):
        jobs.resolve(conn, ids[0][:-1])
    assert jobs.resolve(conn, ids[0]) == ids[0]


# Deletion.


def test_a_deleted_job_is_out_of_sight_and_purging_removes_all_but_its_history(
    conn: sqlite3.Connection,
) -> None:
    job = finish(conn, add(conn, job_id=ID, idempotency_key="once", spec={"tags": {"a": "b"}}))
    parsed = records.parse_lines(
        b'{"event":"param","key":"p","value":1}\n'
        b'{"event":"metric","key":"m","value":1}\n'
        b'{"event":"artifact","key":"a","path":"a","size_bytes":1}\n'
    )
    records.ingest(conn, ID, parsed.records, offset=0, new_offset=1)
    history.append_change(
        conn, job_id=ID, project=job.project, event="Exited", state=job.state, at_ms=1, detail={}
    )
    jobs.mark_deleted(conn, ID, 7)
    jobs.mark_deleted(conn, ID, 8)
    assert jobs.load(conn, ID).deleted
    assert jobs.load_job(conn, ID) == job
    assert jobs.by_idempotency_key(conn, "once") is None
    assert jobs.page(conn) == ([], None)
    assert jobs.count_by_state(conn) == {}
    assert jobs.unfinished_archives(conn) == []
    with pytest.raises(NotFound):
        jobs.resolve(conn, ID)
    jobs.purge(conn, ID)
    jobs.purge(conn, ID)
    assert jobs.sweeping(conn) == []
    assert jobs.oldest_deletion(conn) is None
    for table in ("jobs", "tags", "parameters", "metric_series", "metrics", "artifacts"):
        assert conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
    assert len(history.changes_since(conn, 0, job_id=ID)) == 1


def test_only_a_final_job_can_be_deleted_and_only_a_deleted_one_purged(
    conn: sqlite3.Connection,
) -> None:
    waiting, ended = add(conn), finish(conn, add(conn))
    with pytest.raises(JobConflict, match="is queued"):
        jobs.mark_deleted(conn, waiting.job_id, 1)
    with pytest.raises(NotFound):
        jobs.mark_deleted(conn, ID, 1)
    jobs.purge(conn, ended.job_id)
    assert jobs.load_job(conn, ended.job_id) == ended


def test_a_bundle_is_in_use_while_a_job_has_it(conn: sqlite3.Connection) -> None:
    first, second = finish(conn, add(conn)), finish(conn, add(conn))
    other = f"sha256:{'b' * 64}"
    assert jobs.bundle_in_use(conn, DIGEST)
    assert not jobs.bundle_in_use(conn, other)
    jobs.mark_deleted(conn, first.job_id, 1)
    assert jobs.bundle_in_use(conn, DIGEST)
    jobs.mark_deleted(conn, second.job_id, 2)
    jobs.begin_sweeps(conn, deleted_until_ms=1, now_ms=3)
    assert jobs.bundle_in_use(conn, DIGEST), "the second can still come back"
    jobs.begin_sweeps(conn, deleted_until_ms=2, now_ms=3)
    assert not jobs.bundle_in_use(conn, DIGEST)


def test_a_deleted_job_comes_back_as_it_was_until_its_files_are_removed(
    conn: sqlite3.Connection,
) -> None:
    early, late = finish(conn, add(conn)), finish(conn, add(conn))
    before = jobs.load(conn, early.job_id)
    jobs.mark_deleted(conn, early.job_id, 5)
    jobs.mark_deleted(conn, late.job_id, 9)
    assert jobs.oldest_deletion(conn) == 5
    assert jobs.resolve_deleted(conn, early.job_id[:8]) == early.job_id
    assert jobs.restore(conn, early.job_id)
    assert not jobs.restore(conn, early.job_id)
    assert jobs.load(conn, early.job_id) == before

    jobs.begin_sweeps(conn, deleted_until_ms=9, now_ms=20)
    assert jobs.sweeping(conn) == [late.job_id]
    assert not jobs.restore(conn, late.job_id)
    with pytest.raises(NotFound):
        jobs.resolve_deleted(conn, late.job_id)


def test_a_restored_job_leaves_its_key_to_the_job_that_got_it_meanwhile(
    conn: sqlite3.Connection,
) -> None:
    old = finish(conn, add(conn, idempotency_key="once"))
    jobs.mark_deleted(conn, old.job_id, 5)
    new = add(conn, idempotency_key="once")
    assert jobs.restore(conn, old.job_id)
    assert jobs.by_idempotency_key(conn, "once") == new.job_id
    assert jobs.load(conn, old.job_id).idempotency_key is None


def test_what_a_new_job_records_never_joins_what_a_purged_one_left(
    conn: sqlite3.Connection,
) -> None:
    numbers = []
    for _ in range(3):
        job: Job = finish(conn, add(conn))
        numbers.append(conn.execute("SELECT max(job_number) FROM jobs").fetchone()[0])
        jobs.mark_deleted(conn, job.job_id, 1)
        jobs.purge(conn, job.job_id)
    assert numbers == [1, 2, 3]


# Time.


def test_jobs_expire_by_when_they_could_have_had_their_turn(conn: sqlite3.Connection) -> None:
    spec = {"queue_ttl_seconds": 10}
    plain = add(conn, spec=spec, submitted_at_ms=1_000)
    later = replace(add(conn, spec=spec, submitted_at_ms=1_000), not_before_ms=3_000)
    jobs.save_job(conn, later)
    patient = add(conn, submitted_at_ms=1)
    assert (plain.expires_at_ms, later.expires_at_ms, patient.expires_at_ms) == (
        11_000,
        13_000,
        None,
    )
    assert jobs.next_expiry_ms(conn) == 11_000
    assert jobs.expired(conn, now_ms=10_999) == []
    assert jobs.expired(conn, now_ms=11_000) == [plain]
    assert jobs.expired(conn, now_ms=13_000) == [plain, later]
    run(conn, plain)
    assert jobs.expired(conn, now_ms=13_000) == [later]


def test_the_next_moments_are_found_by_indexes(conn: sqlite3.Connection) -> None:
    for name, index in (
        ("next_turn", "jobs_not_before"),
        ("next_expiry", "jobs_expiring"),
        ("expired", "jobs_expiring"),
    ):
        query = f"EXPLAIN QUERY PLAN {sql.queries('jobs')[name]}"
        plan = [row["detail"] for row in conn.execute(query, {"now_ms": 0})]
        assert any(f"INDEX {index}" in step for step in plan), plan
