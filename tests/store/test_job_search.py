"""Searches give what a filter means, page by page, and find their rows by indexes."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.filters import Query, parse
from atlas_scheduler.core.filters.parser import DEEPEST
from atlas_scheduler.store import job_search, jobs, records, search_plans
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.records import Metric, Parameter, Tag
from foundations.errors import InvalidRequest
from tests.core.profiles import PROPERTY
from tests.store import naive_filter
from tests.store.filter_queries import queries
from tests.store.filter_samples import NOW_MS, insert, samples
from tests.store.samples import add, finish, memory_database, new_job


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
    few=st.sampled_from([0, 3, search_plans.FEW]),
)
def test_a_search_gives_what_the_filter_means_each_job_once(
    made: list[dict[str, Any]], wanted: list[Query], limit: int, few: int
) -> None:
    with closing(memory_database()) as conn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_plans, "FEW", few)
        plain = [insert(conn, sample, number) for number, sample in enumerate(made, start=1)]
        for query in wanted:
            expected = naive_filter.search(plain, query, now_ms=NOW_MS)
            assert numbers_of_pages(conn, query, limit=limit) == expected, query


def find(conn: sqlite3.Connection, text: str, **wanted: Any) -> tuple[list[str], str | None]:
    shown, cursor = job_search.search(conn, parse(text), now_ms=NOW_MS, **wanted)
    return [one.job.job_id for one in shown], cursor


def record(conn: sqlite3.Connection, job_id: str, *found: records.Record) -> None:
    offset = jobs.load(conn, job_id).records_offset
    assert records.ingest(conn, job_id, found, offset=offset, new_offset=offset + 1)


@pytest.mark.parametrize("sort", ["", "sort:-metric.loss", "sort:param.lr,-project", "sort:user"])
def test_pages_show_each_job_once_while_jobs_come_and_end(
    conn: sqlite3.Connection, sort: str
) -> None:
    at_first = [add(conn) for _ in range(9)]
    for number, job in enumerate(at_first[:6]):
        record(conn, job.job_id, Metric("loss", number % 3, None, 1), Parameter("lr", "x", 1))
    shown: list[str] = []
    cursor: str | None = None
    while True:
        found, cursor = find(conn, f"not state:running {sort}", limit=2, cursor=cursor)
        shown += found
        if cursor is None:
            break
        added = add(conn)
        record(conn, added.job_id, Metric("loss", 9, None, 1))
        last = jobs.load_job(conn, found[-1])
        if not last.is_final:
            finish(conn, last)
    kept = [one for one in shown if one in {job.job_id for job in at_first}]
    assert sorted(kept) == sorted(job.job_id for job in at_first)


def test_a_deleted_job_is_not_found(conn: sqlite3.Connection) -> None:
    job = finish(conn, add(conn))
    record(conn, job.job_id, Metric("loss", 1, None, 1))
    assert find(conn, "sort:metric.loss") == ([job.job_id], None)
    jobs.mark_deleted(conn, job.job_id, 1)
    for text in ("", "sort:metric.loss", "has:metric.loss", "state:completed"):
        assert find(conn, text) == ([], None)


def test_what_a_span_counts_back_from_stays_the_same_on_later_pages(
    conn: sqlite3.Connection,
) -> None:
    made = [add(conn, submitted_at_ms=NOW_MS - 1_000).job_id for _ in range(2)]
    query = parse("since:1s")
    first, cursor = job_search.search(conn, query, now_ms=NOW_MS, limit=1)
    second, _ = job_search.search(conn, query, now_ms=NOW_MS + 9, limit=1, cursor=cursor)
    assert [one.job.job_id for one in (*first, *second)] == made[::-1]


def test_a_cursor_belongs_to_its_filter(conn: sqlite3.Connection) -> None:
    for _ in range(3):
        add(conn)
    _, cursor = find(conn, "sort:user", limit=1)
    assert cursor is not None
    for text in ("", "sort:-user", "state:queued sort:user"):
        with pytest.raises(InvalidRequest, match="for this filter"):
            find(conn, text, cursor=cursor)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: [],
        lambda document: {},
        lambda document: document[:-1],
        lambda document: [*document, 1],
        lambda document: [*document[:-1], "1"],
        lambda document: [*document[:-1], True],
        lambda document: [*document[:-1], 2**63],
        lambda document: [document[0], 1.5, *document[2:]],
        lambda document: [*document[:2], [], document[-1]],
        lambda document: [*document[:2], "\ud800", document[-1]],
        lambda document: ["0" * 16, *document[1:]],
    ],
)
def test_a_cursor_that_was_not_given_is_refused(conn: sqlite3.Connection, change: Any) -> None:
    for _ in range(2):
        add(conn)
    _, cursor = find(conn, "sort:user", limit=1)
    document = change(json.loads(base64.urlsafe_b64decode(cursor or "")))
    forged = base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    for text in (forged, "", "x", "ÿ", forged[:-3], "W" * 20_000, "[" * 400):
        with pytest.raises(InvalidRequest, match="cursor"):
            find(conn, "sort:user", cursor=text)


@pytest.mark.parametrize("limit", [-1, 0, jobs.PAGE_LIMIT + 1])
def test_a_page_has_a_sensible_size(conn: sqlite3.Connection, limit: int) -> None:
    with pytest.raises(InvalidRequest, match="limit"):
        find(conn, "", limit=limit)


@pytest.mark.parametrize(
    "name", ["x'); DROP TABLE jobs; --", '"', "?", ":name", "%", "a\nb", "\\", "ü\u202e"]
)
def test_a_hostile_name_is_only_a_name(conn: sqlite3.Connection, name: str) -> None:
    job = add(conn)
    record(conn, job.job_id, Metric(name, 1, None, 1), Parameter(name, name, 1), Tag(name, name))
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    for kind, value in (("metric", "1"), ("param", f'"{quoted}"'), ("tag", f'"{quoted}"')):
        text = f'{kind}."{quoted}" = {value} sort:{kind}."{quoted}"'
        assert find(conn, text) == ([job.job_id], None)
    assert find(conn, f'metric."{quoted}x" = 1') == ([], None)


@pytest.mark.anyio
async def test_readers_of_a_database_know_patterns(database: Database) -> None:
    await database.write(
        lambda conn: jobs.insert_job(conn, new_job(spec={"image": "a" * 500 + "b"}), now_ms=1)
    )
    query = parse('image ~ "(a+)+$" or image ~ "^a+b"')
    found, _ = await database.read(lambda conn: job_search.search(conn, query, now_ms=1))
    assert len(found) == 1


@pytest.mark.parametrize("shape", ["(param.x = 1 and {})", "(metric.x ~ a or {})", "not {}"])
@pytest.mark.parametrize("few", [-1, search_plans.FEW])
@pytest.mark.parametrize("rest", ["", "sort:-metric.x,param.x,state,duration"])
def test_the_deepest_and_longest_filters_are_not_too_much_for_sqlite(
    conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, shape: str, few: int, rest: str
) -> None:
    monkeypatch.setattr(search_plans, "FEW", few)
    add(conn)
    deep = "state:queued"
    for number in range(DEEPEST - 1):
        deep = (shape if number % 2 else "(param.y < 1 or {})").format(deep)
    for text in (deep, *[f" {word} ".join(["metric.x != b"] * 100) for word in ("and", "or")]):
        find(conn, f"{text} {rest}", limit=1)


HOT = {
    "": ["SCAN jobs"],  # in the order of the primary key
    "state:failed": ["jobs_by_state"],
    "project:cats": ["jobs_by_project (project_number=?"],
    "project:cats state:failed": ["jobs_by_project_and_state (project_number=? AND state=?"],
    "metric.acc > 0.9": ["sqlite_autoindex_metric_series_1 (job_number=? AND name=?)"],
    "metric.acc > 0.9 sort:-metric.acc": ["metric_series_by_value (name=? AND last_value>?"],
    "state:failed sort:metric.acc": ["metric_series_by_value (name=? AND last_value<?)"],
    "metric.acc > 0.9 param.lr < 1e-3 sort:-metric.acc": [
        "metric_series_by_value (name=? AND last_value>?",
        "record USING PRIMARY KEY (job_number=? AND name=?)",
    ],
    "sort:-param.lr": ["parameters_by_value (name=?"],
    "sort:param.lr": ["parameters_by_value_newest_first (name=?"],
    "sort:-tag.kind": ["tags_by_rank (name=?"],
    "sort:tag.kind": ["tags_by_rank_newest_first (name=?"],
    "sort:metric.acc.min": ["metric_series_by_min (name=?"],
    "metric.acc.max > 0.9 sort:-metric.acc.max": ["metric_series_by_max (name=? AND max_value>?"],
    "tag:best": ["record USING PRIMARY KEY (job_number=? AND name=?)"],
    "state:failed sort:-finished": ["SEARCH jobs USING INDEX jobs_by_end (finished_at_ms>?"],
    "finished < 1d sort:finished": ["jobs_by_end (finished_at_ms>? AND finished_at_ms<?"],
    "state:failed sort:started": ["jobs_by_start (started_at_ms>?"],
    "duration > 2h sort:-duration": [
        "jobs_by_duration (ran_seconds>?",
        "jobs_under_way (started_at_ms>?",
    ],
    "state:failed sort:user": ["jobs_by_user_newest_first"],
    "state:failed sort:-user": ["jobs_by_user"],
    "user < m sort:user": ["jobs_by_user_newest_first (user<?"],
    "sort:state": ["jobs_by_state_newest_first"],
    "sort:-state": ["jobs_by_state"],
    "sort:project": ["jobs_by_project (project_number=?"],
}
"""Filters that are asked often, and how the rows of their first query are found."""


def plan_of(conn: sqlite3.Connection, text: str, *, few: int) -> list[str]:
    """What SQLite does for the first query of a search, before it sorts."""
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_plans, "FEW", few)
        conn.set_trace_callback(asked.append)
        find(conn, text)
        conn.set_trace_callback(None)
    (statement, *_) = [one for one in asked if one.startswith("SELECT * FROM (SELECT ")]
    return [row["detail"] for row in conn.execute(f"EXPLAIN QUERY PLAN {statement}")]


@pytest.mark.parametrize("text", HOT)
def test_a_filter_that_is_asked_often_finds_its_rows_by_an_index(
    conn: sqlite3.Connection, text: str
) -> None:
    conn.execute("INSERT INTO projects (name, created_at_ms) VALUES ('cats', 1)")
    plan = plan_of(conn, text, few=-1)
    for index in HOT[text]:
        assert any(index in step for step in plan), plan
    sorts = [step for step in plan if step == "USE TEMP B-TREE FOR ORDER BY"]
    # Durations of jobs under way are sorted, and then merged with the others.
    assert len(sorts) == (2 if "sort:-duration" in text else 0), plan


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("metric.acc > 0.9 sort:user", "metric_series_by_value (name=? AND last_value>?"),
        ("param.opt = adam sort:user", "parameters_by_value_newest_first (name=? AND rank=?"),
        ("tag.kind = a sort:user", "tags_by_value (name=? AND value=?"),
        ("state:failed sort:-metric.acc", "jobs_by_state_newest_first (state=?"),
        ("metric.acc.min < 1 sort:user", "metric_series_by_min (name=? AND min_value<?"),
        ("note:best sort:user", "SCAN found USING COVERING INDEX notes_of_job"),
        ("rerun_of:4554 sort:user", "jobs_by_original"),
        ("schedule:4554 sort:user", "jobs_by_schedule"),
        ("unique:nightly sort:user", "jobs_by_unique_key (unique_key=?"),
        ("after:4554 sort:user", "SCAN found"),
        ("array:4554 sort:user", "jobs_by_array (array_number=?"),
        ("array=4554 sort:user", "jobs_by_array (array_number=?"),
        ("has:array sort:user", "jobs_by_array"),
        ("user:ada sort:-metric.acc", "jobs_by_user_newest_first (user=?"),
        ("project:cats sort:-metric.acc", "jobs_by_project"),
        ("since:2d sort:-metric.acc", "jobs_by_submission (submitted_at_ms>?"),
        ("started > 2d sort:-metric.acc", "jobs_by_start (started_at_ms>?"),
        ("finished < 2d sort:-metric.acc", "jobs_by_end (finished_at_ms<?"),
    ],
)
def test_few_jobs_are_looked_up(conn: sqlite3.Connection, text: str, index: str) -> None:
    plan = plan_of(conn, text, few=search_plans.FEW)
    assert any(index in step for step in plan), plan
