"""Indices of arrays as people write them, and arrays that are submitted from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import foundations
from foundations import autostart
from foundations.errors import ConfigError, NotFound
from foundations.models import JobState
from foundations.models.arrays import LONGEST_ARRAY, read_indices, write_indices
from foundations.terms import Terms
from tests.cli.fake_scheduler import FakeScheduler

# -- indices


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("7", (7,)),
        ("0-3", (0, 1, 2, 3)),
        ("0-10:5", (0, 5, 10)),
        ("0-9:4", (0, 4, 8)),
        ("3,1, 5-6", (3, 1, 5, 6)),
        ("5-5", (5,)),
        ("0-9999", tuple(range(10_000))),
    ],
)
def test_indices_are_read_in_the_order_they_are_written(
    text: str, indices: tuple[int, ...]
) -> None:
    assert read_indices(text) == indices


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "`` is neither an index nor a range such as 0-99 or 0-99:10"),
        ("a-b", "`a-b` is neither an index nor a range"),
        ("-1", "`-1` is neither"),
        ("1-", "`1-` is neither"),
        ("٣", "`٣` is neither"),
        ("1:2", "`1:2` is neither"),
        ("9-3", "`9-3` ends before it begins"),
        ("0-9:0", "the step of `0-9:0` is 0"),
        ("0-3,2", "index 2 is there twice"),
        ("0-10000", "an array has at most 10000 jobs"),
        ("0-9999999999", "index 9999999999 is above 1000000000"),
    ],
)
def test_what_is_no_index_is_told(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="^" + problem.replace("|", "")):
        read_indices(text)


@given(st.lists(st.integers(0, 50) | st.integers(0, 10**9), min_size=1, max_size=60, unique=True))
def test_written_indices_are_read_as_they_were(indices: list[int]) -> None:
    assert read_indices(write_indices(indices)) == tuple(indices)


def test_runs_of_neighbours_are_written_as_ranges() -> None:
    assert write_indices(range(LONGEST_ARRAY)) == "0-9999"
    assert write_indices([4, 5, 9, 3]) == "4-5,9,3"


@pytest.mark.parametrize("text", ["0-9%0", "0-9%x", "0-9%", "0-9%4%4", "0-9%10001"])
def test_how_many_run_at_once_is_a_number(text: str) -> None:
    with pytest.raises(ConfigError, match="is to say how many run at once: a number from 1"):
        Terms(array=text)


def test_an_array_that_cannot_be_read_says_how_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"array: `x` is neither.*Write indices such as 0-99"):
        Terms(array="x")


# -- from Python


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeScheduler]:
    project = tmp_path / "my_project"
    project.mkdir()
    (project / "main.py").write_text("print('hello')\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("FOUNDATIONS_HOME", str(tmp_path / "home"))
    fake = FakeScheduler()
    monkeypatch.setattr(autostart, "connect", lambda config, **_: fake.client())
    yield fake
    fake.close()


def test_an_array_is_submitted_with_one_upload(scheduler: FakeScheduler) -> None:
    array = foundations.submit_array(range(0, 6, 2), max_at_once=2, params={"lr": 0.1})

    details = array.details()
    assert (details.indices, details.size, details.max_at_once) == ("0,2,4", 3, 2)
    assert details.states == {JobState.QUEUED: 3}
    assert len(scheduler.uploads) == 1
    jobs = list(scheduler.jobs.values())
    assert [one.job_id for one in array.jobs()] == [job.job_id for job in jobs]
    assert {str(job.spec.params) for job in jobs} == {"{'lr': 0.1}"}
    assert array.job(4).job_id == jobs[2].job_id
    assert repr(array) == f"SubmittedArray('{array.array_id}')"
    with pytest.raises(NotFound):
        array.job(3)


def test_an_array_is_waited_for_and_stopped(scheduler: FakeScheduler) -> None:
    array = foundations.submit_array("0-2")
    done, runs, _ = scheduler.jobs.values()
    scheduler.start(done)
    scheduler.finish(done)
    scheduler.start(runs)
    with pytest.raises(TimeoutError, match="has not ended"):
        array.wait(0.01)

    array.stop()

    assert array.wait().states == {JobState.COMPLETED: 1, JobState.STOPPED: 2}


def test_what_waits_of_an_array_is_held_released_and_moved_and_what_ended_deleted(
    scheduler: FakeScheduler,
) -> None:
    scheduler.run = None
    other = foundations.submit()
    array = foundations.submit_array("0-2")
    _, runs, *waiting = scheduler.jobs.values()
    scheduler.start(runs)
    array.hold()
    assert [job.held_by is not None for job in (runs, *waiting)] == [False, True, True]
    array.release()
    assert {job.held_by for job in waiting} == {None}
    array.move("before", other.job_id)
    ids = [job.job_id for job in waiting]
    assert [one for one in scheduler.jobs if one != runs.job_id] == [*ids, other.job_id]
    scheduler.finish(runs)
    array.delete()
    assert [one.job_id for one in array.jobs()] == ids


def test_an_array_that_cannot_be_read_is_not_packed(scheduler: FakeScheduler) -> None:
    with pytest.raises(ConfigError, match="array: `9-0` ends before it begins"):
        foundations.submit_array("9-0")
    assert scheduler.uploads == []
