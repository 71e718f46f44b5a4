"""What jobs recorded, stored exactly once and found again."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import jobs, records
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.records import JobRecords, parse_lines
from foundations.models import ArtifactView, MetricSummary
from tests.core.profiles import PROPERTY
from tests.store.samples import add, memory_database, new_job
from tests.store.series_points import Point, points_of

ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


def line(event: str, key: str, **fields: Any) -> bytes:
    return json.dumps({"event": event, "key": key, **fields}).encode() + b"\n"


def metric(key: str, value: Any, **fields: Any) -> bytes:
    return line("metric", key, value=value, **fields)


def special(key: str, name: str) -> bytes:
    return metric(key, name, special=True)


def take_in(conn: sqlite3.Connection, job_id: str, *lines: bytes, now_ms: int = 7) -> None:
    data = b"".join(lines)
    offset = jobs.load(conn, job_id).records_offset
    parsed = parse_lines(data)
    assert parsed.bad_lines == 0
    assert records.ingest(
        conn, job_id, parsed.records, offset=offset, new_offset=offset + len(data), now_ms=now_ms
    )


def test_the_records_of_several_jobs_come_together(conn: sqlite3.Connection) -> None:
    first, second, third = (add(conn).job_id for _ in range(3))
    take_in(
        conn,
        first,
        line("param", "lr", value=0.1),
        line("param", "layers", value=[1, {"a": None}]),
        metric("loss", 2),
        metric("loss", 1.5),
        line("tag", "kind", value="x"),
    )
    take_in(conn, second, line("param", "lr", value="auto"), metric("loss", "none"))
    assert records.of_jobs(conn, [third, first, second]) == {
        first: JobRecords({"lr": 0.1, "layers": [1, {"a": None}]}, {"loss": 1.5}, {"kind": "x"}),
        second: JobRecords({"lr": "auto"}, {"loss": "none"}, {}),
        third: JobRecords(),
    }
    assert records.of_jobs(conn, []) == {}
    assert records.of_jobs(conn, [ID]) == {ID: JobRecords()}


def test_of_a_parameter_a_tag_and_an_artifact_the_last_counts(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    for value in ("old", "new"):
        take_in(
            conn,
            job_id,
            line("param", "p", value="older"),
            line("param", "p", value=value),
            line("tag", "t", value=value),
            line("artifact", "a", path=f"{value}/./a.bin", size_bytes=len(value), at=1.5),
        )
    found = records.of_jobs(conn, [job_id])[job_id]
    assert (found.parameters, found.tags) == ({"p": "new"}, {"t": "new"})
    assert records.artifacts(conn, job_id) == [
        ArtifactView(key="a", path="new/a.bin", size_bytes=3, saved_at=utc(1_500))
    ]


def test_a_series_keeps_every_point_in_the_order_it_was_logged(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    take_in(
        conn,
        job_id,
        metric("loss", 3, step=5, at=1.0),
        metric("acc", 0.5),
        metric("loss", 1.5, step=2),
        now_ms=50,
    )
    take_in(conn, job_id, metric("loss", 1.5, step=2), metric("loss", 2, step=0.5), now_ms=60)
    assert points_of(conn, job_id, "loss") == [
        Point(5.0, 3, 1_000),
        Point(2.0, 1.5, 50),
        Point(2.0, 1.5, 60),
        Point(0.5, 2, 60),
    ]
    assert records.series(conn, job_id) == [
        MetricSummary(name="acc", last=0.5, min=0.5, max=0.5, count=1),
        MetricSummary(
            name="loss", last=2, last_step=0.5, min=1.5, min_step=2, max=3, max_step=5, count=4
        ),
    ]
    assert points_of(conn, job_id, "none") == []


def test_a_summary_keeps_the_step_of_the_first_point_with_each_extreme(
    conn: sqlite3.Connection,
) -> None:
    job_id = add(conn).job_id

    def extremes() -> tuple[float | None, ...]:
        (one,) = records.series(conn, job_id)
        return one.min, one.min_step, one.max, one.max_step

    take_in(conn, job_id, metric("m", "text", step=1))
    assert extremes() == (None, None, None, None)
    take_in(conn, job_id, metric("m", 2), metric("m", 2, step=3))
    assert extremes() == (2, None, 2, None)
    take_in(conn, job_id, metric("m", 2, step=4), metric("m", 3, step=5), metric("m", 3, step=6))
    assert extremes() == (2, None, 3, 5)
    take_in(conn, job_id, special("m", "NaN"), metric("m", -1, step=7), metric("m", 3, step=8))
    assert extremes() == (-1, 7, 3, 5)
    take_in(conn, job_id, metric("m", True, step=9))
    assert extremes() == (-1, 7, 3, 5)


def test_extremes_are_those_of_the_finite_numbers(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    take_in(conn, job_id, special("m", "NaN"), metric("m", "text"), metric("m", True))
    assert records.series(conn, job_id) == [MetricSummary(name="m", last=True, count=3)]
    take_in(conn, job_id, metric("m", -2), special("m", "Infinity"), metric("m", 4.5))
    take_in(conn, job_id, metric("m", 1), special("m", "-Infinity"))
    assert records.series(conn, job_id) == [
        MetricSummary(name="m", last="-Infinity", min=-2, max=4.5, count=8)
    ]


VALUES = [
    ("NaN", "NaN"),
    ("-Infinity", "-Infinity"),
    (-(2**63), -(2**63)),
    (-0.5, -0.5),
    (0, 0),
    (3.0, 3.0),
    (2**63 - 1, 2**63 - 1),
    ("Infinity", "Infinity"),
    ([1, "b"], [1, "b"]),
    (False, False),
]
"""Metric values in the order that the database gives them, as logged and as shown."""


def test_values_keep_their_kind_and_sort_as_numbers_with_the_special_ones_at_the_ends(
    conn: sqlite3.Connection,
) -> None:
    job_id = add(conn).job_id
    shuffled = random.Random(3).sample(VALUES, len(VALUES))
    take_in(
        conn,
        job_id,
        *(metric("m", value, special=isinstance(value, str)) for value, _ in shuffled),
    )
    shown = [point.value for point in points_of(conn, job_id, "m")]
    assert shown == [value for _, value in shuffled]
    assert [type(one) for one in shown] == [type(value) for _, value in shuffled]
    ordered = conn.execute("SELECT position FROM metrics ORDER BY value").fetchall()
    assert [shown[row["position"]] for row in ordered] == [value for _, value in VALUES]


@pytest.mark.parametrize(
    ("value", "rank"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, 1),
        ("adam", "adam"),
        ("x" * 900, "x" * 200),
        (10**30, 1e30),
        (-(10**400), float("-inf")),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
    ],
)
def test_a_parameter_is_kept_exactly_and_has_a_place_in_an_order(
    conn: sqlite3.Connection, value: Any, rank: Any
) -> None:
    job_id = add(conn).job_id
    take_in(conn, job_id, line("param", "p", value=value))
    assert records.of_jobs(conn, [job_id])[job_id].parameters == {"p": value}
    assert conn.execute("SELECT rank FROM parameters").fetchone()["rank"] == rank


def test_a_parameter_that_json_cannot_say_is_kept_by_name(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    take_in(conn, job_id, line("param", "p", value={"a": [float("nan"), float("-inf"), 1]}))
    assert records.of_jobs(conn, [job_id])[job_id].parameters == {
        "p": {"a": ["NaN", "-Infinity", 1]}
    }


# Exactly once.


def test_records_that_were_taken_in_already_change_nothing(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    parsed = parse_lines(metric("m", 1) + line("param", "p", value=1))

    def again(offset: int, new_offset: int) -> bool:
        return records.ingest(conn, job_id, parsed.records, offset=offset, new_offset=new_offset)

    assert again(0, 60)
    for offset in (0, 30, 61):
        assert not again(offset, 100)
    assert jobs.load(conn, job_id).records_offset == 60
    assert [one.count for one in records.series(conn, job_id)] == [1]
    assert not records.ingest(conn, ID, parsed.records, offset=0, new_offset=1)


@PROPERTY
@given(
    written=st.lists(
        st.one_of(
            st.builds(metric, st.sampled_from("ab"), st.integers(-9, 9)),
            st.builds(line, st.just("param"), st.sampled_from("ab"), value=st.integers()),
            st.just(b"bad line\n"),
        ),
        max_size=25,
    ),
    reads=st.lists(
        st.tuples(
            st.integers(1, 200),
            st.sampled_from(["once", "twice", "crash before commit", "late repeat"]),
        ),
        max_size=25,
    ),
)
def test_records_are_taken_in_exactly_once_whatever_crashes_and_repeats(
    written: list[bytes], reads: list[tuple[int, str]]
) -> None:
    file = b"".join(written)
    with closing(memory_database()) as conn:
        job_id = add(conn, job_id=ID).job_id
        earlier: list[tuple[int, bytes]] = []

        def ingest(offset: int, data: bytes) -> bool:
            parsed = parse_lines(data)
            return records.ingest(
                conn, job_id, parsed.records, offset=offset, new_offset=offset + len(data)
            )

        for size, happening in [*reads, (len(file) + 1, "once")]:
            offset = jobs.load(conn, job_id).records_offset
            data = file[offset : offset + size]
            data = data[: data.rfind(b"\n") + 1]
            conn.execute("BEGIN")
            ingest(offset, data)
            if happening == "crash before commit":
                conn.execute("ROLLBACK")
                continue
            conn.execute("COMMIT")
            if data:
                earlier.append((offset, data))
            if happening == "twice" and data:
                assert not ingest(offset, data)
            if happening == "late repeat" and earlier:
                assert not ingest(*earlier[0])

        points, parameters = _expected(written)
        assert jobs.load(conn, job_id).records_offset == len(file)
        for key in "ab":
            stored = [point.value for point in points_of(conn, job_id, key)]
            assert stored == points[key]
        assert records.of_jobs(conn, [job_id])[job_id].parameters == parameters
        assert {one.name: one.count for one in records.series(conn, job_id)} == {
            key: len(values) for key, values in points.items() if values
        }


def _expected(written: list[bytes]) -> tuple[dict[str, list[int]], dict[str, int]]:
    points: dict[str, list[int]] = {"a": [], "b": []}
    parameters: dict[str, int] = {}
    for one in written:
        if one.startswith(b"{"):
            fields = json.loads(one)
            if fields["event"] == "metric":
                points[fields["key"]].append(fields["value"])
            else:
                parameters[fields["key"]] = fields["value"]
    return points, parameters


@pytest.mark.anyio
async def test_a_hundred_thousand_points_are_all_there_and_go_in_one_write(tmp_path: Path) -> None:
    count = 100_000
    data = b"".join(
        b'{"event":"metric","key":"loss","value":%d.5,"step":%d}\n' % (number, number)
        for number in range(count)
    )
    async with await Database.open(tmp_path / "scheduler.db") as database:
        await database.write(lambda conn: jobs.insert_job(conn, new_job(job_id=ID), now_ms=0))
        parsed = parse_lines(data)
        assert await database.write(
            lambda conn: records.ingest(
                conn, ID, parsed.records, offset=0, new_offset=len(data), now_ms=0
            )
        )
        stored = await database.read(lambda conn: points_of(conn, ID, "loss"))
        assert [point.value for point in stored] == [number + 0.5 for number in range(count)]
        assert await database.read(lambda conn: records.series(conn, ID)) == [
            MetricSummary(
                name="loss",
                last=99_999.5,
                last_step=99_999,
                min=0.5,
                min_step=0,
                max=99_999.5,
                max_step=99_999,
                count=count,
            )
        ]
