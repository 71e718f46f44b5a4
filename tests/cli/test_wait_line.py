"""What `wait job` says on a terminal while it waits, and that it says nothing to a pipe."""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Callable

import httpx
import pytest

from foundations.cli import confirmation, wait_line
from foundations.cli.wait_line import RewrittenLine, telling
from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
DEADLINE_SECONDS = 20


class Screen(io.StringIO):
    """A terminal on which somebody looks for a text."""

    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()

    def write(self, text: str) -> int:
        with self._written:
            self._written.notify_all()
            return super().write(text)

    def wait_for(self, text: str) -> None:
        with self._written:
            shown = self._written.wait_for(lambda: text in self.getvalue(), DEADLINE_SECONDS)
        assert shown, self.getvalue()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "is_watched", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")


def ends_when_it_is_waited_for(
    scheduler: FakeScheduler, job: FakeJob
) -> Callable[[httpx.Request], None]:
    def finish(request: httpx.Request) -> None:
        if request.url.path.endswith("/changes"):
            scheduler.on_request = None
            scheduler.finish(job)

    return finish


@pytest.mark.usefixtures("watched")
def test_a_terminal_is_told_the_place_in_the_queue_and_since_when(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.add(state=JobState.QUEUED)
    job = scheduler.add(JOB_ID, state=JobState.QUEUED)
    scheduler.on_request = ends_when_it_is_waited_for(scheduler, job)

    result = run("wait", "job", "scheduler", JOB_ID)

    assert result.stdout == f"Job {JOB_ID} is completed\n"
    line, rest = result.stderr.removeprefix("\r").split("\r", 1)
    assert re.fullmatch(r"Job 45540b52 is queued since [-\d :]+, place 2 in the queue: .+", line)
    assert rest == " " * len(line) + "\r"


@pytest.mark.usefixtures("watched")
def test_several_jobs_are_counted(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add(state=JobState.COMPLETED)
    job = scheduler.add(JOB_ID, state=JobState.QUEUED)
    scheduler.start(job)
    scheduler.on_request = ends_when_it_is_waited_for(scheduler, job)

    result = run("wait", "job", "scheduler", "-f", "project:digits or project!=digits")

    assert "1 of 2 jobs have ended. Job 45540b52 is running, started " in result.stderr


def test_a_pipe_is_told_nothing(run: Run, scheduler: FakeScheduler) -> None:
    job = scheduler.add(JOB_ID, state=JobState.QUEUED)
    scheduler.on_request = ends_when_it_is_waited_for(scheduler, job)

    assert run("wait", "job", "scheduler", JOB_ID).stderr == ""


@pytest.mark.usefixtures("watched")
def test_the_line_follows_the_job(
    scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait_line, "LOOK_SECONDS", 0.01)
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    job = scheduler.add(JOB_ID, state=JobState.QUEUED)

    with scheduler.client() as client, telling(client, JOB_ID):
        screen.wait_for("place 1 in the queue")
        scheduler.start(job)
        screen.wait_for("Job 45540b52 is running, started")

    assert screen.getvalue().endswith(" \r")


def test_a_line_is_written_over_whole_and_only_when_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    screen = Screen()
    line = RewrittenLine(screen)
    for text in ("waits for a slot", "waits for a slot", "runs\x1b", ""):
        line.show(text)

    assert screen.getvalue() == f"\rwaits for …\rruns\N{SYMBOL FOR ESCAPE}      \r{' ' * 5}\r"
