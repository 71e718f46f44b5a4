"""The list of all jobs: filter, order, columns, projects and marks."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path

import pytest

from atlas_scheduler.store import records
from atlas_scheduler.store.records import Metric, Parameter
from atlas_tui.board import Link, Tidings
from atlas_tui.columns import columns
from atlas_tui.screens.columns_dialog import ColumnsDialog
from atlas_tui.screens.jobs import JobsScreen
from atlas_tui.session import Session
from atlas_tui.widgets.filter_bar import FilterBar
from atlas_tui.widgets.job_table import JobTable
from tests.store.samples import add, finish
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio


def fill(conn: sqlite3.Connection) -> None:
    for number in range(300):
        project = ("digits", "cats")[number % 2]
        job = add(
            conn,
            project=project,
            submitted_at_ms=1_000 + number,
            spec={"command": ["main.py", f"run-{number:03}"], "project": project},
        )
        found: list[records.Record] = [
            Metric("loss", float(number % 7), None, 0),
            Parameter("lr", number, 0),
        ]
        records.ingest(conn, job.job_id, found, offset=0, new_offset=1)
        if number % 3 == 0:
            finish(conn, job)


async def listed(stage: Stage) -> JobTable:
    await stage.press("2")
    await stage.until(lambda: isinstance(stage.front, JobsScreen) and "run-299" in stage.text())
    table = stage.front.query_one(JobTable)
    assert table.total == 300
    return table


async def test_the_whole_list_can_be_walked_and_asks_for_pages(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("G")
        await stage.until(lambda: "run-000" in stage.text())
        assert table.cursor == 299
        await stage.press("g")
        await stage.until(lambda: "run-299" in stage.text())


async def test_a_single_job_is_counted_as_one(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        await stage.press("slash", *"command~run-007", "enter")
        await stage.until(lambda: "1 job  command~run-007" in stage.text())


async def test_news_do_not_keep_another_list_from_coming(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash", *"status:completed")
        assert isinstance(stage.front, JobsScreen)
        stage.front._filter_left(FilterBar.Left("status:completed"))
        stage.app._broadcast(Tidings(everything=True))
        await stage.until(lambda: table.total == 100)


async def test_a_filter_of_when_the_line_was_cut_holds_when_it_is_back(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        stage.line.cut()
        await stage.press("slash", *"status:completed", "enter")
        await stage.until(lambda: stage.app.board.link is Link.LOST)
        stage.line.mend()
        await stage.press("r")
        await stage.until(lambda: table.total == 100)


async def test_a_filter_narrows_the_list_while_it_is_typed(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash", *"status:comp", "tab")
        await stage.until(lambda: table.total == 100)
        assert stage.front.query_one(FilterBar).value == "status:completed"
        await stage.press("enter")
        assert table.has_focus
        assert "status:completed" in stage.text()
        await stage.press("escape")
        await stage.until(lambda: table.total == 300)


async def test_a_wrong_filter_says_where_and_keeps_the_list(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash", *"metric.loss >")
        await stage.until(lambda: "Here should be a value" in stage.text())
        line = next(one for one in stage.text().splitlines() if "Here should be a value" in one)
        above = next(one for one in stage.text().splitlines() if "metric.loss >" in one)
        assert table.total == 300
        assert line.index("^") == above.index("metric.loss >") + len("metric.loss >")
        await stage.press(*" 5")
        await stage.until(lambda: table.known_total == 42)
        assert "Here should be a value" not in stage.text()


async def test_a_wrong_filter_is_not_taken_for_that_of_the_list(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash", *"status:completed", "enter")
        await stage.until(lambda: "100 jobs  status:completed" in stage.text())
        await stage.press("slash", *" metric.loss >")
        await stage.until(lambda: "Here should be a value" in stage.text())
        await stage.press("enter")
        await stage.until(lambda: stage.status.startswith("This filter cannot be used"))
        assert stage.front.query_one(FilterBar).has_focus_within
        stage.front.take(Tidings(everything=True))
        await stage.settle()
        assert "100 jobs  status:completed\n" in "\n".join(
            line.rstrip() for line in stage.text().splitlines()
        )
        assert stage.front.selection().filter == "status:completed"
        await stage.press("escape")
        await stage.until(lambda: table.has_focus)
        assert stage.status == ""
        assert "Here should be a value" not in stage.text()
        assert stage.app.session.filter == "status:completed"


async def test_a_wrong_filter_that_is_left_at_once_changes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash")
        await stage.paste("metric.loss >")
        await stage.press("enter")
        await stage.until(lambda: "Here should be a value" in stage.text())
        await stage.settle()
        assert stage.front.selection().filter is None
        assert table.total == 300
        assert "300 jobs" in stage.text()


async def test_a_wrong_filter_of_the_session_before_is_told_and_given_up(tmp_path: Path) -> None:
    session = Session(filter="metric.loss >", screen="jobs")
    async with staged(tmp_path, fill, session=session) as stage:
        await stage.until(lambda: "300 jobs" in stage.text())
        assert "Here should be a value" in stage.status
        assert stage.front.selection().filter is None
        await stage.until(lambda: stage.app.session.filter == "")


async def test_what_is_wrong_far_to_the_right_is_said_as_well(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        await stage.press("slash")
        await stage.paste("command:" + "漢[b]" * 2_500)
        await stage.until(lambda: "Column 4001: A filter has at most" in stage.text())


async def test_a_column_orders_the_list_and_again_the_other_way(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("s", *"param.lr", "enter")
        await stage.until(lambda: table.job is not None and table.job.parameters["lr"] == 0)
        await stage.press("S")
        await stage.until(lambda: table.job is not None and table.job.parameters["lr"] == 299)


async def test_columns_are_chosen_and_kept_for_the_next_session(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        await stage.press("C")
        await stage.until(lambda: isinstance(stage.app.screen, ColumnsDialog))
        await stage.press(*"metric.loss", "enter", "ctrl+o")
        await stage.until(lambda: not isinstance(stage.app.screen, ColumnsDialog))
        assert stage.app.session.columns[-1] == "metric.loss"
        await stage.until(lambda: "LOSS" in stage.text())


async def test_a_project_narrows_the_list(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.until(lambda: "digits" in stage.text())
        await stage.press("shift+tab")
        await stage.press("j", "enter")
        await stage.until(lambda: table.total == 150)
        await stage.press("escape")
        await stage.until(lambda: table.total == 300)


async def test_marks_are_what_an_action_hits(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await listed(stage)
        await stage.press("space", "j", "j", "V")
        assert stage.status == "4 jobs marked"
        assert len(stage.front.selection().jobs) == 4
        await stage.press("escape")
        assert len(stage.front.selection().jobs) == 1
        await stage.press("asterisk")
        await stage.until(lambda: stage.status == "300 jobs marked")


async def test_a_filter_is_kept_under_a_name_and_taken_again(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash", *"status:completed", "enter")
        await stage.until(lambda: table.total == 100)
        await stage.press("F", *"Keep", "enter")
        await stage.press(*"done", "enter")
        await stage.until(lambda: stage.status == "Kept as done")
        await stage.press("escape")
        await stage.until(lambda: table.total == 300)
        await stage.press("F", *"done", "enter")
        await stage.until(lambda: table.total == 100)


async def test_some_filters_are_there_from_the_beginning(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("F", *"Waiting", "enter")
        await stage.until(lambda: table.total == 200)
        await stage.press("F", *"Failed", "enter")
        await stage.until(lambda: table.total == 0)


async def test_projects_take_no_room_in_a_narrow_terminal_unless_they_are_asked_for(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, fill, size=(80, 24)) as stage:
        await listed(stage)
        assert "PROJECTS" not in stage.text()
        await stage.pilot.resize_terminal(120, 40)
        await stage.until(lambda: "PROJECTS" in stage.text())
        await stage.press("b")
        await stage.until(lambda: "PROJECTS" not in stage.text())
        await stage.pilot.resize_terminal(140, 40)
        await stage.settle()
        assert "PROJECTS" not in stage.text()


async def test_marks_are_seen_on_every_list(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        await stage.press("slash", *"state:queued sort:submitted", "enter")
        await stage.until(lambda: table.total == 200 and table.has_focus)
        await stage.press("space")
        await stage.until(lambda: "◆" in stage.text())
        await stage.press("1")
        await stage.until(lambda: stage.front.NAME == "dashboard")
        await stage.until(lambda: "◆" in stage.text())
        await stage.press("escape")
        await stage.press("2")
        await stage.until(lambda: stage.front.NAME == "jobs")
        await stage.until(lambda: "◆" not in stage.text())


async def test_what_a_job_in_sight_records_appears_in_its_row(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        table = await listed(stage)
        table.set_columns(columns(["id", "metric.loss"]))
        job = table.job
        assert job is not None

        def record(conn: sqlite3.Connection) -> None:
            found: list[records.Record] = [Metric("loss", 0.12345, None, 0)]
            assert records.ingest(conn, job.job_id, found, offset=1, new_offset=2)

        await stage.database.write(record)
        stage.service.feed.recorded(job.job_id)
        await stage.until(lambda: "0.12345" in stage.text())


async def test_the_age_of_a_job_that_waits_goes_on(tmp_path: Path) -> None:
    def waiting(conn: sqlite3.Connection) -> None:
        add(conn, submitted_at_ms=time.time_ns() // 1_000_000)

    def age(stage: Stage) -> str:
        found = re.search(r"queued .* (\d+[sm])", stage.text())
        return found[1] if found else ""

    async with staged(tmp_path, waiting) as stage:
        await stage.press("2")
        await stage.until(lambda: age(stage))
        first = age(stage)
        await stage.until(lambda: age(stage) not in ("", first))


async def test_columns_that_have_no_room_are_announced_and_come_with_the_arrow(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, fill, size=(80, 24)) as stage:
        table = await listed(stage)
        titles = next(line for line in stage.text().splitlines() if " STATE " in line)
        assert titles.endswith("▸")
        assert "WHY" not in titles
        for _ in table.columns:
            await stage.press("right")
        titles = next(line for line in stage.text().splitlines() if " STATE " in line)
        assert titles.rstrip().endswith("WHY")


async def test_a_terminal_with_room_for_all_columns_announces_none(tmp_path: Path) -> None:
    async with staged(tmp_path, fill, size=(160, 24)) as stage:
        await listed(stage)
        assert "WHY" in stage.text()
        assert "▸" not in stage.text()
