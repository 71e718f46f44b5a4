"""The points of a metric, by pages and decimated."""

from __future__ import annotations

import json
import math
import random
import sqlite3
from typing import Any

import pytest

from atlas_scheduler.store import jobs, metric_points, records
from atlas_scheduler.store.records import parse_lines
from foundations.decimation import decimate
from foundations.errors import NotFound
from tests.store.samples import add


def log(conn: sqlite3.Connection, job_id: str, name: str, *values: Any) -> None:
    special = {math.inf: "Infinity", -math.inf: "-Infinity"}
    data = b"".join(
        json.dumps(
            {
                "event": "metric",
                "key": name,
                "step": step,
                "at": step,
                "value": special.get(value, value),
                "special": value in special,
            }
            if not isinstance(value, list)
            else {"event": "metric", "key": name, "step": step, "at": step, "value": value}
        ).encode()
        + b"\n"
        for step, value in enumerate(values)
    )
    parsed = parse_lines(data)
    assert parsed.bad_lines == 0
    offset = jobs.load(conn, job_id).records_offset
    records.ingest(conn, job_id, parsed.records, offset=offset, new_offset=offset + len(data))


def test_pages_follow_each_other_in_the_order_of_logging(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    log(conn, job_id, "loss", *range(10))

    first = metric_points.page(conn, job_id, "loss", start=0, limit=6)
    assert [point.value for point in first.points] == [0, 1, 2, 3, 4, 5]
    assert (first.count, first.next_position, first.decimated) == (10, 6, False)
    last = metric_points.page(conn, job_id, "loss", start=6, limit=6)
    assert [(point.position, point.step) for point in last.points] == [
        (6, 6.0),
        (7, 7.0),
        (8, 8.0),
        (9, 9.0),
    ]
    assert last.next_position is None
    behind = metric_points.page(conn, job_id, "loss", start=10, limit=6)
    assert (behind.points, behind.next_position) == ([], None)


def test_a_long_series_is_decimated_as_the_rule_says(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    chance = random.Random(1)
    odd = [math.inf, -math.inf, "text", 7, [1, 2]]
    values = [
        chance.choice(odd) if place % 300 < 150 and place % 7 == 0 else chance.gauss(0, 1)
        for place in range(1_000)
    ]
    log(conn, job_id, "loss", *values)

    course = metric_points.decimated(conn, job_id, "loss", stretches=20)

    assert [point.position for point in course.points] == decimate(values, 20)
    assert all(point.step == point.position for point in course.points)
    assert (course.count, course.decimated, course.next_position) == (1_000, True, None)
    short = metric_points.decimated(conn, job_id, "loss", stretches=500)
    assert (len(short.points), short.decimated) == (1_000, False)


def test_a_metric_that_is_not_there_names_those_that_are(conn: sqlite3.Connection) -> None:
    job_id = add(conn).job_id
    with pytest.raises(NotFound, match="It has: none"):
        metric_points.page(conn, job_id, "loss", start=0, limit=1)
    for number in range(30):
        log(conn, job_id, f"m{number:02}", 1)
    with pytest.raises(NotFound, match=r"no metric `loss`\. It has: m00, m01, .*m19, …$"):
        metric_points.decimated(conn, job_id, "loss", stretches=5)
