"""Lists of jobs, and how their queries find the rows."""

from __future__ import annotations

import base64
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import jobs, sql
from foundations.errors import InvalidRequest
from foundations.models import JobState, ProjectView
from tests.core.profiles import PROPERTY
from tests.store.samples import add, finish, memory_database, run


def ids_of_pages(conn: sqlite3.Connection, **wanted: object) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        shown, cursor = jobs.page(conn, cursor=cursor, **wanted)  # type: ignore[arg-type]  # as given
        found += [one.job.job_id for one in shown]
        if cursor is None:
            return found


@PROPERTY
@given(
    before=st.integers(0, 12),
    limit=st.integers(1, 5),
    meanwhile=st.lists(st.sampled_from(["add", "finish", "purge"]), max_size=12),
)
def test_pages_show_each_job_once_while_jobs_come_end_and_go(
    before: int, limit: int, meanwhile: list[str]
) -> None:
    with closing(memory_database()) as conn:
        at_first = [add(conn).job_id for _ in range(before)]
        gone: set[str] = set()
        shown: list[str] = []
        steps = iter(meanwhile)
        cursor: str | None = None
        while True:
            found, cursor = jobs.page(conn, limit=limit, cursor=cursor)
            assert len(found) <= limit
            shown += [one.job.job_id for one in found]
            if cursor is None:
                break
            match next(steps, None):
                case "add":
                    add(conn)
                case "finish":
                    finish(conn, jobs.queued(conn)[0])
                case "purge":
                    last = jobs.load_job(conn, shown[-1])
                    last = last if last.is_final else finish(conn, last)
                    jobs.mark_deleted(conn, last.job_id, 1)
                    jobs.purge(conn, last.job_id)
                    gone.add(last.job_id)
        assert shown == at_first[::-1]
        assert set(ids_of_pages(conn, limit=limit)) >= set(at_first) - gone


def test_a_page_can_be_narrowed_by_project_and_by_states(conn: sqlite3.Connection) -> None:
    made = [add(conn, project="ab"[number % 2]) for number in range(12)]
    for number, job in enumerate(made):
        match number % 3:
            case 0:
                finish(conn, job, JobState.FAILED)
            case 1:
                run(conn, job)
    for project in (None, "a", "b", "none"):
        for states in (None, [], [JobState.FAILED], [JobState.RUNNING, JobState.QUEUED] * 2):
            stored = [jobs.load_job(conn, job.job_id) for job in reversed(made)]
            expected = [
                job.job_id
                for job in stored
                if project in (None, job.project) and (not states or job.state in states)
            ]
            for limit in (1, 3, 100):
                assert ids_of_pages(conn, project=project, states=states, limit=limit) == expected


