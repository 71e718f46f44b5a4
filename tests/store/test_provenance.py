"""Where jobs come from, in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import pytest

from atlas_scheduler.core.filters import parse
from atlas_scheduler.store import jobs, provenance, records
from atlas_scheduler.store.event_lines import parse_lines
from atlas_scheduler.store.job_search import search
from atlas_scheduler.store.record_kinds import Environment
from foundations.provenance import (
    MOST_PACKAGES,
    Execution,
    GitState,
    JobEnvironment,
    Origin,
    Provenance,
)
from tests.store.samples import DIGEST, add, finish, memory_database

COMMIT = "a" * 40


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    connection = memory_database()
    yield connection
    connection.close()


def test_of_a_job_that_nobody_speaks_of_nothing_is_known(conn: sqlite3.Connection) -> None:
    assert provenance.load(conn, add(conn).job_id, with_diff=True) == Provenance()


def test_the_diff_is_kept_apart(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    origin = Origin(user="ada", git=GitState(commit=COMMIT, dirty=True, diff="+1\n"))
    provenance.save_origin(conn, job_id, origin)

    assert provenance.load(conn, job_id, with_diff=True).origin == origin
    without = provenance.load(conn, job_id).origin
    assert without is not None
    assert without.git == GitState(commit=COMMIT, dirty=True)
    assert "+1" not in str(conn.execute("SELECT origin FROM provenance").fetchone()[0])


def test_what_is_known_of_an_attempt_stays_until_there_is_another(
    conn: sqlite3.Connection,
) -> None:
    job_id = add(conn).job_id

    def noted(attempt: int, version: str) -> Execution | None:
        execution = Execution(attempt=attempt, engine="docker", engine_version=version)
        provenance.save_execution(conn, job_id, execution)
        return provenance.load(conn, job_id).execution

    first = noted(1, "26")
    assert first is not None
    assert noted(1, "27") == first
    second = noted(2, "27")
    assert second is not None
    assert second.engine_version == "27"


def test_each_part_leaves_the_others_alone(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    line = b'{"event":"environment","python":"3.11.2","packages":{"numpy":"1.26"}}\n'
    assert records.ingest(conn, job_id, parse_lines(line).records, offset=0, new_offset=9)
    again = b'{"event":"environment","python":"3.12.0"}\n'
    assert records.ingest(conn, job_id, parse_lines(again).records, offset=9, new_offset=10)
    provenance.save_execution(conn, job_id, Execution(attempt=1, engine="process"))

    known = provenance.load(conn, job_id)

    assert known.environment == JobEnvironment(python="3.12.0")
    assert known.execution == Execution(attempt=1, engine="process")


def test_it_goes_with_the_job(conn: sqlite3.Connection) -> None:
    job_id = finish(conn, add(conn)).job_id
    provenance.save_origin(conn, job_id, Origin(git=GitState(diff="+1\n")))
    jobs.mark_deleted(conn, job_id, 1)

    jobs.purge(conn, job_id)

    assert conn.execute("SELECT count(*) FROM provenance").fetchone()[0] == 0
    assert conn.execute("SELECT count(*) FROM submitted_diffs").fetchone()[0] == 0


def test_what_git_knew_goes_with_the_same_files_only(conn: sqlite3.Connection) -> None:
    job_id = add(conn, bundle=DIGEST).job_id
    git = GitState(commit=COMMIT, diff="+1\n")
    provenance.save_origin(conn, job_id, Origin(git=git))

    assert provenance.source_of(conn, job_id, bundle=DIGEST) == git
    assert provenance.source_of(conn, job_id, bundle=f"sha256:{'b' * 64}") is None
    assert provenance.source_of(conn, "nobody", bundle=DIGEST) is None


@pytest.mark.parametrize(
    "filter",
    [
        f"git.commit = {COMMIT}",
        "git.commit:aaaaaaa",
        "git.branch:main",
        "git.branch ~ ^ma",
        "git.dirty:true",
        "git.dirty != false",
        "host in (box, attic)",
        "python:3.11",
        "has:image_id",
        "GIT.Dirty = TRUE",
    ],
)
def test_filters_find_jobs_by_it(conn: sqlite3.Connection, filter: str) -> None:
    add(conn)
    job_id = add(conn).job_id
    git = GitState(commit=COMMIT, branch="main", dirty=True)
    provenance.save_origin(conn, job_id, Origin(git=git))
    execution = Execution(attempt=1, engine="docker", host="box", image_id="sha256:1")
    provenance.save_execution(conn, job_id, execution)
    line = b'{"event":"environment","python":"3.11.2"}\n'
    assert records.ingest(conn, job_id, parse_lines(line).records, offset=0, new_offset=1)

    found, _ = search(conn, query=parse(filter), now_ms=0, limit=10, cursor=None)

    assert [one.job.job_id for one in found] == [job_id]


@pytest.mark.parametrize(
    "fields",
    [
        {"python": 3},
        {"python": "x" * 501},
        {"executable": ["x"]},
        {"packages": ["numpy"]},
        {"packages": {"numpy": 1}},
        {"packages": {"x" * 501: "1"}},
        {"packages": {f"p{number}": "1" for number in range(MOST_PACKAGES + 1)}},
        {"packages_left_out": -1},
        {"packages_left_out": 2**63},
        {"packages_left_out": True},
    ],
)
def test_an_environment_that_cannot_be_is_a_bad_line(fields: dict[str, object]) -> None:
    line = json.dumps({"event": "environment", **fields}).encode()

    parsed = parse_lines(line + b'\n{"event":"tag","key":"a"}\n')

    assert parsed.bad_lines == 1
    assert [record[0] for record in parsed.records] == ["a"]


def test_an_environment_may_say_little() -> None:
    (record,) = parse_lines(b'{"event":"environment","more":[1]}\n').records

    assert record == Environment({"packages": {}, "packages_left_out": 0})
