"""Logs on the screen: real files behind a real API, read by windows."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from textual.widgets import Input

from atlas_scheduler.store.logs import Logs
from atlas_tui.app import Options
from atlas_tui.log_store import FIRST_BYTES
from atlas_tui.screens.dashboard import DashboardScreen
from atlas_tui.screens.dialogs import PromptDialog
from atlas_tui.screens.logs import LogsScreen
from atlas_tui.widgets.bottom_lines import KeyBar
from atlas_tui.widgets.log_pane import LogPane
from atlas_tui.widgets.searched_log import SearchLine
from foundations.home import Home
from foundations.logs.lines import BLOCK_BYTES
from foundations.logs.times import TimeMark
from foundations.models import JobState
from tests.store.samples import add, finish, run
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio

IDS = [f"{number}{'0' * 7}-0000-4000-8000-000000000000" for number in range(1, 6)]
LINES = b"".join(b"line %d\n" % number for number in range(1, 1001))


def fill(conn: sqlite3.Connection) -> None:
    """One that has ended, three that run, one that waits."""
    now_ms = time.time_ns() // 1_000_000
    for number, job_id in enumerate(IDS):
        job = add(
            conn,
            job_id=job_id,
            spec={"command": ["main.py", str(number)]},
            submitted_at_ms=now_ms,
        )
        if number == 0:
            finish(conn, job, JobState.FAILED, at_ms=now_ms)
        elif number < 4:
            run(conn, job)


def written(home: Path, job_id: str, data: bytes) -> Path:
    path = Home(home).archive(job_id) / "job.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


async def opened(stage: Stage, *job_ids: str) -> LogPane:
    """The log screen with these jobs; the first pane."""
    stage.app.open(job_ids, "logs")
    await stage.until(lambda: isinstance(stage.app.screen, LogsScreen))
    await stage.until(lambda: screen(stage).panes[0].job)
    return screen(stage).pane


def screen(stage: Stage) -> LogsScreen:
    assert isinstance(stage.app.screen, LogsScreen)
    return stage.app.screen


def shows(stage: Stage, *texts: str) -> Callable[[], bool]:
    return lambda: all(text in stage.text() for text in texts)


async def search(stage: Stage, pattern: str) -> None:
    await stage.press("slash")
    stage.app.screen.query_one(SearchLine).value = pattern
    await stage.press("enter")


async def answer(stage: Stage, key: str, text: str | None = None) -> None:
    """Press a key that asks for a line, and type it or take what stands there."""
    await stage.press(key)
    await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
    if text is not None:
        stage.app.screen.query_one(Input).value = text
    await stage.press("enter")


async def test_a_log_is_shown_from_its_end(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000", "10000000", "failed", "exit 1", "end"))
        assert "line 1\n" not in stage.text()


async def test_g_goes_to_the_first_line_and_G_to_the_last(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        await stage.press("g")
        await stage.until(shows(stage, " line 1 ", " line 2 "))
        await stage.press("j", "j", "ctrl+d", "ctrl+u", "k")
        await stage.until(lambda: stage.text().splitlines()[3].startswith(" line 2 "))
        await stage.press("G")
        await stage.until(shows(stage, "line 1000"))


async def test_the_reading_position_holds_while_lines_come_in(tmp_path: Path) -> None:
    path = written(tmp_path, IDS[1], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[1])
        await stage.until(shows(stage, "line 1000", "follow"))
        await stage.press("pageup")
        await stage.until(lambda: "line 1000" not in stage.text())
        before = stage.text().splitlines()[3:-2]
        with path.open("ab") as file:
            file.write(b"new\n" * 1_234)
        await stage.until(shows(stage, "1,234 lines new"))
        assert stage.text().splitlines()[3:-2] == before
        await stage.press("f")
        await stage.until(lambda: "lines new" not in stage.text() and "new" in stage.text())


async def test_a_job_that_ends_is_shown_as_ended(tmp_path: Path) -> None:
    written(tmp_path, IDS[4], b"")
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[4])
        await stage.until(shows(stage, "Waits. #1 in the queue"))
        await stage.app.client.stop(IDS[4])
        await stage.until(shows(stage, "■ stopped", "The job has written nothing."))


async def test_a_huge_log_opens_by_reading_a_little_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, IDS[0], b"")
    os.truncate(path, 2**30)
    with path.open("ab") as file:
        file.write(b"\n" + LINES * 50 + b"the very end\n")
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[0])
        await stage.until(shows(stage, "the very end", "1.1 GB"))
        assert pane.feed is not None
        assert pane.feed.read_bytes <= FIRST_BYTES + BLOCK_BYTES
        await stage.press("g")
        await stage.until(lambda: not pane.view.follows and pane.view.top == 0)
        await stage.until(lambda: pane.view.store.has(0) and pane.view.percent == 0)
        await answer(stage, "T", "50%")
        await stage.until(lambda: abs(pane.view.top - pane.view.store.size // 2) < BLOCK_BYTES)
        # A screenful of lines that have no end is a screenful of blocks.
        assert pane.feed.read_bytes <= FIRST_BYTES + 90 * BLOCK_BYTES
        blocks = range(pane.view.store.size // BLOCK_BYTES)
        assert sum(pane.view.store.has(number) for number in blocks) <= 64


async def test_a_search_counts_and_goes_from_match_to_match(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        await search(stage, "LINE 99")
        await stage.until(shows(stage, "11 of 11"))
        await stage.press("N")
        await stage.until(shows(stage, "10 of 11"))
        assert pane.view.current == LINES.index(b"line 998\n")
        await stage.press("n", "n")
        await stage.until(shows(stage, "1 of 11", "line 99 "))
        await stage.press("i")
        await stage.until(shows(stage, "no match", "case"))
        await stage.press("i", "tilde")
        await search(stage, "^line 5.$")
        await stage.until(shows(stage, "of 10", "regex"))
        await stage.press("escape")
        await stage.until(lambda: "of 10 " not in stage.text())


async def test_a_search_goes_on_while_the_log_grows(tmp_path: Path) -> None:
    path = written(tmp_path, IDS[1], b"error 1\n")
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[1])
        await stage.until(shows(stage, "error 1"))
        await search(stage, "error")
        await stage.until(shows(stage, "1 of 1 "))
        with path.open("ab") as file:
            file.write(b"fine\nerror 2\n")
        await stage.until(shows(stage, "1 of 2 "))


async def test_only_matches_are_shown_and_then_with_their_neighbours(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        await search(stage, "line 500")
        await stage.press("ampersand")
        await stage.until(lambda: "line 499" not in stage.text() and "line 500" in stage.text())
        await stage.press("ampersand")
        await stage.until(shows(stage, "line 498", "line 500", "line 502"))
        assert "line 503" not in stage.text()
        await stage.press("ampersand")
        await stage.until(shows(stage, "line 503"))


async def test_a_pattern_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.press("tilde")
        await search(stage, "(oops")
        await stage.until(lambda: "The pattern cannot be used" in stage.status)
        await stage.press("G")
        await stage.until(shows(stage, "line 1000"))


async def test_a_server_that_fails_is_told_of_and_the_screen_stays_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        monkeypatch.setattr(stage.service, "search_log", fail)
        with capture_logs():
            await search(stage, "line")
            await stage.until(lambda: "defect" in stage.status or "server" in stage.status)
        assert pane.view.matches is None
        monkeypatch.undo()
        await search(stage, "line 7")
        await stage.until(shows(stage, " of 111"))


async def test_hostile_output_stays_inside_its_lines(tmp_path: Path) -> None:
    evil = (
        b"\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m \x9b5n \xe2\x80\xaeright [b]bold[/b]\n"
        + "漢字 é 👩‍🔬 e\u0301\n".encode()
        + b" 10%\r 50%\r 99%"
    )
    written(tmp_path, IDS[1], evil)
    async with staged(tmp_path, fill, size=(80, 24)) as stage:
        await opened(stage, IDS[1])
        await stage.until(shows(stage, " 99%", "[b]bold[/b]", "漢字", "red"))
        text = stage.text()
        assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}
        assert "10%" not in "\n".join(text.splitlines()[2:])


async def test_a_line_of_a_megabyte_is_wrapped_and_cut(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], b"start " + b"x" * 1_000_000 + b" stop\n")
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[0])
        await stage.until(shows(stage, "xxxx"))
        await stage.press("w")
        await stage.until(shows(stage, " stop", "wrap"))
        await stage.press("g")
        await stage.until(shows(stage, " start xxx"))
        assert pane.view.top == 0


NOON = datetime(2026, 1, 31, 12, 0).astimezone()
NOON_MS = int(NOON.timestamp() * 1000)


def timed(home: Path, job_id: str, lines: int) -> None:
    """A log whose lines came a minute apart, the last at noon, while no app ran."""
    log = Logs(Home(home)).of(job_id)
    for number in range(lines):
        at_ms = NOON_MS - (lines - 1 - number) * 60_000
        log.append(b"line %d\n" % number, [TimeMark(0, at_ms)])


def line_of(stage: Stage, text: str) -> str:
    """The line on the screen that ends so."""
    (line,) = [one.strip() for one in stage.text().splitlines() if one.rstrip().endswith(text)]
    return line


async def test_a_log_has_times_of_before_the_app_was_opened(tmp_path: Path) -> None:
    timed(tmp_path, IDS[0], 500)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 499"))
        assert "12:00:00" not in stage.text()
        await stage.press("t")
        await stage.until(shows(stage, "12:00:00 line 499", "11:59:00 line 498"))
        await stage.until(
            lambda: stage.status == f"The first of these lines is of {NOON:%A, %Y-%m-%d}."
        )
        asked = sum(path.endswith("/logs/times") for path in stage.line.requests)
        assert asked == 1
        await stage.press("pageup", "pageup")
        await stage.until(shows(stage, "line 430"))
        assert sum(path.endswith("/logs/times") for path in stage.line.requests) == asked
        await stage.press("t")
        await stage.until(lambda: ":00 line" not in stage.text())


async def test_a_time_is_jumped_to_in_a_log_that_has_ended(tmp_path: Path) -> None:
    timed(tmp_path, IDS[0], 500)
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 499"))
        await stage.press("t")
        await answer(stage, "T", "2026-01-31 09:59:30")
        await stage.until(shows(stage, "10:00:00 line 379"))
        await stage.until(
            lambda: stage.status == "The first line since then is of 2026-01-31 10:00:00."
        )
        assert pane.view.top == sum(len(f"line {number}\n") for number in range(379))
        await answer(stage, "T", "2026-01-31 12:00:01")
        await stage.until(
            lambda: stage.status == "Nothing is known to be written since 2026-01-31 12:00:01."
        )
        await answer(stage, "T", "soon")
        await stage.until(shows(stage, "write 14:05"))


async def test_only_matching_lines_have_their_times_too(tmp_path: Path) -> None:
    timed(tmp_path, IDS[0], 500)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 499"))
        await search(stage, "line 99")
        await stage.press("ampersand", "t")
        await stage.until(shows(stage, "05:20:00 line 99"))


async def test_lines_that_come_in_meanwhile_have_the_time_they_came(tmp_path: Path) -> None:
    path = written(tmp_path, IDS[1], b"before\n")
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[1])
        await stage.until(shows(stage, "before"))
        await stage.press("t")
        await stage.until(shows(stage, "--:--:-- before"))
        await stage.until(
            lambda: stage.status == "Nobody knows when the first of these lines was written."
        )
        with path.open("ab") as file:
            file.write(b"meanwhile\n")
        await stage.until(shows(stage, "meanwhile"))
        at = pane.view.times.of(7)
        assert at is not None
        assert time.strftime("%H:%M:%S meanwhile", time.localtime(at)) in line_of(
            stage, "meanwhile"
        )


async def test_times_that_the_scheduler_does_not_tell_are_no_trouble(tmp_path: Path) -> None:
    timed(tmp_path, IDS[0], 5)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 4"))
        stage.line.answers_500 = True
        await stage.press("t")
        await stage.until(lambda: stage.status == "The scheduler met a defect.")
        assert "--:--:-- line 4" in stage.text()
        await answer(stage, "T", "11:59")
        await stage.until(lambda: stage.status == "The scheduler met a defect.")
        stage.line.answers_500 = False
        await stage.press("t", "t")
        await stage.until(shows(stage, "12:00:00 line 4"))


async def test_lines_are_copied_and_the_log_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        await stage.press("y")
        assert stage.app.clipboard.endswith("line 999\nline 1000")
        assert stage.status.startswith("Copied ")
        await answer(stage, "W")
        await stage.until(lambda: stage.status.startswith("Saved 8.9 kB"))
        assert (tmp_path / "10000000.log").read_bytes() == LINES
        await answer(stage, "W")
        await stage.until(shows(stage, "there is such a file already"))


async def test_a_report_says_how_the_job_ended_and_what_it_wrote_last(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES + b"\x1b[31mboom\x1b[0m\n")
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.press("Y")
        await stage.until(lambda: stage.status == "Copied the report of job 10000000")
        report = stage.app.clipboard
        assert f"job:       {IDS[0]}\n" in report
        assert "command:   main.py 0\nstate:     failed\nexit code: 1\n" in report
        assert "    line 962\n" in report
        assert "    boom\n" in report
        assert "line 961\n" not in report
        assert report.endswith(f"more: foundations get logs scheduler {IDS[0]}\n")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_four_logs_are_tiled_and_one_can_be_zoomed(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    for number, job_id in enumerate(IDS):
        written(tmp_path, job_id, b"output of %d\n" % number)
    async with staged(tmp_path, fill, size=size) as stage:
        await opened(stage, *IDS)
        assert "Shown are the logs of 4 of the 5 chosen jobs." in stage.status
        await stage.until(shows(stage, *(f"output of {number}" for number in range(4))))
        await stage.press("tab")
        assert [job.job_id for job in screen(stage).chosen()] == [IDS[1]]
        await stage.press("z")
        await stage.until(lambda: "output of 0" not in stage.text())
        assert "output of 1" in stage.text()
        await stage.press("z")
        await stage.until(shows(stage, *(f"output of {number}" for number in range(4))))


async def test_a_job_that_someone_deletes_leaves_the_screen_usable(tmp_path: Path) -> None:
    written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        await stage.app.client.delete(IDS[0])
        await stage.until(shows(stage, "deleted"))
        await stage.press("g", "G", "f", "n", "escape")
        await stage.until(shows(stage, "line 1000"))


async def test_without_a_job_the_screen_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.press("4")
        await stage.until(shows(stage, "No job is chosen."))


async def test_a_log_that_grew_since_it_was_laid_out_is_painted_again(tmp_path: Path) -> None:
    path = written(tmp_path, IDS[0], LINES)
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[0])
        await stage.until(shows(stage, "line 1000"))
        with path.open("ab") as file:
            file.write(b"more\n")
        pane.view.store.grew(path.stat().st_size)
        pane.view.refresh()
        await stage.until(shows(stage, "line 1000", " more"))


async def test_nothing_is_read_while_another_screen_is_in_front(tmp_path: Path) -> None:
    path = written(tmp_path, IDS[1], LINES)
    async with staged(tmp_path, fill) as stage:
        pane = await opened(stage, IDS[1])
        await stage.until(shows(stage, "line 1000"))
        await stage.press("1")
        await stage.until(lambda: pane.feed is not None and not pane.feed.is_followed)
        with path.open("ab") as file:
            file.write(b"while away\n")
        await stage.press("4")
        await stage.until(shows(stage, "while away"))


async def test_the_dashboard_shows_the_log_of_the_job_under_the_cursor(tmp_path: Path) -> None:
    for number, job_id in enumerate(IDS):
        written(tmp_path, job_id, b"output of %d\n" % number)
    async with staged(tmp_path, fill, size=(80, 24)) as stage:
        await stage.until(shows(stage, "output of 1"))
        await stage.press("j")
        await stage.until(shows(stage, "output of 2"))
        await stage.press("z")
        await stage.until(lambda: "output of 2" not in stage.text())
        await stage.press("z", "tab", "z")
        await stage.until(lambda: "output of 2" in stage.text() and "COMMAND" not in stage.text())
        await stage.press("escape", "plus", "plus", "minus")
        await stage.until(shows(stage, "output of 2", "COMMAND"))


async def test_holding_a_key_reads_only_the_log_where_the_cursor_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, fill) as stage:
        dashboard = stage.front
        assert isinstance(dashboard, DashboardScreen)
        pane = dashboard.pane
        await stage.until(lambda: pane.feed is not None and pane.feed.job_id == IDS[1])
        shown: list[str | None] = []
        show = pane.show

        def watched(job_id: str | None) -> None:
            shown.append(job_id)
            show(job_id)

        monkeypatch.setattr(pane, "show", watched)
        for _ in range(3):
            dashboard.table.action_move(1)
        await stage.until(lambda: pane.feed is not None and pane.feed.job_id == IDS[4])
        assert shown == [IDS[4]]
        await stage.until(shows(stage, "Waits. #1 in the queue"))


async def test_low_bandwidth_works_in_ascii_too(tmp_path: Path) -> None:
    written(tmp_path, IDS[1], LINES)
    options = Options(plain=True, low_bandwidth=True)
    async with staged(tmp_path, fill, size=(80, 24), options=options) as stage:
        await opened(stage, IDS[1])
        await stage.until(shows(stage, "line 1000", "v follow"))
        await stage.press("k")
        await search(stage, "line 990")
        await stage.until(shows(stage, "1 of 1"))
        assert stage.text().isascii()


async def test_the_bar_shows_what_can_be_done_with_the_job_once_it_is_known(tmp_path: Path) -> None:
    written(tmp_path, IDS[1], LINES)
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[1])
        bar = screen(stage).query_one(KeyBar)
        await stage.until(lambda: "stop" not in bar.impossible)
        assert "delete" in bar.impossible


async def test_without_colour_no_word_of_a_log_is_darker_than_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written(tmp_path, IDS[1], b"\x1b[31mERROR\x1b[0m plain \x1b[1mbold\x1b[0m\n")
    async with staged(tmp_path, fill) as stage:
        await opened(stage, IDS[1])
        await stage.until(shows(stage, "ERROR plain bold"))
        (error,), (bold,) = stage.styles("ERROR"), stage.styles("bold")
        (plain,) = stage.styles(" plain ") or stage.styles("plain")
        assert error.color == plain.color
        assert bold.bold
