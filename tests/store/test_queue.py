"""The queue in memory follows the database, whoever changes it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from random import Random

import pytest

from atlas_scheduler.core.dependencies import Blocker, Condition
from atlas_scheduler.core.events import StopRequested
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import advance
from atlas_scheduler.store import dependencies, jobs, projects
from atlas_scheduler.store.queue import QueueLine, past_durations_ms
from foundations.models import JobState
from tests.store.samples import add, finish, run


def in_database(conn: sqlite3.Connection) -> dict[str, Job]:
    return {job.job_id: job for job in jobs.queued(conn)}


def in_memory(line: QueueLine, conn: sqlite3.Connection) -> dict[str, Job]:
    return {job.job_id: job for job in line.up_to_date(conn)}


def test_every_kind_of_change_is_followed(conn: sqlite3.Connection) -> None:
    line = QueueLine()
    first = add(conn, project="cats", spec={"num_gpus": 0.5, "cpus": 2, "user": "ada"})
    assert in_memory(line, conn) == {first.job_id: first}
    others = [add(conn, project=name) for name in ("cats", "dogs", "dogs")]
    jobs.save_job(conn, replace(others[0], held_by="ada", priority=5, passed_over_at_ms=7))
    run(conn, others[1])
    jobs.save_job(conn, advance(others[2], StopRequested(5_000, "ada"))[0])
    projects.rename(conn, "cats", "lions")

    assert in_memory(line, conn) == in_database(conn)
    assert {job.project for job in in_memory(line, conn).values()} == {"lions"}
    assert len(in_database(conn)) == 2


def test_what_a_job_comes_after_is_followed_until_it_has_ended(conn: sqlite3.Connection) -> None:
    line = QueueLine()
    first, second = add(conn), add(conn)
    assert len(in_memory(line, conn)) == 2
    others = {first.job_id: (Condition.ANY, JobState.QUEUED)}
    dependencies.insert(conn, [second.job_id], others)
    assert in_memory(line, conn) == in_database(conn)
    assert in_memory(line, conn)[second.job_id].blockers
    run(conn, first)
    (blocker,) = in_memory(line, conn)[second.job_id].blockers
    assert blocker == Blocker(first.job_id, JobState.RUNNING)
    dependencies.meet(conn, second.job_id, first.job_id)

    assert in_memory(line, conn) == in_database(conn) == {second.job_id: second}


def test_what_left_the_queue_and_is_purged_is_forgotten_too(conn: sqlite3.Connection) -> None:
    line = QueueLine()
    job = add(conn)
    assert in_memory(line, conn)
    finish(conn, job)
    jobs.mark_deleted(conn, job.job_id, 4_000)
    jobs.purge(conn, job.job_id)

    assert in_memory(line, conn) == {}


@pytest.mark.parametrize("seed", range(3))
def test_whoever_looks_seldom_sees_the_same_as_who_looks_always(
    conn: sqlite3.Connection, seed: int
) -> None:
    random, often, seldom = Random(seed), QueueLine(), QueueLine()
    for _ in range(200):
        waiting = jobs.queued(conn)
        if not waiting or random.random() < 0.6:
            add(conn, project=random.choice(["cats", "dogs"]))
        elif random.random() < 0.5:
            run(conn, random.choice(waiting))
        else:
            jobs.save_job(conn, replace(random.choice(waiting), priority=random.randint(-2, 2)))
        assert in_memory(often, conn) == in_database(conn)
    assert in_memory(seldom, conn) == in_database(conn)


def test_whoever_is_too_far_behind_reads_everything_anew(conn: sqlite3.Connection) -> None:
    line = QueueLine()
    gone, changed = add(conn), add(conn)
    assert len(in_memory(line, conn)) == 2
    run(conn, gone)
    for number in range(5_500):
        jobs.save_job(conn, replace(changed, priority=number % 100))
    (kept,) = conn.execute("SELECT count(*) FROM queue_changes").fetchone()

    assert 5_000 <= kept < 5_256
    assert in_memory(line, conn) == in_database(conn)


def test_a_change_that_is_undone_is_undone_in_memory_once_it_forgets(
    conn: sqlite3.Connection,
) -> None:
    line = QueueLine()
    conn.execute("BEGIN")
    add(conn)
    assert len(in_memory(line, conn)) == 1
    conn.execute("ROLLBACK")
    line.forget()
    other = add(conn)

    assert in_memory(line, conn) == {other.job_id: other}


def test_a_job_that_waits_again_was_not_passed_over_yet(conn: sqlite3.Connection) -> None:
    job = replace(add(conn), passed_over_at_ms=7)
    jobs.save_job(conn, job)
    assert jobs.load_job(conn, job.job_id).passed_over_at_ms == 7
    run(conn, job)
    assert jobs.load_job(conn, job.job_id).passed_over_at_ms is None


def test_durations_are_those_of_completed_jobs_of_the_project_and_script(
    conn: sqlite3.Connection,
) -> None:
    spec = {"command": ["train.py", "--fast"]}
    for seconds in (10, 20, 30):
        finish(conn, add(conn, project="cats", spec=spec), at_ms=2_000 + seconds * 1_000)
    finish(conn, add(conn, project="cats", spec=spec), JobState.FAILED, at_ms=99_000)
    finish(conn, add(conn, project="cats", spec={"command": ["main.py"]}), at_ms=77_000)
    finish(conn, add(conn, project="dogs", spec=spec), at_ms=88_000)

    assert past_durations_ms(conn, ("cats", "train.py")) == [30_000, 20_000, 10_000]
    assert past_durations_ms(conn, ("birds", "train.py")) == []
