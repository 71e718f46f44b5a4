"""Courses of metrics in a cell of a table."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from atlas_scheduler.store import records
from atlas_scheduler.store.records import Metric
from atlas_tui.columns import columns
from atlas_tui.widgets.job_table import JobTable
from tests.store.samples import add
from tests.tui.conftest import staged

pytestmark = pytest.mark.anyio


def fill(conn: sqlite3.Connection) -> None:
    for number in range(3):
        job = add(conn, spec={"command": ["main.py", f"run-{number}"]}, submitted_at_ms=number)
        points: list[records.Record] = [
            Metric("loss", float(place * number), place, 0) for place in range(8)
        ]
        records.ingest(conn, job.job_id, points, offset=0, new_offset=1)


async def test_a_column_draws_the_course_of_a_metric(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.press("2")
        await stage.until(lambda: "run-2" in stage.text())
        table = stage.front.query_one(JobTable)
        table.set_columns(columns(["id", "state", "spark.loss"]))
        await stage.until(lambda: re.search("▁+.*▄+.*█+", stage.text()))
        assert "LOSS COURSE" in stage.text()
