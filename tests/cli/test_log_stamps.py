"""Lines of a log with their times."""

from __future__ import annotations

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.errors import InvalidRequest
from foundations.logs.stamps import PAUSE_SECONDS, LineParts, LineTimes, offset_since, whole_lines
from foundations.logs.times import TimeMarks
from foundations.models import JobState
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

PIECES = st.lists(
    st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n"]), max_size=6).map(b"".join),
    max_size=6,
)


@given(PIECES, st.integers(0, 50))
def test_a_line_begins_behind_every_end_however_the_log_is_cut(
    pieces: list[bytes], offset: int
) -> None:
    lines = LineParts(offset)
    found = [part for piece in pieces for part in lines.feed(piece)]
    log = b"".join(pieces)
    assert b"".join(part.data for part in found) == log
    begins = {0, *(match.end() for match in re.finditer(rb"\n|\r+(?![\r\n])", log))} - {len(log)}
    assert {part.offset - offset for part in found if part.begins} == begins
    ends = [part.offset - offset + len(part.data) for part in found]
    assert [part.offset - offset for part in found] == [0, *ends][: len(found)]


@given(PIECES, st.integers(0, 50))
def test_lines_are_whole_however_the_log_is_cut(pieces: list[bytes], offset: int) -> None:
    found = list(whole_lines(pieces, offset=offset))
    log = b"".join(pieces)
    assert [line for _, line in found] == re.findall(rb"[^\n]*\n|[^\n]+$", log)
    assert [at for at, _ in found] == [
        offset + sum(len(line) for _, line in found[:number]) for number in range(len(found))
    ]


class Seconds:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def job_of(scheduler: FakeScheduler, log: bytes) -> FakeJob:
    return scheduler.add(state=JobState.RUNNING, log=log)


def asked(scheduler: FakeScheduler) -> list[str]:
    """The offsets that times are asked for, from now on."""
    offsets: list[str] = []

    def note(request: httpx.Request) -> None:
        offsets.append(request.url.params.get("offset", "0"))

    scheduler.on_request = note
    return offsets


def test_the_scheduler_is_asked_for_what_came_meanwhile_and_not_too_often() -> None:
    scheduler, clock = FakeScheduler(), Seconds()
    job = job_of(scheduler, b"one\n")
    job.log_marks = TimeMarks([0], [5_000])
    client = scheduler.client()
    offsets = asked(scheduler)
    times = LineTimes(client, job.job_id, clock=clock)
    assert [times.ms_of(offset) for offset in (0, 3)] == [5_000, 5_000]
    assert offsets == ["0"]
    scheduler.print(job, b"two\nthree\n")
    job.log_marks = TimeMarks([0, 4, 8], [5_000, 6_000, 7_000])
    assert times.ms_of(4) == 5_000  # it was asked an instant ago
    clock.now += PAUSE_SECONDS
    assert [times.ms_of(offset) for offset in (4, 8)] == [6_000, 7_000]
    assert offsets == ["0", "4"]


def test_a_time_is_found_at_the_beginning_of_its_line() -> None:
    scheduler = FakeScheduler()
    job = job_of(scheduler, b"one\ntwo and more\nthree\n")
    client = scheduler.client()
    with pytest.raises(InvalidRequest, match="older version"):
        offset_since(client, job.job_id, 0)
    job.log_marks = TimeMarks([2, 8, 17], [5_000, 6_000, 7_000])
    assert [offset_since(client, job.job_id, ms) for ms in (0, 5_001, 6_001)] == [0, 4, 17]
    assert offset_since(client, job.job_id, 7_001) == len(job.log)
    empty = job_of(scheduler, b"")
    assert offset_since(client, empty.job_id, 5_000) == 0
