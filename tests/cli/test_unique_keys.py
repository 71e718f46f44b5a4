"""`submit --unique`: what it says, and which job it leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import foundations
from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

WORDS = ("submit", "scheduler", "--unique", "nightly")


@pytest.fixture
def first(run: Run, scheduler: FakeScheduler) -> str:
    """The job that has the key."""
    scheduler.run = None
    return run(*WORDS, "project", "--detach").stdout.strip()


def test_a_job_that_has_the_key_is_named_and_nothing_is_submitted(
    run: Run, scheduler: FakeScheduler, first: str
) -> None:
    output = run(*WORDS, "project").stdout

    said = f"Job '{first}' has the key 'nightly' and is queued: nothing was submitted."
    assert said in output
    assert len(scheduler.jobs) == 1


def test_with_detach_the_id_of_that_job_is_printed(
    run: Run, run_json: Callable[..., Any], first: str
) -> None:
    assert run(*WORDS, "project", "--detach").stdout.strip() == first
    document = run_json(*WORDS, "project", "--detach", "--json")
    assert (document["job_id"], document["existed"]) == (first, True)


def test_the_job_that_has_the_key_is_replaced(
    run: Run, scheduler: FakeScheduler, first: str
) -> None:
    result = run(*WORDS, "--if-exists", "replace", "project", "--detach")

    second = result.stdout.strip()
    assert f"Job submitted with ID '{second}', in place of job '{first}'." in result.stderr
    assert scheduler.jobs[first].state is JobState.STOPPED
    assert "nightly" in run("show", "job", "scheduler", second).stdout
    listed = run("list", "jobs", "scheduler", "--columns", "unique,state", "--csv").stdout
    assert listed.splitlines() == ["unique,state", "nightly,queued", "nightly,stopped"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--if-exists", "skip"), "if_exists: says what to do when a job has the unique key"),
        (
            ("--unique", "a\nb"),
            "unique: Should be at least one character, and no",
        ),
        (("--unique", "a", "--array", "0-1"), "an array cannot have it"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, scheduler: FakeScheduler, words: tuple[str, ...], told: str
) -> None:
    result = run("submit", "scheduler", *words, "project", exit_code=1)

    assert told in result.stderr
    assert scheduler.uploads == []


def test_from_python_it_is_the_job_that_was_there(first: str) -> None:
    job = foundations.submit(job_dir="project", unique="nightly")
    assert (job.job_id, job.existed) == (first, True)
    other = foundations.submit(job_dir="project", unique="nightly", if_exists="replace")
    assert other.job_id != first
    assert not other.existed