def test_the_last_page_has_no_cursor_also_when_it_is_full(conn: sqlite3.Connection) -> None:
    for _ in range(4):
        add(conn)
    first, cursor = jobs.page(conn, limit=2)
    assert cursor is not None
    second, end = jobs.page(conn, limit=2, cursor=cursor)
    assert (len(first), len(second), end) == (2, 2, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "rubbish",
        "5",
        "ÿ",
        "\x00",
        *(
            base64.urlsafe_b64encode(text).decode()
            for text in (
                b"5",
                b"before:",
                b"before:0",
                b"before:-1",
                b"before:1 ",
                b"before:1\n",
                b"before:9999999999999999999",
                "before:٣".encode(),
            )
        ),
    ],
)
def test_a_cursor_that_was_not_given_is_refused(conn: sqlite3.Connection, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        jobs.page(conn, cursor=cursor)


@pytest.mark.parametrize("limit", [-1, 0, jobs.PAGE_LIMIT + 1])
def test_a_page_has_a_sensible_size(conn: sqlite3.Connection, limit: int) -> None:
    with pytest.raises(InvalidRequest, match="limit"):
        jobs.page(conn, limit=limit)


def test_jobs_are_counted_by_state_and_by_project(conn: sqlite3.Connection) -> None:
    assert jobs.count_by_state(conn) == {}
    assert jobs.projects(conn) == []
    add(conn, project="b", submitted_at_ms=1_000)
    finish(conn, add(conn, project="b", submitted_at_ms=4_000))
    add(conn, project="b", submitted_at_ms=2_000)
    alone = finish(conn, add(conn, project="a", submitted_at_ms=9_000))
    assert jobs.count_by_state(conn) == {JobState.QUEUED: 2, JobState.COMPLETED: 2}
    jobs.mark_deleted(conn, alone.job_id, 1)
    assert jobs.projects(conn) == [
        ProjectView(name="a", created_at=utc(9_000), jobs=0),
        ProjectView(
            name="b",
            created_at=utc(1_000),
            jobs=3,
            states={JobState.QUEUED: 2, JobState.COMPLETED: 1},
            last_submitted_at=utc(4_000),
        ),
    ]


HOT = {
    ("jobs", "load"): "sqlite_autoindex_jobs_1",
    ("jobs", "load_job"): "sqlite_autoindex_jobs_1",
    ("jobs", "save_job"): "sqlite_autoindex_jobs_1",
    ("jobs", "by_idempotency_key"): "jobs_by_idempotency_key",
    ("jobs", "resolve"): "sqlite_autoindex_jobs_1",
    ("jobs", "next_order"): "jobs_queued",
    ("jobs", "queued"): "jobs_in_turn",
    ("jobs", "queued_of_project"): "jobs_in_turn",
    ("jobs", "holding"): "jobs_holding",
    ("jobs", "unfinished_archives"): "jobs_unarchived",
    ("jobs", "resolve_deleted"): "sqlite_autoindex_jobs_1",
    ("jobs", "begin_sweeps"): "jobs_deleted",
    ("jobs", "sweeping"): "jobs_deleted",
    ("jobs", "oldest_deletion"): "jobs_deleted",
    ("jobs", "bundle_in_use"): "jobs_by_bundle",
    ("job_lists", "page"): "INTEGER PRIMARY KEY",
    ("job_lists", "page_of_project"): "jobs_by_project",
    ("job_lists", "page_in_state"): "jobs_by_state",
    ("job_lists", "page_of_project_in_state"): "jobs_by_project_and_state",
    ("job_lists", "count_by_state"): "COVERING INDEX jobs_by_state",
    ("job_lists", "projects"): "COVERING INDEX jobs_by_project_and_state",
    ("history", "changes_since"): "INTEGER PRIMARY KEY",
    ("history", "changes_of_job_since"): "job_events_of_job",
    ("records", "advance_offset"): "sqlite_autoindex_jobs_1",
    ("records", "extend_series"): "INTEGER PRIMARY KEY",
    ("records", "parameters_of_jobs"): "PRIMARY KEY",
    ("records", "tags_of_jobs"): "PRIMARY KEY",
    ("records", "metrics_of_jobs"): "sqlite_autoindex_metric_series_1",
    ("records", "series"): "sqlite_autoindex_metric_series_1",
    ("records", "system_series"): "sqlite_autoindex_metric_series_1",
    ("system_metrics", "running_job"): "sqlite_autoindex_jobs_1",
    ("system_metrics", "standing"): "sqlite_autoindex_metric_series_1",
    ("disk_use", "holders"): "INTEGER PRIMARY KEY",
    ("records", "artifacts"): "PRIMARY KEY",
    ("projects", "find"): "sqlite_autoindex_projects_1",
    ("projects", "jobs"): "jobs_by_project",
    ("remarks", "notes"): "notes_of_job",
    ("remarks", "tag_names"): "PRIMARY KEY",
    ("metric_points", "find"): "sqlite_autoindex_metric_series_1",
    ("metric_points", "page"): "PRIMARY KEY",
    ("metric_points", "lowest"): "PRIMARY KEY",
    ("metric_points", "highest"): "PRIMARY KEY",
    ("metric_points", "values"): "PRIMARY KEY",
    ("metric_points", "chosen"): "PRIMARY KEY",
}
WALKED = {
    *("jobs_queued", "jobs_in_turn", "jobs_holding", "jobs_unarchived", "jobs_deleted"),
    *("jobs_by_state", "jobs_by_project_and_state"),
}
"""Indexes whose every entry is part of the answer, or counted for it."""
SORTS = {"projects", "parameters_of_jobs", "tags_of_jobs", "metrics_of_jobs", "chosen"}
"""These sort a few rows at the end: one a project, or those of one page."""


@pytest.mark.parametrize(("noun", "name"), HOT, ids=[f"{noun}.{name}" for noun, name in HOT])
def test_a_query_that_is_asked_often_finds_its_rows_by_an_index(
    conn: sqlite3.Connection, noun: str, name: str
) -> None:
    query = sql.queries(noun)[name]
    named = dict.fromkeys(re.findall(r":(\w+)", query))
    rows = conn.execute(f"EXPLAIN QUERY PLAN {query}", named)
    plan = [row["detail"] for row in rows]
    index = HOT[noun, name]
    assert any(index in step for step in plan), plan
    if name not in SORTS:
        assert not any("TEMP B-TREE" in step for step in plan), plan
    scans = [step for step in plan if step.startswith("SCAN")]
    assert all(_walks_what_is_wanted(step) for step in scans), plan


def _walks_what_is_wanted(step: str) -> bool:
    """Whether a scan meets only rows that the answer needs."""
    small = ("SCAN projects", "SCAN counted", "SCAN wanted", "SCAN CONSTANT ROW")
    return step.startswith(small) or any(f"INDEX {index}" in step for index in WALKED)
