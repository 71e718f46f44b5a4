"""`foundations submit`: what it prints, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

# -- texts


def test_a_submission_prints_the_documented_lines_in_order(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    result = run("submit", "scheduler", "project")

    job_id = scheduler.only_job().job_id
    assert result.stdout.splitlines() == [
        "Foundations INFO: Job submission started. Ctrl-C to cancel.",
        f"Foundations INFO: Preparing to bundle contents of {work}/project for execution. "
        "Estimating bundle size.",
        "Foundations INFO: Bundling job contents.",
        f"Foundations INFO: Job submitted with ID '{job_id}'.",
        "Foundations INFO: Job queued. Ctrl-C to stop streaming - job will not be interrupted or "
        "cancelled.",
        "Foundations INFO: Job running, streaming logs.",
        "No user requirements found.",
        f"Foundations INFO: Job '{job_id}' has completed.",
    ]
    assert result.stderr == ""


def test_a_quiet_job_is_said_to_run(run: Run, scheduler: FakeScheduler) -> None:
    def run_quietly(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.finish(job)

    scheduler.run = run_quietly

    assert (
        "Foundations INFO: Job running, streaming logs.\n"
        in run("submit", "scheduler", "project").stdout
    )


def test_output_without_a_last_newline_does_not_run_into_the_next_message(
    run: Run, scheduler: FakeScheduler
) -> None:
    def run_job(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"50%")
        scheduler.finish(job)

    scheduler.run = run_job

    assert "50%\nFoundations INFO: Job '" in run("submit", "scheduler", "project").stdout


def test_output_of_a_start_that_is_refused_is_shown_and_the_job_is_not_said_to_run(
    run: Run, scheduler: FakeScheduler
) -> None:
    def refuse(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.move(job, JobState.STARTING, "Claimed")
        scheduler.print(job, b"Looking for the image.\n")
        job.reason = "no such image: nowhere:1"
        scheduler.move(job, JobState.FAILED, "StartRefused")

    scheduler.run = refuse

    output = run("submit", "scheduler", "project", exit_code=3).stdout
    assert "Job running" not in output
    assert output.splitlines()[-4:] == [
        "Foundations INFO: Job starting, streaming logs.",
        "Looking for the image.",
        f"Foundations ERROR: Job '{scheduler.only_job().job_id}' has failed.",
        "Foundations ERROR: Reason: no such image: nowhere:1",
    ]


def test_a_reason_that_the_log_ends_with_is_not_said_again(
    run: Run, scheduler: FakeScheduler
) -> None:
    def refuse(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.move(job, JobState.STARTING, "Claimed")
        job.reason = "The image 'x:1' cannot be pulled."
        scheduler.print(job, b"Pulling.\nFoundations ERROR: The image 'x:1' cannot be pulled.\n")
        scheduler.move(job, JobState.FAILED, "StartRefused")

    scheduler.run = refuse

    assert run("submit", "scheduler", "project", exit_code=3).stdout.splitlines()[-3:] == [
        "Pulling.",
        "Foundations ERROR: The image 'x:1' cannot be pulled.",
        f"Foundations ERROR: Job '{scheduler.only_job().job_id}' has failed.",
    ]


def test_words_that_the_log_has_before_its_end_are_not_said_again_as_the_reason(
    run: Run, scheduler: FakeScheduler
) -> None:
    def refuse(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.move(job, JobState.STARTING, "Claimed")
        job.reason = "requirements.txt cannot be installed: no numpy."
        output = b"error: no numpy\nFoundations ERROR: requirements.txt cannot be installed.\n"
        scheduler.print(job, output)
        scheduler.move(job, JobState.FAILED, "StartRefused")

    scheduler.run = refuse

    assert run("submit", "scheduler", "project", exit_code=3).stdout.splitlines()[-3:] == [
        "error: no numpy",
        "Foundations ERROR: requirements.txt cannot be installed.",
        f"Foundations ERROR: Job '{scheduler.only_job().job_id}' has failed.",
    ]


def test_a_job_that_prints_what_looks_like_a_refusal_still_has_its_reason_told(
    run: Run, scheduler: FakeScheduler
) -> None:
    def run_job(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"Foundations ERROR: mine\n")
        scheduler.finish(job, exit_code=7)

    scheduler.run = run_job
    output = run("submit", "scheduler", "project", exit_code=3).stdout
    assert output.splitlines()[-1] == "Foundations ERROR: Reason: exit code 7"


def test_why_a_job_waits_is_said_when_it_is_not_its_turn_that_it_waits_for(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.engine_problem = "the Docker engine does not answer"

    output = run("submit", "scheduler", "project").stdout

    assert "Foundations WARNING: Job is waiting: the Docker engine does not answer" in output


@pytest.mark.parametrize(
    ("state", "reason", "lines"),
    [
        (
            JobState.FAILED,
            "exit code 7",
            ["Foundations ERROR: Job '{}' has failed.", "Foundations ERROR: Reason: exit code 7"],
        ),
        (
            JobState.STOPPED,
            "stopped by me",
            [
                "Foundations WARNING: Job '{}' has been stopped.",
                "Foundations WARNING: Reason: stopped by me",
            ],
        ),
        (JobState.LOST, None, ["Foundations ERROR: Job '{}' was lost."]),
    ],
)
def test_a_job_that_does_not_complete_ends_the_command_with_exit_code_3(
    run: Run, scheduler: FakeScheduler, state: JobState, reason: str | None, lines: list[str]
) -> None:
    def run_badly(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"RuntimeError: only printed\n")
        job.reason = reason
        scheduler.move(job, state, "Exited")

    scheduler.run = run_badly

    output = run("submit", "scheduler", "project", exit_code=3).stdout

    expected = [line.format(scheduler.only_job().job_id) for line in lines]
    assert output.splitlines()[-len(lines) :] == expected


def test_a_job_that_prints_the_name_of_an_error_has_still_completed(
    run: Run, scheduler: FakeScheduler
) -> None:
    def run_job(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"caught a RuntimeError, going on\n")
        scheduler.finish(job)

    scheduler.run = run_job

    run("submit", "scheduler", "project", exit_code=0)


def test_log_level_of_the_project_silences_messages_and_not_the_job(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    (work / "project" / "job.config.yaml").write_text("log_level: WARNING\n")

    assert run("submit", "scheduler", "project").stdout == "No user requirements found.\n"


def test_a_large_directory_is_warned_about_with_its_largest_files(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    for number in range(6):
        with (work / "project" / f"big{number}").open("wb") as file:
            file.truncate((20 + number) * 10**6)

    output = run("submit", "scheduler", "project").stdout

    warnings = [line for line in output.splitlines() if "WARNING" in line]
    assert "The job directory holds 135.0 MB in 7 files." in warnings[0]
    assert [line.split()[-1] for line in warnings[1:]] == ["big5", "big4", "big3", "big2", "big1"]


# -- ways not to stream


def test_detach_prints_the_id_alone_on_standard_output(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.run = None

    result = run("submit", "--detach", "scheduler", "project")

    assert result.stdout == f"{scheduler.only_job().job_id}\n"
    assert "Foundations INFO: Job submitted with ID" in result.stderr


def test_detach_prints_the_job_as_json(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.run = None

    document = run_json("submit", "--detach", "--json", "scheduler", "project")

    assert document["job_id"] == scheduler.only_job().job_id
    assert document["state"] == "queued"
    assert document["submitted_at"] == "2024-05-01T12:00:00Z"


def test_json_without_detach_is_wrong_usage(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "--json", "scheduler", "project", exit_code=2)

    assert not scheduler.jobs


@pytest.mark.parametrize(
    "words",
    [
        ["--stream-job-logs", "False"],
        ["--stream-job-logs=False"],
        ["--stream-job-logs", "false"],
        ["--no-stream-job-logs"],
    ],
)
def test_streaming_can_be_left_out(run: Run, scheduler: FakeScheduler, words: list[str]) -> None:
    scheduler.run = None

    output = run("submit", *words, "scheduler", "project").stdout

    last = output.splitlines()[-1]
    assert last == f"Foundations INFO: Job submitted with ID '{scheduler.only_job().job_id}'."


@pytest.mark.parametrize(
    "words", [["--stream-job-logs", "True"], ["--stream-job-logs=True"], ["--stream-job-logs"]]
)
def test_streaming_can_be_asked_for(run: Run, scheduler: FakeScheduler, words: list[str]) -> None:
    assert "has completed." in run("submit", *words, "scheduler", "project").stdout


def test_streaming_is_true_or_false(run: Run, scheduler: FakeScheduler) -> None:
    result = run("submit", "--stream-job-logs=maybe", "scheduler", "project", exit_code=2)

    assert "True or False" in result.stderr
