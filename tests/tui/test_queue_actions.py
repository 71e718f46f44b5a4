"""Changing the queue from the app: what was asked for is what the scheduler then has."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from atlas_tui.board import Link
from atlas_tui.handlers import AT_ONCE, named
from atlas_tui.screens.dialogs import ConfirmDialog, PromptDialog
from atlas_tui.screens.pick_dialog import PickDialog
from atlas_tui.settings import Settings
from atlas_tui.widgets import bottom_lines
from atlas_tui.widgets.bottom_lines import StatusLine
from foundations.models import JobState
from tests.store.samples import add, finish
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio


def fill(conn: sqlite3.Connection) -> None:
    for number in range(4):
        project = ("digits", "cats")[number % 2]
        add(
            conn,
            project=project,
            spec={"command": ["main.py", f"run-{number}"], "project": project},
            submitted_at_ms=1_000 + number,
        )
    finish(conn, add(conn, spec={"command": ["main.py", "ended"]}))


async def ready(stage: Stage) -> None:
    await stage.until(lambda: "run-3" in stage.text() and "ended" in stage.text())


async def queue(stage: Stage) -> list[str]:
    """The last words of the commands that wait, in their turn."""
    page = await stage.app.client.jobs(states=[JobState.QUEUED], limit=100)
    waiting = sorted(page.jobs, key=lambda job: (job.waiting and job.waiting.position) or 0)
    return [job.command[-1] for job in waiting]


async def test_a_job_is_moved_in_the_queue(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("j", "j", "less_than_sign")
        await stage.until(lambda: stage.status.startswith("Moved first"))
        assert await queue(stage) == ["run-2", "run-1", "run-0", "run-3"]
        await stage.press("J")
        await stage.until(lambda: stage.status.startswith("Moved down"))
        assert await queue(stage) == ["run-1", "run-2", "run-0", "run-3"]


async def test_a_priority_is_asked_for_and_checked(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("j", "j", "j", "exclamation_mark")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("backspace", *"101", "enter")
        await stage.until(lambda: "a number from -100 to 100" in stage.text())
        await stage.press("backspace", "enter")
        await stage.until(lambda: stage.status.startswith("Priority 10"))
        assert (await queue(stage))[0] == "run-3"


async def test_a_held_job_waits_until_it_is_released(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("H")
        await stage.until(lambda: " held by" in stage.text() and "#1" in stage.text())
        assert "#3" in stage.text()
        assert "#4" not in stage.text()
        await stage.press("L")
        await stage.until(lambda: "held by" not in stage.text() and "#4" in stage.text())


async def test_the_queue_is_paused_for_everybody_to_see_and_resumed(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("p")
        await stage.until(lambda: "QUEUE PAUSED by" in stage.text())
        await stage.press("p")
        await stage.until(lambda: "QUEUE PAUSED" not in stage.text())
        assert stage.status == "The queue goes on."


async def test_jobs_at_once_are_set(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("M", "backspace", *"7", "enter")
        await stage.until(lambda: "7 at once" in stage.text())
        assert (await stage.app.client.queue_settings()).max_running_jobs == 7


async def test_a_deletion_is_undone(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("G", "d")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        await stage.press("y")
        await stage.until(lambda: stage.status.startswith("Deleted"))
        await stage.until(lambda: "ended" not in stage.text())
        await stage.press("u")
        await stage.until(lambda: stage.status.startswith("Restored"))
        await stage.until(lambda: "ended" in stage.text())
        await stage.press("u")
        await stage.until(lambda: stage.status == "Nothing was deleted here.")


async def test_the_queue_is_cleared_of_what_the_list_shows(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("2")
        await stage.until(lambda: "5 jobs" in stage.text())
        await stage.press("slash", *"project:cats", "enter")
        await stage.until(lambda: "2 jobs" in stage.text())
        await stage.press("D")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press(*"list", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "Stop 2 waiting jobs of all projects with `project:cats`?" in stage.text()
        assert "--filter project:cats" in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.status == "Removed 2 jobs from the queue")
        assert await queue(stage) == ["run-0", "run-2"]


async def test_what_one_did_is_not_covered_by_news_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bottom_lines, "READING_SECONDS", 0.0)
    async with staged(tmp_path, fill, settings=Settings(notify_jobs="all", bell=True)) as stage:
        await ready(stage)
        await stage.press("D")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        await stage.press("y")
        await stage.until(lambda: stage.status == "Removed 4 jobs from the queue")
        await stage.until(lambda: stage.text().count("■ stopped") >= 4)
        await stage.settle()
        assert stage.status == "Removed 4 jobs from the queue"


async def test_a_queue_in_which_nothing_waits_needs_no_question(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.press("D")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press("enter")
        await stage.until(lambda: stage.status == "No job waits in all projects.")


async def test_more_than_twenty_want_their_number_typed(tmp_path: Path) -> None:
    def many(conn: sqlite3.Connection) -> None:
        for number in range(25):
            add(conn, spec={"command": ["main.py", f"run-{number}"]}, submitted_at_ms=number)

    async with staged(tmp_path, many) as stage:
        await stage.until(lambda: "run-20" in stage.text())
        await stage.press("asterisk")
        await stage.until(lambda: stage.status == "25 jobs marked")
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "Stop 25 jobs?" in stage.text()
        assert "and 20 more" in stage.text()
        await stage.press(*"24", "enter")
        await stage.until(lambda: not isinstance(stage.app.screen, ConfirmDialog))
        assert len(await queue(stage)) == 25
        before = len(stage.line.requests)
        await stage.press("x", *"25", "enter")
        await stage.until(lambda: stage.status == "Asked to stop: 25 jobs")
        stops = [one for one in stage.line.requests[before:] if one.endswith("/stop")]
        assert stops == ["/api/v1/jobs/stop"]
        assert await queue(stage) == []


@pytest.mark.parametrize("width", [80, 120])
async def test_jobs_of_a_sweep_are_told_apart_before_they_are_stopped(
    tmp_path: Path, width: int
) -> None:
    def sweep(conn: sqlite3.Connection) -> None:
        for number in range(4):
            rate = 0.5 ** (number + 1)
            spec = {"project": "digits", "params": {"epochs": 90, "rate": rate, "seed": number}}
            add(conn, project="digits", spec=spec, submitted_at_ms=number)

    async with staged(tmp_path, sweep, size=(width, 24)) as stage:
        await stage.until(lambda: "main.py" in stage.text())
        await stage.press("asterisk")
        await stage.until(lambda: stage.status == "4 jobs marked")
        jobs = stage.front.selection().jobs
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        for job in jobs:
            rate, seed = job.parameters["rate"], job.parameters["seed"]
            assert f"{job.job_id[:8]}  queued     rate={rate} seed={seed} " in stage.text()
        assert "digits  main.py" in stage.text()
        await stage.press("n")
        assert len(await queue(stage)) == 4


async def test_of_marked_jobs_that_cannot_be_stopped_one_refusal_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.press("asterisk")
        await stage.until(lambda: len(stage.front.selection().jobs) == 5)
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        (chosen, *_) = stage.front.selection().jobs
        await stage.service.stop(chosen.job_id, by="grace")
        await stage.press("y")
        await stage.until(lambda: stage.status.startswith("Asked to stop: 3 of 4 jobs. Job "))
        assert stage.status.endswith("is stopped and cannot be stopped")


async def test_of_a_single_job_only_the_refusal_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        (chosen,) = stage.front.selection().jobs
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        await stage.service.stop(chosen.job_id, by="grace")
        await stage.press("y")
        await stage.until(lambda: stage.status.startswith("Stop: Job "))
        assert stage.status.endswith("is stopped and cannot be stopped")


async def test_nothing_changes_in_read_only_mode(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        stage.front.action_read_only()
        await stage.press("x")
        assert stage.status == "Stop: read-only mode."
        await stage.press("p")
        assert stage.status == "Pause queue: read-only mode."
        assert "READ-ONLY" in stage.text()
        assert len(await queue(stage)) == 4


async def test_a_pause_by_somebody_else_is_told_in_every_row_that_waits(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        await stage.service.pause_queue(None, by="grace")

        def rows() -> list[str]:
            # Below the list the log tells of its job as well.
            return [line for line in stage.text().splitlines() if "○ queued" in line][:4]

        await stage.until(lambda: all("grace" in row for row in rows()))


async def test_what_was_typed_is_in_the_command_that_does_the_same(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await ready(stage)
        job_id = stage.front.selection().jobs[0].job_id[:8]
        await stage.press("t", *"a=b c", "enter")
        await stage.until(lambda: stage.status.startswith("Tagged"))
        said = stage.front.query_one(StatusLine).said
        assert said.command == f"foundations tag job scheduler {job_id} 'a=b c'"
        await stage.press("exclamation_mark", *"-7", "enter")
        await stage.until(lambda: stage.status.startswith("Priority -7"))
        said = stage.front.query_one(StatusLine).said
        assert said.command == f"foundations set job scheduler {job_id} --priority -7"


async def test_a_command_for_many_jobs_names_the_first(tmp_path: Path) -> None:
    def fill_eight(conn: sqlite3.Connection) -> None:
        for number in range(8):
            spec = {"command": ["main.py", f"run-{number}"]}
            add(conn, spec=spec, submitted_at_ms=1_000 + number)

    async with staged(tmp_path, fill_eight, size=(160, 40)) as stage:
        await stage.until(lambda: "run-7" in stage.text())
        await stage.press("asterisk")
        await stage.until(lambda: len(stage.front.selection().jobs) == 8)
        first = " ".join(job.job_id[:8] for job in stage.front.selection().jobs[:5])
        await stage.press("H")
        await stage.until(lambda: stage.status == "Held: 8 jobs")
        said = stage.front.query_one(StatusLine).said
        assert said.command == f"foundations hold job scheduler {first} <and 3 more>"
        assert said.command in stage.text()


@pytest.mark.parametrize("end", ["", " --priority 3"])
def test_a_command_for_many_jobs_cannot_be_run_by_mistake(tmp_path: Path, end: str) -> None:
    assert named(["a"] * 5) == ["a"] * 5
    program = tmp_path / "foundations"
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o755)
    for ids, ran in ((["a"] * 6, False), (["a"], True)):
        command = (
            f"PATH={tmp_path}:$PATH; foundations hold job scheduler {' '.join(named(ids))}{end}"
        )
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, capture_output=True, timeout=30, check=False
        )
        assert (done.returncode == 0) == (tmp_path / "ran").exists() == ran


async def test_what_is_asked_for_many_jobs_ends_when_nobody_answers(tmp_path: Path) -> None:
    def many(conn: sqlite3.Connection) -> None:
        for number in range(AT_ONCE * 2):
            add(conn, spec={"command": ["main.py", f"run-{number}"]})

    async with staged(tmp_path, many) as stage:
        await stage.until(lambda: "run-3" in stage.text())
        await stage.press("asterisk")
        await stage.until(lambda: stage.status == f"{AT_ONCE * 2} jobs marked")
        # A question on its way when the line is cut is told of too, perhaps after the jobs.
        await stage.settle()
        stage.line.cut()
        await stage.until(lambda: stage.app.board.link is Link.LOST)
        await stage.press("H")
        await stage.until(lambda: stage.status.startswith(f"Held: none of {AT_ONCE * 2} jobs. "))
        asked = {path for path in stage.line.requests if path.endswith("/hold")}
        assert len(asked) <= AT_ONCE
