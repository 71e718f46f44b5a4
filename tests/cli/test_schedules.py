"""The commands about schedules: submit --cron, list, show, pause, resume, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import foundations
from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

CRON = ("--cron", "0 3 * * *", "--time-zone", "Europe/Berlin")


@pytest.fixture
def schedule(run: Run, scheduler: FakeScheduler) -> str:
    """The id of a schedule."""
    return run("submit", "scheduler", *CRON, "project", "--detach").stdout.strip()


def test_submit_makes_a_schedule_and_does_not_stay(run: Run, scheduler: FakeScheduler) -> None:
    words = (*CRON, "--overlap", "allow", "--hold", "project", "main.py", "--fast")
    output = run("submit", "scheduler", *words).stdout

    (made,) = scheduler.schedules.values()
    assert f"Schedule made with ID '{made.schedule_id}'. It submits next at 2024-05-01" in output
    assert (made.cron, made.time_zone, made.overlap) == ("0 3 * * *", "Europe/Berlin", "allow")
    assert made.spec.command == ("main.py", "--fast")
    assert scheduler.jobs == {}


def test_the_time_zone_is_that_of_this_machine(
    run: Run, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    run("submit", "scheduler", "--cron", "0 3 * * *", "project")

    (made,) = scheduler.schedules.values()
    assert made.time_zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--cron", "nonsense"), "`nonsense` has 1 fields. Five are needed."),
        (("--cron", ""), "cron: String should have at least 1 character"),
        (("--time-zone", "UTC"), "time_zone and overlap are about a cron line"),
        (("--overlap", "skip"), "time_zone and overlap are about a cron line"),
        ((*CRON, "--array", "0-1"), "array does not go with cron"),
        ((*CRON, "--after", "abcd"), "after does not go with cron"),
        ((*CRON, "--unique", "k"), "unique does not go with cron"),
        ((*CRON, "--at", "in 2h"), "at does not go with cron"),
    ],
)
def test_what_makes_no_schedule_is_refused(
    run: Run, scheduler: FakeScheduler, words: tuple[str, ...], told: str
) -> None:
    result = run("submit", "scheduler", *words, "project", exit_code=1)

    assert told in result.stderr
    assert scheduler.schedules == {}


def test_schedules_are_listed(run: Run, run_json: Callable[..., Any], schedule: str) -> None:
    output = run("list", "schedules").stdout

    assert schedule in output
    assert "0 3 * * *" in output
    (document,) = run_json("list", "schedules", "scheduler", "--json")
    assert document["schedule_id"] == schedule


def test_what_is_wrong_with_a_schedule_stands_below_the_list(
    run: Run, scheduler: FakeScheduler, schedule: str
) -> None:
    scheduler.change_schedule(schedule, problem="It submits nothing any more.")
    result = run("list", "schedules")
    assert result.stderr == f"Schedule {schedule[:8]}: It submits nothing any more.\n"


def test_no_schedules_are_told(run: Run, scheduler: FakeScheduler) -> None:
    assert run("list", "schedules").stdout == "No schedules.\n"


def test_a_schedule_is_shown(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, schedule: str
) -> None:
    scheduler.change_schedule(
        schedule, last_job_id="4" * 36, skipped=2, problem="no GPU", last_job_state=JobState.RUNNING
    )
    output = run("show", "schedule", "scheduler", schedule[:8]).stdout

    for text in (
        "0 3 * * * (Europe/Berlin)",
        "44444444 (running)",
        "2 times: its last job had not ended",
        "no GPU",
        f"-f schedule:{schedule[:8]}",
    ):
        assert text in output
    assert run_json("show", "schedule", "scheduler", schedule, "--json")["skipped"] == 2
    scheduler.change_schedule(schedule, skipped=1)
    assert "1 time: " in run("show", "schedule", "scheduler", schedule).stdout


def test_a_schedule_is_paused_and_resumed(
    run: Run, scheduler: FakeScheduler, schedule: str
) -> None:
    told = run("pause", "schedule", "scheduler", schedule[:8]).stdout
    assert told == f"Schedule {schedule} is paused\n"
    assert "paused by ada" in run("show", "schedule", "scheduler", schedule).stdout
    told = run("resume", "schedule", "scheduler", schedule).stdout
    assert f"Schedule {schedule} submits next at 2024-05-01" in told


def test_several_schedules_are_deleted_and_each_is_told(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, schedule: str
) -> None:
    result = run("delete", "schedule", "scheduler", "12345678", schedule, exit_code=1)

    assert result.stdout == f"Deleted schedule {schedule}\n"
    assert "Error: There is no schedule '12345678'." in result.stderr
    assert scheduler.schedules == {}
    (document,) = run_json("delete", "schedule", "scheduler", schedule, "--json", exit_code=1)
    assert (document["schedule"], document["error"]) == (schedule, "not_found")


def test_a_job_names_its_schedule_and_is_found_by_it(
    run: Run, scheduler: FakeScheduler, schedule: str
) -> None:
    job = scheduler.add(schedule_id=schedule)
    scheduler.add()

    assert schedule in run("show", "job", "scheduler", job.job_id).stdout
    words = ("-f", f"schedule:{schedule[:8]}", "--columns", "id,schedule", "--csv")
    assert run("list", "jobs", "scheduler", *words).stdout.splitlines() == [
        "id,schedule",
        f"{job.job_id},{schedule}",
    ]


def test_a_schedule_is_made_from_python(scheduler: FakeScheduler) -> None:
    made = foundations.submit_schedule(
        "0 3 * * *", time_zone="UTC", job_dir="project", params={"lr": 0.1}
    )
    job = scheduler.add(schedule_id=made.schedule_id)

    assert made.details().spec.params == {"lr": 0.1}
    assert [one.job_id for one in made.jobs()] == [job.job_id]
    assert repr(made) == f"JobSchedule('{made.schedule_id}')"
    made.pause()
    assert made.details().paused_by == "ada"
    made.resume()
    assert made.details().paused_by is None
    made.delete()
    assert scheduler.schedules == {}
