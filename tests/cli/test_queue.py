"""The commands for the queue: move, set job, hold, release, pause, resume, restore."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler


@pytest.fixture
def queue(scheduler: FakeScheduler) -> list[FakeJob]:
    """Four jobs that wait, and one that has ended."""
    scheduler.add("ffffffff-0000-4000-8000-000000000000", state=JobState.COMPLETED)
    names = ("cats", "dogs", "cats", "dogs")
    return [
        scheduler.add(f"{number}aaaaaaa-0000-4000-8000-000000000000", project=name)
        for number, name in enumerate(names)
    ]


def line(scheduler: FakeScheduler) -> list[str]:
    return [job_id[:4] for job_id, job in scheduler.jobs.items() if job.state is JobState.QUEUED]


# -- move


@pytest.mark.parametrize(
    ("words", "after", "told"),
    [
        (("2aaa", "first"), ["2aaa", "0aaa", "1aaa", "3aaa"], [("2", 1)]),
        (
            ("3aaa", "1aaa", "before", "0aaa"),
            ["1aaa", "3aaa", "0aaa", "2aaa"],
            [("3", 2), ("1", 1)],
        ),
        (("0aaa", "after", "2aaa"), ["1aaa", "2aaa", "0aaa", "3aaa"], [("0", 3)]),
        (("0aaa", "down"), ["1aaa", "0aaa", "2aaa", "3aaa"], [("0", 2)]),
    ],
)
def test_move_says_where_the_jobs_are_now(
    run: Run,
    scheduler: FakeScheduler,
    queue: list[FakeJob],
    words: tuple[str, ...],
    after: list[str],
    told: list[tuple[str, int]],
) -> None:
    output = run("move", "job", "scheduler", *words).stdout

    assert line(scheduler) == after
    assert output.splitlines() == [
        f"Moved job {number}aaaaaaa-0000-4000-8000-000000000000 to place {place}"
        for number, place in told
    ]


def test_move_prints_the_jobs_as_json(run_json: Callable[..., Any], queue: list[FakeJob]) -> None:
    (document,) = run_json("move", "job", "scheduler", "3aaa", "up", "--json")
    assert (document["job_id"], document["waiting"]["position"]) == (queue[3].job_id, 3)


@pytest.mark.parametrize("words", [(), ("0aaa",), ("first",), ("0aaa", "before"), ("0aaa", "1aaa")])
def test_move_wants_jobs_and_a_place(
    run: Run, queue: list[FakeJob], words: tuple[str, ...]
) -> None:
    run("move", "job", "scheduler", *words, exit_code=2)


def test_a_job_that_does_not_wait_is_not_moved(
    run: Run, scheduler: FakeScheduler, queue: list[FakeJob]
) -> None:
    result = run("move", "job", "scheduler", "3aaa", "ffff", "first", exit_code=1)
    assert "`ffffffff-0000-4000-8000-000000000000` is completed" in result.stderr
    assert line(scheduler) == ["0aaa", "1aaa", "2aaa", "3aaa"]


# -- priority, hold, release


def test_the_priority_of_several_jobs_is_set(
    run: Run, run_json: Callable[..., Any], queue: list[FakeJob]
) -> None:
    output = run("set", "job", "scheduler", "0aaa", "1aaa", "--priority", "-5").stdout
    assert [job.priority for job in queue] == [-5, -5, 0, 0]
    assert output.splitlines()[0] == f"Job {queue[0].job_id} has priority -5, place 1"
    (document,) = run_json("set", "job", "scheduler", "2aaa", "--priority", "100", "--json")
    assert (document["job_id"], document["priority"]) == (queue[2].job_id, 100)
    run("set", "job", "scheduler", "0aaa", "--priority", "101", exit_code=2)
    run("set", "job", "scheduler", "0aaa", exit_code=2)


def test_jobs_are_held_and_released_and_all_are_tried(
    run: Run, run_json: Callable[..., Any], queue: list[FakeJob]
) -> None:
    result = run("hold", "job", "scheduler", "0aaa", "ffff", "1aaa", exit_code=1)
    assert result.stdout.splitlines() == [f"Job {job.job_id} is held by ada" for job in queue[:2]]
    assert "is completed and does not wait" in result.stderr
    assert [job.held_by for job in queue] == ["ada", "ada", None, None]
    assert run("release", "job", "scheduler", "0aaa").stdout == (
        f"Job {queue[0].job_id} is released\n"
    )
    (document,) = run_json("release", "job", "scheduler", "1aaa", "--json")
    assert document["held_by"] is None
    assert [job.held_by for job in queue] == [None] * 4


def test_a_held_job_is_shown_without_a_place_and_the_others_move_up(
    run: Run, run_json: Callable[..., Any], queue: list[FakeJob]
) -> None:
    run("hold", "job", "scheduler", "0aaa")

    shown = run("show", "job", "scheduler", "0aaa").stdout
    assert re.search(r"^Waits because: +held by ada$", shown, re.MULTILINE)
    assert run_json("show", "job", "scheduler", "0aaa", "--json")["waiting"]["position"] is None
    next_one = run("show", "job", "scheduler", "1aaa").stdout
    assert re.search(r"^Waits because: .*\(place 1\)$", next_one, re.MULTILINE)
    columns = ("--columns", "position,id", "--csv", "-f", "state:queued")
    assert sorted(run("list", "jobs", *columns).stdout.splitlines()[1:]) == [
        f",{queue[0].job_id}",
        *(f"{place},{job.job_id}" for place, job in enumerate(queue) if place > 0),
    ]
    rows = run("show", "queue", "scheduler").stdout.splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [
        *([str(place), job.job_id] for place, job in enumerate(queue) if place > 0),
        ["-", queue[0].job_id],
    ]
    assert run("set", "job", "scheduler", "0aaa", "--priority", "3").stdout == (
        f"Job {queue[0].job_id} has priority 3\n"
    )
    assert run("move", "job", "scheduler", "0aaa", "first").stdout == (
        f"Moved job {queue[0].job_id}, which has no place as long as it cannot start: held by ada\n"
    )


# -- many at once, by a filter


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (("hold", "job"), "holds"),
        (("move", "job", "last"), "moves"),
        (("stop", "job"), "stops"),
        (("set", "job", "--priority", "1"), "changes"),
    ],
)
def test_a_filter_is_not_acted_on_where_nobody_can_answer(
    run: Run, queue: list[FakeJob], words: tuple[str, ...], verb: str
) -> None:
    verb_and_noun, rest = words[:2], words[2:]
    filter_ = ("-f", "project:cats")
    result = run(*verb_and_noun, "scheduler", *rest, *filter_, exit_code=1)
    assert result.stderr == (
        f"Error: This {verb} 2 jobs in all projects that the filter `project:cats` takes. "
        "Give --yes to do it without being asked.\n"
    )
    assert {(job.state, job.held_by, job.priority) for job in queue} == {(JobState.QUEUED, None, 0)}


def test_a_filter_acts_on_the_jobs_that_can_be_acted_on(
    run: Run, scheduler: FakeScheduler, queue: list[FakeJob]
) -> None:
    run("hold", "job", "scheduler", "-f", "project:cats", "--yes")
    assert [job.held_by for job in queue] == ["ada", None, "ada", None]
    run("stop", "job", "scheduler", "-f", "project:dogs", "--yes")
    assert [str(job.state) for job in queue] == ["queued", "stopped", "queued", "stopped"]
    run("delete", "job", "scheduler", "-f", "not project:cats", "--yes")
    assert set(scheduler.jobs) == {queue[0].job_id, queue[2].job_id}
    assert run("delete", "job", "scheduler", "-f", "project:cats", "--yes").stdout == "No jobs.\n"


def test_a_filter_holds_who_is_free_and_releases_who_is_held(
    run: Run, queue: list[FakeJob]
) -> None:
    run("hold", "job", "scheduler", "0aaa")
    held = run("hold", "job", "scheduler", "-f", "project:cats", "--yes").stdout
    assert held == f"Job {queue[2].job_id} is held by ada\n"
    released = run("release", "job", "scheduler", "-f", "state:queued", "--yes").stdout
    assert released.splitlines() == [f"Job {queue[n].job_id} is released" for n in (2, 0)]
    assert run("release", "job", "scheduler", "-f", "", "--yes").stdout == "No jobs.\n"


def test_all_that_a_filter_takes_is_moved_together(
    run: Run, scheduler: FakeScheduler, queue: list[FakeJob]
) -> None:
    run("move", "job", "scheduler", "first", "-f", "project:dogs", "--yes")
    assert line(scheduler) == ["1aaa", "3aaa", "0aaa", "2aaa"]
    run("move", "job", "scheduler", "after", "2aaa", "-f", "project:dogs", "--yes")
    assert line(scheduler) == ["0aaa", "2aaa", "1aaa", "3aaa"]
    none = run("move", "job", "scheduler", "last", "-f", "state:completed", "--yes")
    assert none.stdout == "No jobs.\n"
    both = run("move", "job", "scheduler", "0aaa", "last", "-f", "project:cats", exit_code=2)
    assert "Give ids or --filter, not both." in both.stderr


@pytest.mark.parametrize("verb", ["stop", "delete", "hold", "release"])
def test_ids_or_a_filter_must_be_given_and_not_both(
    run: Run, queue: list[FakeJob], verb: str
) -> None:
    assert "Give ids, or --filter" in run(verb, "job", "scheduler", exit_code=2).stderr
    both = run(verb, "job", "scheduler", "0aaa", "-f", "project:cats", exit_code=2)
    assert "not both" in both.stderr


def test_several_jobs_are_tagged_at_once(
    run: Run, run_json: Callable[..., Any], queue: list[FakeJob]
) -> None:
    output = run("tag", "job", "scheduler", "0aaa,1aaa", "best", "kind=a").stdout
    assert output.splitlines() == [f"Tags of job {job.job_id}: best kind=a" for job in queue[:2]]
    document = run_json(
        "untag", "job", "scheduler", "0aaa,1aaa,2aaa", "best", "--json", exit_code=1
    )
    assert [(one.get("error"), one.get("tags")) for one in document] == [
        (None, {"kind": "a"}),
        (None, {"kind": "a"}),
        ("not_found", None),
    ]
    run("tag", "job", "scheduler", "new", "-f", "project:cats", "--yes")
    assert [job.tags for job in queue] == [
        {"kind": "a", "new": ""},
        {"kind": "a"},
        {"new": ""},
        {},
    ]
    run("tag", "job", "scheduler", "0aaa", exit_code=2)


# -- pause, resume, clear


def test_the_queue_is_paused_and_resumed(
    run: Run, run_json: Callable[..., Any], queue: list[FakeJob]
) -> None:
    assert run("pause", "queue", "scheduler", "--project", "cats").stdout.startswith(
        "Project cats is paused by ada since 2024-05-01 "
    )
    assert (
        run("pause", "queue", "scheduler")
        .stdout.splitlines()[0]
        .startswith("The queue is paused by ada since 2024-05-01 ")
    )
    assert "Paused:" in run("info").stdout
    assert "The queue is paused by ada" in run("show", "queue").stdout
    assert run_json("show", "queue", "--json")["paused"]["by"] == "ada"
    document = run_json("resume", "queue", "scheduler", "--json")
    assert (document["paused"], document["paused_projects"][0]["project"]) == (None, "cats")
    resumed = run("resume", "queue", "scheduler", "--project", "cats").stdout
    assert resumed == "The queue runs\n"


def test_a_queue_is_cleared_by_a_filter_and_a_script_must_say_yes(
    run: Run, queue: list[FakeJob]
) -> None:
    words = ("clear-queue", "scheduler", "-f", "not project:cats", "--project", "dogs")
    refused = run(*words, exit_code=1)
    assert "stops 2 waiting jobs in project dogs that the filter `not project:cats` takes" in (
        refused.stderr
    )
    assert run(*words, "--yes").stdout == "Removed 2 job(s) from queue\n"
    assert [str(job.state) for job in queue] == ["queued", "stopped", "queued", "stopped"]


# -- restore


def test_a_deleted_job_comes_back(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    job = scheduler.add(state=JobState.COMPLETED)
    run("delete", "job", "scheduler", job.job_id)
    assert run("restore", "job", "scheduler", job.job_id).stdout == f"Job {job.job_id} is back\n"
    assert scheduler.jobs == {job.job_id: job}
    (document,) = run_json("restore", "job", "scheduler", job.job_id, "--json", exit_code=1)
    assert document["error"] == "job_conflict"
    late = run("restore", "job", "scheduler", "ffffffff", exit_code=1)
    assert late.stderr == "Error: A deletion can be undone for 10 s.\n"
