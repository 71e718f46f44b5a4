"""Telling that jobs have ended: which, in which words, and harmless for the terminal."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui.app import AtlasApp
from atlas_tui.endings import ENDING_EVENTS, notice, told
from atlas_tui.messages import Said
from atlas_tui.settings import Settings
from atlas_tui.widgets import bottom_lines
from foundations.models import FINAL_STATES, JobState, JobView
from tests.core.lifecycle_table import ROWS
from tests.store.samples import add, finish
from tests.tui.conftest import Stage, staged


def job(state: JobState = JobState.COMPLETED, **more: Any) -> JobView:
    given: dict[str, Any] = {
        "job_id": "45540b52-ffe2-44ab-9838-db467d3499c0",
        "project": "digits",
        "user": "ada",
        "state": state,
        "command": ["main.py"],
        "submitted_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return JobView(**{**given, **more})


def test_every_event_that_ends_a_job_is_known() -> None:
    ending = {type(row.event).__name__ for row in ROWS if row.state in FINAL_STATES}
    assert ending == ENDING_EVENTS


@pytest.mark.parametrize(
    ("state", "more", "text"),
    [
        (JobState.COMPLETED, {}, "Job 45540b52 of digits completed"),
        (JobState.FAILED, {"exit_code": 2}, "Job 45540b52 of digits failed with exit code 2"),
        (JobState.STOPPED, {}, "Job 45540b52 of digits was stopped"),
        (JobState.LOST, {}, "Job 45540b52 of digits was lost"),
    ],
)
def test_one_end_is_told_in_words(state: JobState, more: dict[str, Any], text: str) -> None:
    said = told([job(state, **more)])
    assert said is not None
    assert said.text == text
    assert (said.tone == "bad") == (state in (JobState.FAILED, JobState.LOST))


def test_several_ends_are_told_at_once() -> None:
    said = told([job(), job(), job(JobState.FAILED)])
    assert said is not None
    assert said.text == "3 jobs have ended: 2 completed, 1 failed"


def test_a_name_cannot_leave_the_notice() -> None:
    said = told([job(project="x\x1b]52;c;aGk=\x07\nnew;line")])
    assert said is not None
    assert notice(said.text, "osc777") == (
        "\x1b]777;notify;Atlas;Job 45540b52 of x\u241b]52,c,aGk=\u2407\u240anew,line completed\x07"
    )
    assert notice(said.text, "off") == ""


@given(st.text(), st.sampled_from(["osc9", "osc777"]))
def test_a_notice_is_one_sequence_whatever_is_in_it(text: str, kind: str) -> None:
    sequence = notice(text, kind)
    inside = sequence.removeprefix("\x1b]").removesuffix("\x07")
    assert all(ord(character) >= 0x20 and not 0x7F <= ord(character) < 0xA0 for character in inside)


def fill(conn: sqlite3.Connection) -> None:
    for user in ("somebody", "ada"):
        add(conn, project=f"of-{user}", spec={"user": user})
    finish(conn, add(conn, project="past"))


async def of(stage: Stage, project: str) -> str:
    page = await stage.app.client.jobs(project=project, offset=0, limit=1)
    return page.jobs[0].job_id


class Ringing(AtlasApp):
    """Notes when it rings."""

    rung = 0

    def bell(self) -> None:
        self.rung += 1


@pytest.mark.anyio
async def test_the_end_of_ones_own_job_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOUNDATIONS_USER", "ada")
    settings = Settings(bell=True)
    async with staged(tmp_path, fill, settings=settings, app=Ringing) as stage:
        await stage.app.client.stop(await of(stage, "of-somebody"))
        await stage.app.client.stop(await of(stage, "of-ada"))
        await stage.until(lambda: stage.status.endswith("of of-ada was stopped"))
        assert isinstance(stage.app, Ringing)
        assert stage.app.rung == 1


@pytest.mark.anyio
async def test_news_wait_until_what_one_did_could_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOUNDATIONS_USER", "ada")
    monkeypatch.setattr(bottom_lines, "READING_SECONDS", 3600.0)
    async with staged(tmp_path, fill, settings=Settings(bell=True), app=Ringing) as stage:
        stage.app.say(Said("Held: 2 jobs", "good"))
        await stage.app.client.stop(await of(stage, "of-ada"))
        assert isinstance(stage.app, Ringing)
        ringing = stage.app
        await stage.until(lambda: ringing.rung)
        assert stage.status == "Held: 2 jobs"
        monkeypatch.setattr(bottom_lines, "READING_SECONDS", 0.0)
        stage.app.say(Said("Tagged: 1 job", "good"))
        stage.front.tell(Said("Job 01234567 of digits completed", "good"))
        assert stage.status == "Job 01234567 of digits completed"


@pytest.mark.anyio
async def test_another_screen_does_not_show_what_was_said_there_before(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        stage.app.say(Said("Held: 2 jobs", "good"))
        await stage.press("2")
        await stage.press("1")
        await stage.until(lambda: stage.front.NAME == "dashboard")
        assert stage.status == ""


@pytest.mark.anyio
async def test_a_tag_on_a_job_that_has_ended_is_no_end(tmp_path: Path) -> None:
    settings = Settings(notify_jobs="all", bell=True)
    async with staged(tmp_path, fill, settings=settings, app=Ringing) as stage:
        await stage.app.client.tag(await of(stage, "past"), {"best": ""})
        await stage.until(lambda: stage.app.board.recent)
        assert isinstance(stage.app, Ringing)
        assert stage.app.rung == 0
        assert stage.status == ""
