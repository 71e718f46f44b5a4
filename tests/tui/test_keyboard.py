"""Keys that come faster than the app follows: each meets what the one before it brought about."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from textual._xterm_parser import XTermParser

from atlas_tui.screens.dialogs import PickDialog
from atlas_tui.screens.job import JobScreen
from atlas_tui.screens.jobs import JobsScreen
from tests.store.samples import add, finish
from tests.tui.conftest import Stage, staged

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
        await stage.until(lambda: len(stage.app.board.marked) == 1)
        assert "status:completedj" not in stage.text()


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
