"""The commands about arrays: submit, show, list, wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler


@pytest.fixture
def array(run: Run, scheduler: FakeScheduler) -> str:
    """The id of an array of three jobs: the first completed, the second failed."""
    words = ("submit", "scheduler", "--array", "0-2%2", "project", "--detach")
    array_id = run(*words).stdout.strip()
    first, second, _ = scheduler.jobs.values()
    for job, exit_code in ((first, 0), (second, 1)):
        scheduler.start(job)
        scheduler.finish(job, exit_code)
    return array_id


def test_submit_prints_the_id_of_the_array_and_does_not_stay(
    run: Run, scheduler: FakeScheduler
) -> None:
    output = run("submit", "--array=0-99:10", "scheduler", "project").stdout

    (array_id,) = scheduler.arrays
    assert f"Array of 10 jobs submitted with ID '{array_id}'." in output
    assert [job.array.index for job in scheduler.jobs.values() if job.array] == [*range(0, 99, 10)]
    assert len(scheduler.uploads) == 1


def test_submit_prints_the_array_as_json(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    words = ("--array", "1,5", "--hold", "project", "--detach", "--json")
    document = run_json("submit", "scheduler", *words)

    assert (document["size"], document["states"]) == (2, {"queued": 2})
    (wanted,) = scheduler.arrays.values()
    assert wanted.submission.hold


def test_an_array_that_cannot_be_read_is_refused_before_anything_is_sent(
    run: Run, scheduler: FakeScheduler
) -> None:
    result = run("submit", "scheduler", "--array", "9-0", "project", exit_code=1)

    assert "array: `9-0` ends before it begins." in result.stderr
    assert scheduler.uploads == []


def test_show_array_tells_how_its_jobs_stand(run: Run, array: str) -> None:
    output = run("show", "array", "scheduler", array[:8]).stdout

    assert "0-2" in output
    assert "at most 2" in output
    assert "1 queued, 1 completed, 1 failed of 3" in output
    assert f"--filter array:{array[:8]}" in output


def test_a_list_names_jobs_of_an_array_by_the_index_that_commands_take(
    run: Run, scheduler: FakeScheduler, array: str
) -> None:
    title, *rows = run("list", "jobs").stdout.splitlines()

    at = title.index("ARRAY")
    assert [row[at:].split()[0] for row in rows] == [f"{array[:8]}_{index}" for index in (2, 1, 0)]
    run("submit", "--detach", "scheduler", "project", "--project-name", "alone")
    assert "ARRAY" not in run("list", "jobs", "--project", "alone").stdout


def test_show_array_prints_json(run_json: Callable[..., Any], array: str) -> None:
    document = run_json("show", "array", "scheduler", array, "--json")

    assert document["states"] == {"completed": 1, "failed": 1, "queued": 1}


def test_show_array_says_that_there_is_none(run: Run, scheduler: FakeScheduler) -> None:
    assert (
        "There is no array '12345678'"
        in run("show", "array", "scheduler", "12345678", exit_code=1).stderr
    )


def test_show_job_names_the_array_and_how_that_stands(
    run: Run, scheduler: FakeScheduler, array: str
) -> None:
    job_id = next(iter(scheduler.jobs))

    output = run("show", "job", "scheduler", job_id).stdout

    assert f"{array}_0 (1 queued, 1 completed, 1 failed of 3)" in output


def test_the_jobs_of_an_array_are_listed_by_their_index(run: Run, array: str) -> None:
    words = ("-f", f"array:{array[:8]} sort:-array_index", "--columns", "array,array_index,state")
    output = run("list", "jobs", "scheduler", *words, "--csv").stdout

    assert output.splitlines() == [
        "array,array_index,state",
        *(f"{array},2,queued", f"{array},1,failed", f"{array},0,completed"),
    ]


def test_wait_tells_how_all_jobs_of_a_filter_ended(
    run: Run, scheduler: FakeScheduler, array: str
) -> None:
    scheduler.move(list(scheduler.jobs.values())[2], JobState.STOPPED, "StopRequested")

    output = run("wait", "job", "scheduler", "-f", f"array:{array}", exit_code=3).stdout

    assert output == "3 jobs have ended: 1 completed, 1 failed, 1 stopped\n"


def test_wait_for_completed_jobs_succeeds(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, array: str
) -> None:
    words = ("wait", "job", "scheduler", "-f", f"array:{array} state:completed")

    assert run(*words).stdout == "1 job has ended: 1 completed\n"
    job_id = next(iter(scheduler.jobs))
    assert run_json(*words, "--json") == [{"job_id": job_id, "state": "completed"}]
    assert run("wait", "job", "scheduler", "-f", "array:4711").stdout == "No jobs.\n"


def test_wait_for_a_filter_gives_up_after_its_time(run: Run, array: str) -> None:
    words = ("-f", f"array:{array}", "--timeout", "0.01")
    result = run("wait", "job", "scheduler", *words, exit_code=1)

    assert "has not ended after 0.01 seconds" in result.stderr


def test_wait_takes_an_id_or_a_filter(run: Run, array: str) -> None:
    for words in ((), (array, "-f", "state:queued")):
        result = run("wait", "job", "scheduler", *words, exit_code=2)
        assert "Give a JOB_ID, or --filter for several jobs." in result.stderr


def test_who_takes_an_array_for_a_job_is_told_how_its_jobs_are_called(
    run: Run, scheduler: FakeScheduler, array: str
) -> None:
    begin = array[:8]
    note = (
        f"`{begin}` is an array with the indices 0-2: `{begin}_INDEX` is one of its jobs, and "
        f"`foundations list jobs scheduler --filter array:{begin}` shows those there are.\n"
    )
    for ref in (array, begin, f"{begin}_7"):
        error = run("show", "job", "scheduler", ref, exit_code=1).stderr
        assert error == f"Error: Job `{ref}` does not exist for environment `scheduler`\n{note}"
