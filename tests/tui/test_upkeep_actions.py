"""Schedules, projects and garbage, from the app."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.store import jobs
from atlas_tui.options import Options
from atlas_tui.project_handlers import read_rule, rule_text
from atlas_tui.screens.dialogs import ConfirmDialog, PromptDialog
from atlas_tui.screens.pick_dialog import PickDialog
from atlas_tui.widgets.bottom_lines import StatusLine
from foundations.bundles.bundle import pack
from foundations.models import JobSpec, NewSchedule, RetentionRule, ScheduleView, Submission
from tests.store.samples import add, finish
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio


def ended(conn: sqlite3.Connection) -> None:
    for number in range(3):
        spec = {"command": ["main.py", f"run-{number}"], "project": "digits"}
        job = finish(conn, add(conn, project="digits", spec=spec, submitted_at_ms=1_000 + number))
        jobs.mark_archived(conn, job.job_id)


async def scheduled(stage: Stage, folder: Path) -> ScheduleView:
    """Make a schedule that submits once a year."""
    source = folder / "nightly"
    source.mkdir()
    (source / "main.py").write_text("print(1)\n")
    packed = pack(source, folder / "bundle.tar.gz")
    await stage.app.client.upload_bundle(packed.digest, folder / "bundle.tar.gz")
    spec = JobSpec(project="nightly", command=("main.py",))
    wanted = NewSchedule(submission=Submission(spec=spec, bundle=packed.digest), cron="0 3 1 1 *")
    return await stage.app.client.create_schedule(wanted)


async def on_system(stage: Stage) -> None:
    await stage.press("6")
    await stage.until(lambda: stage.front.NAME == "system")


async def picking(stage: Stage) -> None:
    await stage.until(lambda: isinstance(stage.app.screen, PickDialog))


def appears(stage: Stage, text: str) -> bool:
    return text in stage.text()


def command_line(stage: Stage) -> str:
    return stage.front.query_one(StatusLine).said.command


async def test_a_schedule_is_shown_paused_resumed_and_deleted(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        one = await scheduled(stage, tmp_path)
        await on_system(stage)
        await stage.until(lambda: "nightly, next 01 Jan 03:00, no job yet" in stage.text())
        for act, shown in (("pause", "nightly, paused by"), ("resume", "nightly, next 01 Jan")):
            await stage.press("s")
            await picking(stage)
            await stage.until(lambda: one.schedule_id[:8] in stage.text())
            await stage.press("enter")
            await stage.until(lambda: "list those that schedule" in stage.text())
            await stage.press(*act, "enter")
            await stage.until(partial(appears, stage, shown))
            expected = f"foundations {act} schedule scheduler {one.schedule_id[:8]}"
            assert command_line(stage) == expected
        stage.app.perform("delete_schedule")
        await picking(stage)
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "The jobs that it submitted stay." in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.status == f"Deleted: schedule {one.schedule_id[:8]}")
        assert await stage.app.client.schedules() == []
        await stage.until(lambda: "SCHEDULES" not in stage.text())


async def test_the_jobs_of_a_schedule_are_listed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        one = await scheduled(stage, tmp_path)
        await on_system(stage)
        await stage.press("s")
        await picking(stage)
        await stage.press("enter")
        await stage.until(lambda: "list those that schedule" in stage.text())
        await stage.press("enter")
        await stage.until(lambda: f"schedule:{one.schedule_id[:8]}" in stage.text())
        assert stage.front.NAME == "jobs"


async def test_read_only_shows_schedules_and_changes_none(tmp_path: Path) -> None:
    async with staged(tmp_path, options=Options(read_only=True)) as stage:
        await scheduled(stage, tmp_path)
        await on_system(stage)
        await stage.press("s")
        await picking(stage)
        await stage.press("enter")
        await stage.until(lambda: stage.text().count("read-only mode") == 2)
        await stage.press(*"pause", "enter")
        assert isinstance(stage.app.screen, PickDialog)
        (schedule,) = await stage.app.client.schedules()
        assert schedule.paused_by is None


async def test_no_schedule_is_said(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await on_system(stage)
        await stage.press("s")
        await stage.until(lambda: stage.status.startswith("There is no such schedule"))


async def test_what_a_project_keeps_is_set_and_what_goes_is_shown_first(tmp_path: Path) -> None:
    async with staged(tmp_path, ended) as stage:
        stage.service.delete_grace_ms = 10**9
        await on_system(stage)
        await stage.press("X")
        await stage.until(lambda: stage.status.startswith("There is nothing to let go of"))
        await stage.press("B")
        await picking(stage)
        assert "3 jobs, keeps all" in stage.text()
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press(*"last one", "enter")
        await stage.until(lambda: "write such as: last 100 and 30 days" in stage.text())
        await stage.press("backspace", "backspace", "backspace", "1", "enter")
        await stage.until(lambda: stage.status == "Project digits keeps last 1")
        assert command_line(stage) == "foundations set project scheduler digits --keep-last 1"
        await stage.press("X")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "Delete 2 jobs" in stage.text()
        assert "$ foundations gc scheduler" in stage.text()
        await stage.press("n")
        await stage.until(lambda: stage.app.screen is stage.front)
        assert len((await stage.app.client.jobs(limit=10)).jobs) == 3
        await stage.press("X")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        await stage.press("y")
        await stage.until(lambda: stage.status.startswith("Deleted 2 jobs"))
        assert len((await stage.app.client.jobs(limit=10)).jobs) == 1
        await stage.press("u")
        await stage.until(lambda: stage.status == "Restored: 2 jobs")
        assert len((await stage.app.client.jobs(limit=10)).jobs) == 3


async def test_a_project_is_described_and_limited(tmp_path: Path) -> None:
    async with staged(tmp_path, ended) as stage:
        stage.app.perform("describe_project")
        await picking(stage)
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press(*"Small numbers", "enter")
        await stage.until(lambda: stage.status == "Described project digits")
        expected = "foundations describe project scheduler digits 'Small numbers'"
        assert command_line(stage) == expected
        stage.app.perform("limit_project")
        await picking(stage)
        assert "no limit of its own" in stage.text()
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("3", "enter")
        await stage.until(lambda: stage.status == "Project digits: at most 3 run at once")
        (project,) = await stage.app.client.projects()
        assert project.description == "Small numbers"
        assert (await stage.app.client.queue_settings()).project_limits == {"digits": 3}


@pytest.mark.parametrize(
    "text", ["", "last", "last x", "-3 days", "last 1 last 2", "all 3", "nan days"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write such as: last 100 and 30 days"):
        read_rule(text)


@given(
    st.none() | st.integers(1, 10**9),
    st.none() | st.integers(1, 36_500).map(float),
)
def test_a_rule_is_read_back_as_it_is_written(last: int | None, days: float | None) -> None:
    rule = RetentionRule(keep_last=last, keep_days=days)
    assert read_rule(rule_text(rule)) == rule
    assert read_rule("default") is None
