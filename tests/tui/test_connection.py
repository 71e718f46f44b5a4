"""One connection, whose loss is shown and after which nothing is missing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import ClassVar

import pytest

from atlas_tui.app import AtlasApp
from atlas_tui.board import Link, Tidings
from atlas_tui.screens.dashboard import DashboardScreen
from atlas_tui.session import Session
from tests.store.samples import add
from tests.tui.conftest import staged

pytestmark = pytest.mark.anyio


def fill(conn: sqlite3.Connection) -> None:
    for number in range(3):
        add(conn, spec={"command": ["main.py", f"run-{number}"]})


async def test_a_lost_connection_is_shown_and_what_was_missed_comes_after(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        stage.line.cut()
        await stage.until(lambda: stage.app.board.link is Link.LOST)
        await stage.until(lambda: "connection lost" in stage.text())
        assert "run-2" in stage.text()
        page = await stage.service.jobs()
        for job in page.jobs:
            await stage.service.stop(job.job_id, by="ada")
        stage.line.mend()
        await stage.press("r")
        await stage.until(lambda: stage.app.board.link is Link.LIVE)
        await stage.until(lambda: stage.text().count("stopped") >= 3)
        board = stage.app.board
        await stage.until(lambda: [one.seq for one in board.recent] == [1, 2, 3])
        assert {one.event for one in board.recent} == {"StopRequested"}


async def test_in_a_narrow_terminal_the_loss_is_told_rather_than_old_figures(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, fill, size=(60, 24)) as stage:
        await stage.until(lambda: "○ queued 3" in stage.text())
        stage.line.cut()
        await stage.until(lambda: stage.app.board.link is Link.LOST)
        problem = stage.app.board.problem or ""
        await stage.until(lambda: problem[:50] in stage.text().splitlines()[1])
        assert "queued 3" not in stage.text()


async def test_a_scheduler_that_meets_a_defect_leaves_the_screen_usable(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        stage.line.answers_500 = True
        await stage.press("r")
        await stage.until(lambda: "defect" in stage.status)
        assert "run-2" in stage.text()
        stage.line.answers_500 = False
        await stage.press("2")
        await stage.until(lambda: "3 jobs" in stage.text())


async def test_an_idle_app_asks_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.until(lambda: "Waits. #1 in the queue" in stage.text())
        before = len(stage.line.requests)
        for _ in range(20):
            await stage.pilot.pause()
        assert stage.line.requests[before:] == []


async def test_news_while_the_app_closes_meet_nobody(tmp_path: Path) -> None:
    class Closing(DashboardScreen):
        def on_unmount(self) -> None:
            self.atlas._broadcast(Tidings(everything=True))

    class App(AtlasApp):
        MODES: ClassVar = {**AtlasApp.MODES, "dashboard": Closing}

    async with staged(tmp_path, fill, app=App) as stage:
        await stage.until(lambda: "run-2" in stage.text())
    assert not stage.app.is_running


@pytest.mark.parametrize(("screen", "asked"), [("jobs", 1), ("dashboard", 3)])
async def test_the_start_asks_for_each_list_once_and_after_where_the_feed_begins(
    tmp_path: Path, screen: str, asked: int
) -> None:
    async with staged(tmp_path, fill, session=Session(screen=screen)) as stage:
        await stage.until(lambda: screen == stage.front.NAME)
        await stage.settle()
        paths = [path.removeprefix("/api/v1") for path in stage.line.requests]
        assert paths[0] == "/info"
        assert paths.count("/jobs") == asked, paths


@pytest.mark.parametrize("width", [60, 100])
async def test_why_the_connection_was_lost_is_told_whole_until_it_is_back(
    tmp_path: Path, width: int
) -> None:
    async with staged(tmp_path, fill, size=(width, 24)) as stage:
        await stage.until(lambda: "run-2" in stage.text() or width < 80)
        stage.line.cut()
        await stage.until(lambda: stage.app.board.link is Link.LOST)
        await stage.until(lambda: "scheduler" in stage.status)
        await stage.settle()
        assert len(stage.status) > width
        assert stage.status in _joined(stage.text())
        said = stage.status
        stage.line.mend()
        await stage.press("r")
        await stage.until(lambda: stage.app.board.link is Link.LIVE)
        await stage.until(lambda: stage.status != said)


def _joined(text: str) -> str:
    return " ".join(text.split())
