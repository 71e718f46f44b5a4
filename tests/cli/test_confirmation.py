"""Who is asked before something is done to many jobs, and how."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from foundations.cli import confirmation
from foundations.cli.__main__ import cli
from foundations.models import JobState
from tests.cli.fake_scheduler import FakeJob, FakeScheduler


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at the terminal."""
    monkeypatch.setattr(confirmation, "is_answered", lambda: True)


def answer(text: str, *words: str) -> Result:
    return CliRunner().invoke(cli, words, input=f"{text}\n")


def add(scheduler: FakeScheduler, count: int) -> list[FakeJob]:
    return [scheduler.add(project="cats") for _ in range(count)]


def states(jobs: list[FakeJob]) -> set[JobState]:
    return {job.state for job in jobs}


def test_the_question_names_scope_filter_count_and_the_first_jobs(
    scheduler: FakeScheduler,
) -> None:
    jobs = add(scheduler, 7)
    refused = answer("", "stop", "job", "scheduler", "-f", "project:cats")
    assert refused.exit_code == 1
    lines = refused.stderr.splitlines()
    assert lines[0] == "This stops 7 jobs in all projects that the filter `project:cats` takes:"
    assert [line.split() for line in lines[1:6]] == [
        [job.job_id, "queued", "cats"] for job in jobs[::-1][:5]
    ]
    assert lines[6] == "  and 2 more"
    assert lines[7].startswith("Go on? [y/N]")
    assert states(jobs) == {JobState.QUEUED}
    assert answer("y", "stop", "job", "scheduler", "-f", "project:cats").exit_code == 0
    assert states(jobs) == {JobState.STOPPED}


def test_above_twenty_jobs_their_number_must_be_typed(scheduler: FakeScheduler) -> None:
    jobs = add(scheduler, 21)
    for wrong in ("y", "", "20", "yes"):
        refused = answer(wrong, "clear-queue", "scheduler")
        assert refused.exit_code == 1
        assert "Type the number of jobs (21) to go on" in refused.stderr
        assert states(jobs) == {JobState.QUEUED}
    assert "Removed 21 job(s) from queue" in answer("21", "clear-queue", "scheduler").stdout
    assert states(jobs) == {JobState.STOPPED}


def test_a_queue_is_not_cleared_without_a_yes(scheduler: FakeScheduler) -> None:
    jobs = add(scheduler, 2)
    refused = answer("n", "clear-queue", "scheduler", "--project", "cats")
    assert "This stops 2 waiting jobs in project cats:" in refused.stderr
    assert states(jobs) == {JobState.QUEUED}
    assert answer("", "clear-queue", "scheduler", "--yes").exit_code == 0
    assert states(jobs) == {JobState.STOPPED}
    assert answer("", "clear-queue", "scheduler").stdout == "Removed 0 job(s) from queue\n"


def test_jobs_that_are_named_one_by_one_are_not_asked_about(scheduler: FakeScheduler) -> None:
    jobs = add(scheduler, 2)
    assert answer("", "stop", "job", "scheduler", *(job.job_id for job in jobs)).exit_code == 0
    assert states(jobs) == {JobState.STOPPED}


def test_what_a_project_is_called_cannot_reach_the_terminal(scheduler: FakeScheduler) -> None:
    scheduler.add(project="cats\x9b2J")
    asked = answer("", "clear-queue", "scheduler")
    assert "\x9b" not in asked.stderr


def test_who_watches_a_deletion_is_told_how_to_undo_it(
    scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "is_watched", lambda: True)
    ended = scheduler.add(project="a cat", state=JobState.COMPLETED)
    told = answer("", "delete", "job", "scheduler", ended.job_id, "nowhere").stderr
    undo = f"foundations restore job scheduler {ended.job_id}"
    assert told.splitlines()[-1] == f"This can be undone for 10 s: {undo}"
    assert answer("", *undo.split()[1:]).exit_code == 0
    told = answer("", "delete", "project", "scheduler", "a cat", "--yes").stderr
    assert told.endswith("foundations restore project scheduler 'a cat'\n")
    for _ in range(6):
        scheduler.add(state=JobState.FAILED)
    told = answer("", "delete", "job", "scheduler", "-f", "state:failed", "--yes").stderr
    assert told.endswith("foundations restore job scheduler ID…\n")
    refused = answer("", "delete", "job", "scheduler", "nowhere").stderr
    assert "undone" not in refused
