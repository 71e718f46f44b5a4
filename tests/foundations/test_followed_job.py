"""In which order the story of a followed job is told, whichever of log and feed comes first."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import httpx
import pytest

from foundations.models import JobState, LogLevel
from foundations.streaming import JobConsole, follow_job
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

DEADLINE_SECONDS = 20
OVERTAKEN_SECONDS = 0.2
"""What output gets to overtake a message: far more than a program needs that does not wait."""


class SlowConsole(JobConsole):
    """Prints into memory, and takes its time before it says that the job runs."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        super().__init__(self.text)
        self.about_to_say_running = threading.Event()
        self.said_running = threading.Event()
        self.said_the_end = threading.Event()
        self._printed = threading.Event()

    def say(self, level: LogLevel, text: str) -> None:
        running = text.startswith("Job running")
        if running:
            self.about_to_say_running.set()
            self._printed.wait(OVERTAKEN_SECONDS)
        super().say(level, text)
        if running:
            self.said_running.set()
        if text.endswith("has completed."):
            self.said_the_end.set()

    def output(self, data: bytes) -> None:
        super().output(data)
        self._printed.set()

    @property
    def lines(self) -> list[str]:
        return [
            line.removeprefix("Foundations INFO: ") for line in self.text.getvalue().splitlines()
        ]


@pytest.fixture
def scheduler() -> Iterator[FakeScheduler]:
    fake = FakeScheduler()
    yield fake
    fake.close()


def follow(scheduler: FakeScheduler, job: FakeJob, console: JobConsole) -> None:
    with scheduler.client() as client:
        follow_job(client, client.job(job.job_id), console)


def test_output_comes_after_the_message_that_the_job_runs(scheduler: FakeScheduler) -> None:
    job, console = scheduler.add(), SlowConsole()
    scheduler.start(job)
    scheduler.print(job, b"first\n")
    scheduler.finish(job)

    def let_the_feed_be_first(request: httpx.Request) -> None:
        if request.url.path.endswith("/logs"):
            assert console.about_to_say_running.wait(DEADLINE_SECONDS)

    scheduler.on_request = let_the_feed_be_first
    follow(scheduler, job, console)

    assert console.lines[1:] == [
        "Job running, streaming logs.",
        "first",
        f"Job '{job.job_id}' has completed.",
    ]


def test_a_job_that_runs_by_now_is_not_said_to_start(scheduler: FakeScheduler) -> None:
    job, console = scheduler.add(), SlowConsole()
    scheduler.move(job, JobState.STARTING, "Claimed")

    def build(request: httpx.Request) -> None:
        if request.url.path.endswith("/logs"):
            scheduler.print(job, b"building\n")

    def start_while_the_answer_is_on_its_way(request: httpx.Request) -> bool:
        if request.url.path.endswith(job.job_id) and job.log and job.started_at is None:
            scheduler.start(job)
            assert console.said_running.wait(DEADLINE_SECONDS)
            scheduler.finish(job)
        return False

    scheduler.on_request = build
    scheduler.lose_answer = start_while_the_answer_is_on_its_way
    follow(scheduler, job, console)

    assert console.lines[1:] == [
        "Job running, streaming logs.",
        "building",
        f"Job '{job.job_id}' has completed.",
    ]


def test_nothing_is_said_of_a_retry_after_the_end(scheduler: FakeScheduler) -> None:
    job, console = scheduler.add(), SlowConsole()
    scheduler.start(job)
    change = scheduler.changes[-1]
    scheduler.changes[-1] = change.model_copy(update={"detail": {"retry": "exit code 1"}})
    scheduler.finish(job)

    def let_the_feed_be_last(request: httpx.Request) -> None:
        if request.url.path.endswith("/changes"):
            assert console.said_the_end.wait(DEADLINE_SECONDS)

    scheduler.on_request = let_the_feed_be_last
    follow(scheduler, job, console)

    assert console.lines[1:] == [
        "Job running, streaming logs.",
        f"Job '{job.job_id}' has completed.",
    ]
