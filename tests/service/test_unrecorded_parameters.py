"""Jobs that waited when parameters were not recorded at submission yet get theirs at a start."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from atlas_scheduler import attendants
from atlas_scheduler.attendants import record_waiting
from atlas_scheduler.store import jobs, parameters, records
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.records import Parameter
from foundations.models import JobState
from tests.store.samples import new_job

pytestmark = pytest.mark.anyio


class Crash(Exception):
    """The server ends here."""


def nothing(job_id: str) -> None:
    pass


async def left_by_an_older_version(
    database: Database, *params: Mapping[str, Any], **fields: Any
) -> list[str]:
    """Jobs whose submission recorded no parameters."""
    made = [
        new_job(order=place, spec={"params": one}, **fields) for place, one in enumerate(params, 1)
    ]
    await database.write(lambda conn: _insert(conn, made))
    return [one.job.job_id for one in made]


def _insert(conn: sqlite3.Connection, made: list[StoredJob]) -> None:
    for one in made:
        jobs.insert_job(conn, one, now_ms=5)
    conn.execute("DELETE FROM parameters")


async def recorded(database: Database, job_ids: list[str]) -> list[dict[str, Any]]:
    found = await database.read(lambda conn: records.of_jobs(conn, job_ids))
    return [found[one].parameters for one in job_ids]


async def test_jobs_that_wait_show_what_they_were_submitted_with(database: Database) -> None:
    given = [{"lr": 0.1 * place, "model": {"depth": place}} for place in range(120)]
    waiting = await left_by_an_older_version(database, *given, {})
    told: list[str] = []

    await record_waiting(database, told.append)

    flat = [{"lr": one["lr"], "model_depth": place} for place, one in enumerate(given)]
    assert await recorded(database, waiting) == [*flat, {}]
    assert sorted(told) == sorted(waiting[:-1])


async def test_what_a_job_records_itself_is_left_to_it(database: Database) -> None:
    (logged,) = await left_by_an_older_version(database, {"lr": 0.1, "seed": 1})
    (started,) = await left_by_an_older_version(database, {"lr": 0.1})
    await database.write(
        lambda conn: jobs.save_job(
            conn, replace(jobs.load_job(conn, started), state=JobState.STARTING, attempt=1)
        )
    )
    await database.write(
        lambda conn: records.ingest(conn, logged, [Parameter("lr", 0.2, 6)], offset=0, new_offset=9)
    )

    await record_waiting(database, nothing)

    assert await recorded(database, [logged, started]) == [{"lr": 0.2}, {}]


async def test_a_crash_in_between_leaves_the_rest_for_the_next_start(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendants, "_STEP_JOBS", 2)
    waiting = await left_by_an_older_version(database, *({"lr": place} for place in range(5)))

    def crash(job_id: str) -> None:
        raise Crash

    with pytest.raises(Crash):
        await record_waiting(database, crash)
    assert sum(bool(one) for one in await recorded(database, waiting)) == 2

    await record_waiting(database, nothing)
    assert await recorded(database, waiting) == [{"lr": place} for place in range(5)]


async def test_it_is_done_once(database: Database) -> None:
    await record_waiting(database, nothing)
    waiting = await left_by_an_older_version(database, {"lr": 0.1})
    await record_waiting(database, nothing)
    assert await recorded(database, waiting) == [{}]


async def test_a_large_array_gets_fewer_of_each_job(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "MOST_OF_AN_ARRAY", 5)
    await database.write(
        lambda conn: conn.execute(
            "INSERT INTO arrays (array_number, array_id, indices, size, submitted_at_ms)"
            " VALUES (1, '45540b52-ffe2-44ab-9838-db467d3499c0', '0-1', 2, 1)"
        )
    )
    (first,) = await left_by_an_older_version(
        database, {"a": 1, "b": 2, "c": 3}, array=1, array_index=0
    )

    await record_waiting(database, nothing)

    assert await recorded(database, [first]) == [{"a": 1, "b": 2}]
