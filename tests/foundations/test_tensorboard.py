"""TensorBoard on the logs of jobs, and the copy that it reads."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import httpx
import pytest

from foundations.errors import AtlasError, MissingExtra, NotFound
from foundations.logdir_copy import LogdirCopy
from foundations.models import JobState
from foundations.tensorboard import TensorBoard
from tests.cli.fake_scheduler import FakeJob, FakeScheduler
from tests.foundations.event_files import EventFile, ask, shown_runs, shown_steps

FIRST, SECOND = "a" * 36, "a" * 8 + "b" * 28


@pytest.fixture
def scheduler() -> Iterator[FakeScheduler]:
    fake = FakeScheduler()
    yield fake
    fake.close()


@pytest.fixture
def job(scheduler: FakeScheduler) -> FakeJob:
    """A job that runs and writes logs."""
    return scheduler.add(FIRST, state=JobState.RUNNING, logs={"train/a.tfevents.1": b"one"})


def files_in(top: Path) -> dict[str, bytes]:
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


# -- the copy


def test_the_copy_has_a_directory_for_each_job(scheduler: FakeScheduler, job: FakeJob) -> None:
    scheduler.add(SECOND, project="..", state=JobState.COMPLETED, logs={"b": b"two"})
    scheduler.add("c" * 36, state=JobState.COMPLETED, logs={"c": b"three"})
    scheduler.add("c" * 8 + "d" * 28, state=JobState.COMPLETED, logs={"d": b"four"})

    with LogdirCopy(scheduler.client(), [*scheduler.jobs, FIRST[:10]]) as copy:
        assert files_in(copy.path) == {
            "demo/aaaaaaaa/train/a.tfevents.1": b"one",
            "__/aaaaaaaa/b": b"two",
            "demo/cccccccc/c": b"three",
            f"demo/{'c' * 8}{'d' * 28}/d": b"four",
        }
        place = copy.path.parent
    assert not place.exists()


def test_event_files_grow_in_place_and_others_are_replaced(
    scheduler: FakeScheduler, job: FakeJob
) -> None:
    assert job.logs is not None
    job.logs["note.txt"] = b"first"
    with LogdirCopy(scheduler.client(), [FIRST]) as copy:
        events = copy.path / "demo" / "aaaaaaaa" / "train" / "a.tfevents.1"
        with events.open("rb") as opened:
            assert opened.read() == b"one"
            job.logs["train/a.tfevents.1"] = b"one and two"
            job.logs["note.txt"] = b"other"
            assert copy.refresh()
            assert opened.read() == b" and two"
        assert (events.parent.parent / "note.txt").read_bytes() == b"other"

        job.logs["train/a.tfevents.1"] = b"again"
        copy.refresh()
        assert events.read_bytes() == b"again"


def test_a_job_that_has_ended_is_copied_once_more_and_then_left_alone(
    scheduler: FakeScheduler, job: FakeJob
) -> None:
    assert job.logs is not None
    with LogdirCopy(scheduler.client(), [FIRST]) as copy:
        job.logs["late"] = b"late"
        scheduler.finish(job)
        assert not copy.refresh()
        assert "demo/aaaaaaaa/late" in files_in(copy.path)
        del scheduler.jobs[FIRST]
        assert not copy.refresh()


def test_a_job_that_runs_may_have_logs_later(scheduler: FakeScheduler, job: FakeJob) -> None:
    job.logs = None
    told: list[str] = []
    with LogdirCopy(scheduler.client(), [FIRST], tell=told.append) as copy:
        assert copy.refresh()
        assert told == [f"Job {FIRST} has no TensorBoard logs yet."]
        job.logs = {"b": b"two"}
        assert copy.refresh()
        assert files_in(copy.path) == {"demo/aaaaaaaa/b": b"two"}
        del scheduler.jobs[FIRST]
        assert not copy.refresh()
    assert told[1:] == [f"There is no job `{FIRST}`."]


def test_a_job_that_ended_without_logs_is_an_error(scheduler: FakeScheduler, job: FakeJob) -> None:
    scheduler.add("e" * 36, state=JobState.FAILED)
    with pytest.raises(NotFound, match="no TensorBoard logs"):
        LogdirCopy(scheduler.client(), [FIRST, "e" * 36])


# -- TensorBoard itself


@pytest.mark.slow
def test_tensorboard_shows_a_job_and_what_it_adds(
    scheduler: FakeScheduler, job: FakeJob, tmp_path: Path
) -> None:
    events = EventFile(tmp_path / "events")
    events.add(1, loss=0.5)
    name, content = events.read()
    job.logs = {f"train/{name}": content}
    scheduler.on_request = _failing_once()
    told: list[str] = []

    board = TensorBoard(scheduler.client(), [FIRST], port=0, refresh_seconds=0.05, tell=told.append)
    with board:
        assert board.url.startswith("http://127.0.0.1:")
        run = "demo/aaaaaaaa/train"
        assert list(shown_runs(board.url, run)[run]) == ["loss"]
        events.add(2, loss=0.25)
        job.logs = {f"train/{name}": events.read()[1]}
        assert shown_steps(board.url, run, "loss", 2) == [1, 2]
    events.close()

    assert told == ["The logs cannot be copied now: " + told[0].partition(": ")[2]]
    with pytest.raises(URLError):
        ask(board.url, "plugin/scalars/tags")


def _failing_once() -> Callable[[httpx.Request], None]:
    """Break the connection when the logs are asked for the second time."""
    asked: list[str] = []

    def look(request: httpx.Request) -> None:
        if request.url.path.endswith("/tensorboard"):
            asked.append(request.url.path)
            if len(asked) == 2:
                raise httpx.ConnectError("gone", request=request)

    return look


def test_a_tensorboard_that_does_not_start_says_why(scheduler: FakeScheduler, job: FakeJob) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AtlasError, match=rf"did not start: (?s:.*){port}"):
            TensorBoard(scheduler.client(), [FIRST], port=port)


def test_without_tensorboard_the_error_says_what_to_install(
    scheduler: FakeScheduler, job: FakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(MissingExtra, match=r"pip install 'foundations-atlas\[tensorboard\]'"):
        TensorBoard(scheduler.client(), [FIRST])
