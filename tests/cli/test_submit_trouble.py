"""`foundations submit`: broken connections, Ctrl-C and bad input."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import pytest

from foundations.bundles.delivery import LISTED_ABOVE_BYTES
from foundations.errors import TooMany
from foundations.models import JobState
from foundations.transport.reconnection import Patience
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

# -- sending


def test_a_directory_that_did_not_change_is_uploaded_once(
    run: Run, scheduler: FakeScheduler
) -> None:
    for _ in range(10):
        run("submit", "--detach", "scheduler", "project")

    assert len(scheduler.jobs) == 10
    assert len(scheduler.uploads) == 1


@pytest.mark.parametrize("seconds", [2, 3])
def test_a_limit_is_waited_for_and_a_long_wait_is_told(
    run: Run, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    limit = f"This token may do 5 submissions a minute. Try again in {seconds} s."
    waits: list[float] = []
    keys: list[str] = []

    def refuse_first(request: httpx.Request) -> None:
        if request.method == "POST":
            keys.append(request.headers["Idempotency-Key"])
            if len(keys) == 1:
                raise TooMany(limit, retry_after_seconds=seconds)

    scheduler.on_request = refuse_first
    monkeypatch.setattr("foundations.transport.repetition.sleep", waits.append)

    done = run("submit", "--detach", "scheduler", "project")
    assert waits == [seconds]
    assert len(scheduler.jobs) == 1
    assert len(keys) == 2
    assert len(set(keys)) == 1
    told = f"{limit} Waiting for {seconds} s…"
    assert (told in done.stderr.splitlines()) is (seconds > 2)


def test_a_lost_answer_does_not_queue_the_job_twice(run: Run, scheduler: FakeScheduler) -> None:
    lost: list[str] = []

    def lose_first(request: httpx.Request) -> bool:
        if request.method != "POST" or lost:
            return False
        lost.append(request.headers["Idempotency-Key"])
        return True

    scheduler.lose_answer = lose_first

    output = run("submit", "scheduler", "project").stdout

    assert lost
    assert f"Job '{scheduler.only_job().job_id}' has completed." in output


def test_a_bundle_that_vanishes_before_the_job_is_made_is_uploaded_again(
    run: Run, scheduler: FakeScheduler
) -> None:
    vanished: list[str] = []

    def forget_bundles(request: httpx.Request) -> None:
        if request.method == "POST" and not vanished:
            vanished.extend(scheduler.bundles)
            scheduler.bundles.clear()

    scheduler.on_request = forget_bundles

    run("submit", "scheduler", "project")

    assert len(scheduler.uploads) == 2


def test_a_scheduler_that_does_not_answer_is_an_error(run: Run, scheduler: FakeScheduler) -> None:
    def refuse(request: httpx.Request) -> None:
        raise httpx.ConnectError("connection refused", request=request)

    scheduler.on_request = refuse

    result = run("submit", "scheduler", "project", exit_code=1)

    assert result.stderr.startswith("Error: The scheduler at http://fake does not answer")


def test_that_a_scheduler_does_not_answer_is_said_before_a_large_directory_is_read(
    run: Run, scheduler: FakeScheduler, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: httpx.Request) -> None:
        raise httpx.ConnectError("connection refused", request=request)

    monkeypatch.setenv("XDG_CACHE_HOME", str(work / "cache"))
    with (work / "project" / "zeros").open("wb") as file:
        file.truncate(LISTED_ABOVE_BYTES + 1)
    scheduler.on_request = refuse

    result = run("submit", "scheduler", "project", exit_code=1)

    assert "Error: The scheduler at http://fake does not answer" in result.stderr
    assert not (work / "cache").exists()


def test_a_scheduler_that_goes_while_a_job_streams_is_an_error_that_says_how_to_go_on(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.run = FakeScheduler.start
    scheduler.patience = Patience(give_up_seconds=0.0)

    def go(request: httpx.Request) -> None:
        if request.url.path.endswith("/logs"):
            raise httpx.ConnectError("connection refused", request=request)

    scheduler.on_request = go

    told = run("submit", "scheduler", "project", exit_code=1).stderr

    job = scheduler.only_job()
    assert "Error: The scheduler at http://fake does not answer" in told
    assert f"Job '{job.job_id}' is not touched by that; to see its output again: " in told
    assert told.endswith(f"foundations get logs --follow scheduler {job.job_id}\n")


# -- Ctrl-C


def test_ctrl_c_while_streaming_leaves_the_job_alone_and_says_how_to_go_on(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.run = FakeScheduler.start

    def interrupt(request: httpx.Request) -> None:
        if request.url.path.endswith("/logs"):
            raise KeyboardInterrupt

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    job = scheduler.only_job()
    assert job.state is JobState.RUNNING
    assert f"foundations get logs --follow scheduler {job.job_id}\n" in output


def test_ctrl_c_before_the_job_is_queued_cancels_the_submission(
    run: Run, scheduler: FakeScheduler
) -> None:
    def interrupt(request: httpx.Request) -> None:
        if request.method == "PUT":
            raise KeyboardInterrupt

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    assert output.endswith("Foundations WARNING: Submission cancelled. No job was created.\n")
    assert not scheduler.jobs


def test_ctrl_c_while_the_job_is_being_queued_stops_it(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.run = None

    def interrupt(request: httpx.Request) -> None:
        if request.url.path.endswith("/jobs"):
            os.kill(os.getpid(), signal.SIGINT)

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    job = scheduler.only_job()
    assert job.state is JobState.STOPPED
    assert output.endswith(f"Submission cancelled. Job '{job.job_id}' is stopped.\n")


# -- bad input


def test_an_unknown_scheduler_is_named_with_those_that_exist(
    run: Run, scheduler: FakeScheduler, home: Path
) -> None:
    result = run("submit", "aws", "project", exit_code=1)

    assert result.stderr.startswith(
        "Error: Could not find submission configuration with name: `aws`. Known: scheduler."
    )


def test_a_config_beside_the_project_wins_over_one_of_the_same_name_in_the_home(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    local = work / "project" / "config" / "submission" / "scheduler.config.yaml"
    local.parent.mkdir(parents=True)
    local.write_text("scheduler_url: nonsense\n")

    stderr = run("submit", "scheduler", "project", exit_code=1).stderr
    assert str(local.relative_to(work)) in stderr


@pytest.mark.parametrize(
    ("directory", "text"),
    [("nowhere", "does not exist"), ("project/main.py", "is not a directory")],
)
def test_a_directory_that_is_none_is_an_error(
    run: Run, scheduler: FakeScheduler, work: Path, directory: str, text: str
) -> None:
    result = run("submit", "scheduler", directory, exit_code=1)

    assert result.stderr == f"Error: Cannot submit {work}/{directory}: it {text}.\n"


def test_an_invalid_job_config_is_an_error_with_its_line_and_nothing_is_queued(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    config = work / "project" / "job.config.yaml"
    config.write_text("project_name: x\nnum_gpu: 1\n")

    result = run("submit", "scheduler", "project", exit_code=1)

    assert f"Error: {config}, line 2: unknown key `num_gpu`. Did you mean `num_gpus`?" in (
        result.stderr
    )
    assert not scheduler.jobs


@pytest.mark.parametrize(
    "words",
    [
        ["--param", "novalue"],
        ["--param", "=1"],
        ["--params", "nowhere.yaml"],
        ["--env", "SURELY_NOT_SET_ANYWHERE"],
        ["--num-gpus", "-1"],
        ["--num-gpus", "many"],
    ],
)
def test_a_wrong_value_is_wrong_usage(run: Run, scheduler: FakeScheduler, words: list[str]) -> None:
    run("submit", *words, "scheduler", "project", exit_code=2)

    assert not scheduler.jobs


def test_a_directory_whose_name_no_project_can_have_asks_for_another_name(
    run: Run, home: Path
) -> None:
    odd = home.parent / "two\nlines"
    odd.mkdir()
    (odd / "main.py").touch()

    result = run("submit", "scheduler", str(odd), exit_code=1)

    assert "project name: Should be without slashes" in result.stderr
    assert "That is the name of the directory: give a project name." in result.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--ram", "0"], "ram: "),
        (["--ram", "nan"], "ram: "),
        (["--project-name", "a/b"], "project name: "),
        (["--env", "not-a-name=1"], "environment."),
    ],
)
def test_a_value_that_no_job_can_have_is_an_error_that_names_it(
    run: Run, scheduler: FakeScheduler, words: list[str], text: str
) -> None:
    result = run("submit", *words, "scheduler", "project", exit_code=1)

    assert result.stderr.startswith(f"Error: {text}")
    assert not scheduler.jobs


def test_a_second_ctrl_c_does_not_wait_for_the_answer(run: Run, scheduler: FakeScheduler) -> None:
    def interrupt(request: httpx.Request) -> None:
        if request.url.path.endswith("/jobs"):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    assert output.endswith("The scheduler may have queued the job: see its list of jobs.\n")
