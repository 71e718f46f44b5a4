"""Keys that come faster than the app follows: each meets what the one before it brought about."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from textual._xterm_parser import XTermParser

from atlas_tui.screens.job import JobScreen
from atlas_tui.screens.jobs import JobsScreen
from atlas_tui.screens.pick_dialog import PickDialog
from atlas_tui.widgets.job_table import JobTable
from tests.store.samples import add, finish
from tests.tui.conftest import DEADLINE_SECONDS, Stage, staged

pytestmark = pytest.mark.anyio


def fill(conn: sqlite3.Connection) -> None:
    for number in range(6):
        job = add(conn, submitted_at_ms=1_000 + number, spec={"command": [f"run-{number}.py"]})
        if number % 2:
            finish(conn, job)


def type_at_once(stage: Stage, typed: str) -> None:
    """Hand over what a terminal sent in one piece."""
    driver = stage.app._driver
    assert driver is not None
    for event in XTermParser().feed(typed):
        event.set_sender(stage.app)
        driver.send_message(event)


async def ready(stage: Stage) -> None:
    await stage.until(lambda: "run-0.py" in stage.text())


async def listed(stage: Stage) -> None:
    """Show all jobs, and let nothing be on its way."""
    await stage.press("2")
    await ready(stage)
    await stage.settle()


def marked(stage: Stage) -> list[str]:
    return [job.command[0] for job in stage.app.board.marked.values()]


async def test_text_after_the_key_that_opens_its_line_goes_into_the_line(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        type_at_once(stage, "2/status:completed")
        await stage.until(lambda: "3 jobs" in stage.text())
        assert isinstance(stage.app.screen, JobsScreen)
        assert stage.app.screen.selection().screen == "jobs"


async def test_keys_after_the_end_of_a_line_are_keys_again(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        type_at_once(stage, "2/status:completed\rj ")
        await stage.until(lambda: stage.app.board.marked)
        assert marked(stage) == ["run-3.py"]
        assert "status:completedj" not in stage.text()


async def test_keys_after_a_new_list_was_asked_for_wait_until_it_is_here(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        stage.line.stall()
        type_at_once(stage, "/status:completed\rj ")
        await stage.until(lambda: stage.line.stalled)
        await stage.until(lambda: stage.app.focused is stage.front.query_one(JobTable))
        for _ in range(10):
            await stage.pilot.pause()
        assert marked(stage) == []
        stage.line.flow()
        await stage.until(lambda: stage.app.board.marked)
        assert marked(stage) == ["run-3.py"]


async def test_a_list_that_was_on_its_way_before_the_end_of_the_line_is_waited_for(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        stage.line.stall()
        type_at_once(stage, "/status:completed")
        await stage.until(lambda: stage.line.stalled)
        type_at_once(stage, "\rj ")
        await stage.until(lambda: stage.app.focused is stage.front.query_one(JobTable))
        stage.line.flow()
        await stage.until(lambda: stage.app.board.marked)
        assert marked(stage) == ["run-3.py"]


async def test_keys_do_not_wait_for_a_scheduler_that_never_answers(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        stage.app.keyboard.list_patience_seconds = 0.01
        stage.line.stall()
        type_at_once(stage, "/status:completed\rj ")
        await stage.until(lambda: stage.app.board.marked)
        assert stage.line.stalled
        assert marked(stage) == ["run-4.py"]
        # It is waited for once: were it again, the next keys would not arrive in this test's time.
        stage.app.keyboard.list_patience_seconds = 2 * DEADLINE_SECONDS
        type_at_once(stage, " 12 ")
        await stage.until(lambda: len(marked(stage)) == 3)
        stage.line.flow()


async def test_keys_wait_no_longer_for_a_list_that_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        stage.app.keyboard.list_patience_seconds = 2 * DEADLINE_SECONDS
        stage.line.answers_500 = True
        type_at_once(stage, "/status:completed\rj ")
        await stage.until(lambda: stage.app.board.marked)
        assert marked(stage) == ["run-4.py"]


async def test_an_answer_after_the_key_that_asks_is_an_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.press("2")
        await ready(stage)
        type_at_once(stage, "jxy")
        await stage.until(lambda: "Stopped" in stage.status or "Asked to stop" in stage.status)
        page = await stage.app.client.jobs(filter="status:stopped")
        assert [job.command for job in page.jobs] == [["run-4.py"]]


async def test_keys_pass_through_dialogs_and_screens_in_their_order(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.press("2")
        await ready(stage)
        type_at_once(stage, "jj1?q2\r")
        await stage.until(lambda: isinstance(stage.app.screen, JobScreen))
        await stage.until(lambda: "run-3.py" in stage.text())
        type_at_once(stage, "2:")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
