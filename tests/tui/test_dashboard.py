"""The dashboard shows what goes on, and acts on it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from atlas_scheduler.store import arrays
from atlas_tui.screens.dialogs import ConfirmDialog
from foundations.models import JobSpec, JobState, NewArray, Submission
from tests.store.samples import DIGEST, add, finish, run
from tests.tui.conftest import staged

pytestmark = pytest.mark.anyio


def fill(conn: sqlite3.Connection) -> None:
    now_ms = time.time_ns() // 1_000_000
    for number in range(6):
        job = add(conn, spec={"command": ["main.py", str(number)]}, submitted_at_ms=now_ms)
        if number < 2:
            finish(conn, job, at_ms=now_ms)
        elif number == 2:
            run(conn, job)


async def test_what_runs_is_above_what_waits_and_what_has_ended(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "main.py 5" in stage.text())
        lines = stage.text().splitlines()
        places = [
            next(n for n, line in enumerate(lines) if f"main.py {job}" in line)
            for job in (2, 3, 4, 5, 0)
        ]
        assert places == sorted(places)


async def test_what_waits_is_in_the_order_of_its_places(tmp_path: Path) -> None:
    def projects(conn: sqlite3.Connection) -> None:
        for number, project in enumerate(["cats", "cats", "cats", "dogs"]):
            add(conn, project=project, spec={"command": ["main.py", str(number)]})

    async with staged(tmp_path, projects) as stage:
        await stage.until(lambda: "main.py 3" in stage.text() and "#4" in stage.text())
        shown = [line for line in stage.text().splitlines() if "main.py" in line]
        assert [line.partition("#")[2][:1] for line in shown] == ["1", "2", "3", "4"]
        assert ["main.py 3" in line for line in shown] == [False, True, False, False]


async def test_a_job_that_is_stopped_asks_first_and_then_is(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "main.py 5" in stage.text())
        await stage.press("j", "x")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "foundations stop job scheduler" in stage.text()
        await stage.press("enter")
        await stage.until(lambda: not isinstance(stage.app.screen, ConfirmDialog))
        page = await stage.app.client.jobs(states=[JobState.QUEUED], offset=0)
        assert page.total == 3
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        await stage.press("y")
        await stage.until(lambda: stage.status.startswith("Asked to stop: "))
        page = await stage.app.client.jobs(states=[JobState.STOPPED], offset=0)
        assert page.total == 1


async def test_what_others_do_appears_without_a_key(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "main.py 5" in stage.text())
        page = await stage.app.client.jobs(states=[JobState.QUEUED])
        await stage.app.client.stop(page.jobs[0].job_id)
        await stage.until(lambda: "stopped" in stage.text())


async def test_a_reason_that_is_too_long_ends_in_an_ellipsis(tmp_path: Path) -> None:
    def many(conn: sqlite3.Connection) -> None:
        for number in range(60):
            job = add(conn, spec={"command": ["main.py", str(number)]}, submitted_at_ms=number)
            if number < 2:
                run(conn, job)

    async with staged(tmp_path, many, size=(100, 24)) as stage:
        await stage.until(lambda: "2 running, max_" in stage.text())
        line = next(one for one in stage.text().splitlines() if "2 running, max_" in one)
        assert line.rstrip().endswith("…")


async def test_a_pane_without_a_log_has_the_colours_of_the_theme(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.until(lambda: "No job is chosen." in stage.text())
        strips = stage.app.screen._compositor.render_strips()
        (line,) = (strip for strip in strips if "No job is chosen." in strip.text)
        assert all(one.style is not None and one.style.bgcolor is not None for one in line)


ARRAY = "1234abcd-0000-4000-8000-000000000001"


def fill_with_array(conn: sqlite3.Connection) -> None:
    """Queue twelve jobs of an array, of which two have failed and one runs, and one beside it."""
    submission = Submission(spec=JobSpec(project="digits"), bundle=DIGEST)
    wanted = NewArray(submission=submission, indices="0-11")
    number = arrays.insert_array(conn, ARRAY, wanted, size=12, now_ms=1_000)
    for index in range(12):
        job = add(conn, array=number, array_index=index)
        if index in (3, 7):
            finish(conn, job, JobState.FAILED)
        elif index < 2:
            finish(conn, job)
        elif index == 2:
            run(conn, job)
    add(conn, spec={"command": ["alone.py"]})


async def test_how_an_array_stands_is_told_with_those_that_failed(tmp_path: Path) -> None:
    async with staged(tmp_path, fill_with_array, size=(100, 24)) as stage:
        told = "array:1234abcd  12 jobs  ✗ failed 2 [3, 7]  ● running 1  ○ queued 7  ✓ completed 2"
        await stage.until(lambda: told in stage.text())
        page = await stage.app.client.jobs(filter="array_index=5")
        await stage.app.client.stop(page.jobs[0].job_id)
        now = told.replace("queued 7", "queued 6") + "  ■ stopped 1"
        await stage.until(lambda: now in stage.text())


async def test_of_a_job_that_is_part_of_no_array_none_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, fill_with_array) as stage:
        await stage.until(lambda: "array:1234abcd" in stage.text())
        await stage.press(*["down"] * 8)
        await stage.until(lambda: "alone.py" in stage.text())
        await stage.until(lambda: "array:" not in stage.text())
        await stage.press("up")
        await stage.until(lambda: "array:1234abcd" in stage.text())
