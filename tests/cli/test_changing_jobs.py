"""The commands that change something: stop, delete, clear-queue, set queue; and wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


@pytest.fixture
def running(scheduler: FakeScheduler) -> FakeJob:
    job = scheduler.add(JOB_ID)
    scheduler.start(job)
    return job


# -- stop


@pytest.mark.parametrize("words", [["stop", "job", "scheduler"], ["stop", "scheduler"]])
def test_stop_ends_a_running_job(run: Run, running: FakeJob, words: list[str]) -> None:
    assert run(*words, JOB_ID).stdout == f"Stopped running job {JOB_ID}\n"
    assert running.state is JobState.STOPPED


def test_stop_ends_a_queued_job(run: Run, scheduler: FakeScheduler) -> None:
    job = scheduler.add(JOB_ID)

    assert run("stop", "job", "scheduler", JOB_ID).stdout == f"Stopped queued job {JOB_ID}\n"
    assert job.state is JobState.STOPPED


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (JobState.COMPLETED, "is completed and cannot be stopped"),
        (JobState.FAILED, "is failed and cannot be stopped"),
        (JobState.STOPPED, "is stopped already"),
    ],
)
def test_stop_of_a_job_that_has_ended_is_an_error(
    run: Run, scheduler: FakeScheduler, state: JobState, text: str
) -> None:
    scheduler.add(JOB_ID, state=state)

    result = run("stop", "job", "scheduler", JOB_ID, exit_code=1)

    assert result.stderr == f"Error: Job `{JOB_ID}` {text}\n"


def test_stop_tries_every_job(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, running: FakeJob
) -> None:
    other = scheduler.add()

    result = run("stop", "job", "scheduler", "nowhere", JOB_ID, other.job_id, exit_code=1)

    assert result.stderr == (
        "Error: Job `nowhere` does not exist for environment `scheduler`\n"
        "`foundations list jobs scheduler` shows the jobs there are.\n"
    )
    assert (running.state, other.state) == (JobState.STOPPED, JobState.STOPPED)
    (document,) = run_json("stop", "job", "scheduler", JOB_ID, "--json", exit_code=1)
    assert (document["job_id"], document["error"]) == (JOB_ID, "job_conflict")


@pytest.mark.parametrize("verb", ["stop", "hold"])
def test_several_ids_may_have_commas_between_them(
    run: Run, scheduler: FakeScheduler, verb: str
) -> None:
    ids = [scheduler.add().job_id for _ in range(3)]

    told = run(verb, "job", "scheduler", ",".join(ids[:2]), ids[2], ids[0]).stdout

    assert len(told.splitlines()) == 3
    assert all(one in told for one in ids)


@pytest.mark.parametrize("words", ["show job", "get logs", "wait job", "rerun job"])
def test_where_one_job_is_meant_several_are_wrong_usage(
    run: Run, scheduler: FakeScheduler, words: str
) -> None:
    ids = ",".join(scheduler.add().job_id for _ in range(2))

    told = run(*words.split(), "scheduler", ids, exit_code=2).stderr

    assert told.endswith(": only one job can be meant here.\n")


def test_stop_asks_for_several_jobs_in_one_step(
    run_json: Callable[..., Any], scheduler: FakeScheduler, running: FakeJob
) -> None:
    waiting = scheduler.add()
    done = scheduler.add(state=JobState.COMPLETED)

    ids = (JOB_ID, waiting.job_id, done.job_id)
    told = run_json("stop", "job", "scheduler", *ids, "--json", exit_code=1)

    assert told == [
        {
            "job_id": done.job_id,
            "error": "job_conflict",
            "message": f"Job `{done.job_id}` is completed and cannot be stopped",
        },
        {
            "job_id": waiting.job_id,
            "state": "stopped",
            "message": f"Stopped queued job {waiting.job_id}",
        },
        {"job_id": JOB_ID, "state": "stopped", "message": f"Stopped running job {JOB_ID}"},
    ]


def test_stop_by_a_filter_takes_what_waits_and_runs(
    run: Run, scheduler: FakeScheduler, running: FakeJob
) -> None:
    waiting = scheduler.add()
    scheduler.add(state=JobState.COMPLETED)

    output = run("stop", "job", "scheduler", "-f", "", "--yes", "--no-wait").stdout

    assert output.splitlines() == [
        f"Stopped queued job {waiting.job_id}",
        f"Job {JOB_ID} is stopping",
    ]
    assert run("stop", "job", "scheduler", "-f", "", "--yes").stdout == "No jobs.\n"


# -- delete


def test_delete_removes_a_job_that_has_ended(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add(JOB_ID, state=JobState.FAILED)

    output = run("delete", "job", "scheduler", JOB_ID).stdout

    assert output == f"Job {JOB_ID} successfully deleted\n"
    assert not scheduler.jobs


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_delete_refuses_a_job_that_has_not_ended(
    run: Run, scheduler: FakeScheduler, state: JobState
) -> None:
    scheduler.add(JOB_ID, state=state)

    result = run("delete", "job", "scheduler", JOB_ID, exit_code=1)

    assert result.stderr == (
        f"Error: Job `{JOB_ID}` has status `{state}` and cannot be deleted. "
        f"Stop it first: foundations stop job scheduler {JOB_ID}\n"
    )
    assert scheduler.jobs


def test_delete_tries_every_job(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, running: FakeJob
) -> None:
    done = scheduler.add(state=JobState.COMPLETED)

    result = run("delete", "job", "scheduler", JOB_ID, "nowhere", done.job_id, exit_code=1)

    assert result.stdout == f"Job {done.job_id} successfully deleted\n"
    assert len(result.stderr.splitlines()) == 3  # one of them says what to do
    assert list(scheduler.jobs) == [JOB_ID]
    (document,) = run_json("delete", "job", "scheduler", JOB_ID, "--json", exit_code=1)
    assert document["error"] == "job_conflict"


def test_delete_without_an_id_is_wrong_usage(run: Run, scheduler: FakeScheduler) -> None:
    run("delete", "job", "scheduler", exit_code=2)


# -- queue


def test_clear_queue_says_how_many_it_removed(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, running: FakeJob
) -> None:
    for project in ("a", "a", "b", "b", "b"):
        scheduler.add(project=project)

    assert run("clear-queue", "scheduler", "--project", "a").stdout == (
        "Removed 2 job(s) from queue\n"
    )
    assert run_json("clear-queue", "scheduler", "--json")["removed"] == 3
    assert run("clear-queue", "scheduler").stdout == "Removed 0 job(s) from queue\n"
    assert running.state is JobState.RUNNING


def test_clear_queue_always_wants_to_know_whose(run: Run, scheduler: FakeScheduler) -> None:
    run("clear-queue", exit_code=2)


def test_set_queue_changes_how_many_jobs_run_at_once(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    run("set", "queue", "scheduler", "--max-running-jobs", "4")
    assert scheduler.max_running_jobs == 4

    document = run_json("set", "queue", "scheduler", "--max-running-jobs", "2", "--json")
    assert document == {
        "max_running_jobs": 2,
        "max_running_per_project": None,
        "max_running_per_user": None,
        "project_limits": {},
        "user_limits": {},
        "backfill_seconds": 86_400,
        "paused": None,
        "paused_projects": [],
    }
    run("set", "queue", "scheduler", "--max-running-jobs", "0", exit_code=2)


def test_set_queue_wants_to_know_what(run: Run, scheduler: FakeScheduler) -> None:
    result = run("set", "queue", "scheduler", exit_code=2)
    assert "say what to change, such as --max-running-jobs 4" in result.stderr


def test_limits_of_projects_and_users_are_set_and_shown(run: Run, scheduler: FakeScheduler) -> None:
    run("set", "queue", "scheduler", "--max-running-per-user=3", "--backfill-seconds=60")
    assert scheduler.queue_settings == {"max_running_per_user": 3, "backfill_seconds": 60}
    shown = run("set", "project", "scheduler", "iris", "--max-running", "2").stdout
    assert scheduler.queue_settings["project_limits"] == {"iris": 2}
    assert shown == (
        "At most 1 job at once from now on\n"
        "At most 3 jobs of each user\n"
        "At most 2 jobs of project iris\n"
        "Later jobs pass one that does not fit for at most 60 s\n"
    )
    run("set", "user", "scheduler", "ada", "--max-running", "1")
    assert scheduler.queue_settings["user_limits"] == {"ada": 1}
    lines = run("show", "queue", "scheduler").stdout.splitlines()
    assert "At most 1 job of user ada" in lines


# -- wait


@pytest.mark.parametrize(
    ("state", "reason", "exit_code", "text"),
    [
        (JobState.COMPLETED, None, 0, "is completed"),
        (JobState.FAILED, "exit code 7", 3, "is failed: exit code 7"),
        (JobState.LOST, None, 3, "is lost"),
    ],
)
def test_wait_tells_how_a_job_ended(
    run: Run,
    scheduler: FakeScheduler,
    state: JobState,
    reason: str | None,
    exit_code: int,
    text: str,
) -> None:
    scheduler.add(JOB_ID, state=state, reason=reason)

    output = run("wait", "job", "scheduler", JOB_ID, exit_code=exit_code).stdout

    assert output == f"Job {JOB_ID} {text}\n"


def test_wait_waits_for_the_end(
    run_json: Callable[..., Any], scheduler: FakeScheduler, running: FakeJob
) -> None:
    def finish(request: httpx.Request) -> None:
        if request.url.path.endswith("/changes"):
            scheduler.on_request = None
            ending.start()

    ending = threading.Thread(target=scheduler.finish, args=(running,))
    scheduler.on_request = finish

    document = run_json("wait", "job", "scheduler", JOB_ID, "--json")

    ending.join()
    assert document["state"] == "completed"


def test_wait_gives_up_in_time(run: Run, scheduler: FakeScheduler, running: FakeJob) -> None:
    result = run("wait", "job", "scheduler", JOB_ID, "--timeout", "0", exit_code=1)

    assert result.stderr == f"Error: Job `{JOB_ID}` has not ended after 0 seconds\n"
