"""When logs were written: kept beside them, through kills, restarts and thinning."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core import time_index
from atlas_scheduler.core.time_index import ENTRY_BYTES
from atlas_scheduler.store import log_times
from atlas_scheduler.store.log_times import LogTimeFile
from atlas_scheduler.store.logs import FileLog
from foundations.logs.times import TimeMark
from tests.store.interruptions import disk_full_from

NOON_MS = 1_700_000_000_000
PAUSES_MS = st.sampled_from([0, 1, 40, 99, 100, 250, 60_000])
STEPS = st.lists(st.tuples(st.integers(1, 300), PAUSES_MS, st.booleans()), min_size=1, max_size=40)
"""Bytes that are written, how long after the ones before, and whether the server is new then."""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> FileLog:
    return FileLog(tmp_path / "archive" / "job.log", clock_ms=clock)


def times_path(log: FileLog) -> Path:
    return log.path.with_name("job.log.times")


def grow(log: FileLog, data: bytes, at_ms: int) -> None:
    """Write by another hand at a time."""
    with log.path.open("ab") as file:
        file.write(data)
    os.utime(log.path, ns=(at_ms * 1_000_000, at_ms * 1_000_000))


def time_of(log: FileLog, offset: int) -> int | None:
    return log.times()[1].marks.time_ms_of(offset)


def test_what_is_appended_has_the_time_of_day(log: FileLog, clock: Clock) -> None:
    log.say("Starting.")
    log.begin_output()
    clock.now_ms += 5_000
    log.append(b"one\n")
    clock.now_ms += 99
    log.append(b"two\n")
    clock.now_ms += 1
    log.append(b"three\n")
    size_bytes, index = log.times()
    assert size_bytes == log.size_bytes
    assert list(index.marks) == [(0, NOON_MS), (10, NOON_MS + 5_000), (18, NOON_MS + 5_100)]
    assert index.resolution_ms == 100


def test_an_engine_that_knows_when_it_was_written_says_so(log: FileLog, clock: Clock) -> None:
    log.append(b"one\ntwo\nthree\n", [TimeMark(0, 5_000), TimeMark(4, 6_000), TimeMark(8, 7_000)])
    clock.now_ms += 1
    log.append(b"four\n", [TimeMark(0, 8_000)])
    assert list(log.times()[1].marks) == [(0, 5_000), (4, 6_000), (8, 7_000), (14, 8_000)]


def test_what_is_over_the_limit_has_no_time(tmp_path: Path, clock: Clock) -> None:
    log = FileLog(tmp_path / "job.log", limit_bytes=4, clock_ms=clock)
    log.append(b"one\ntwo\n", [TimeMark(0, 5_000), TimeMark(4, 6_000), TimeMark(200, 7_000)])
    assert list(log.times()[1].marks) == [(0, 5_000), (4, 6_000)]


def test_what_another_process_wrote_has_the_time_of_its_last_byte(
    log: FileLog, clock: Clock
) -> None:
    log.say("Starting.")
    log.begin_output()
    clock.now_ms += 60_000
    grow(log, b"one\n", NOON_MS + 10_000)
    log.touch()
    grow(log, b"two\n", NOON_MS + 20_000)
    assert list(log.times()[1].marks) == [
        (0, NOON_MS),
        (10, NOON_MS + 10_000),
        (14, NOON_MS + 20_000),
    ]
    grow(log, b"from tomorrow\n", NOON_MS + 86_400_000)
    assert time_of(log, 18) == clock.now_ms


def test_growth_is_told_again_after_a_restart(log: FileLog, clock: Clock) -> None:
    log.begin_output()
    clock.now_ms += 600_000
    grow(log, b"one\n", NOON_MS + 10_000)
    log.touch()
    again = FileLog(log.path, clock_ms=clock)
    again.touch()
    assert time_of(again, 0) == NOON_MS + 10_000
    grow(log, b"two\n", NOON_MS + 20_000)
    again.touch()
    assert [time_of(again, offset) for offset in (0, 4)] == [NOON_MS + 10_000, NOON_MS + 20_000]


def test_what_came_while_no_server_ran_has_the_time_of_the_last_of_it(
    log: FileLog, clock: Clock
) -> None:
    log.say("Starting.")
    log.begin_output()
    clock.now_ms += 600_000
    grow(log, b"one\ntwo\n", NOON_MS + 20_000)
    again = FileLog(log.path, clock_ms=clock)
    again.touch()
    assert list(again.times()[1].marks) == [(0, NOON_MS), (10, NOON_MS + 20_000)]


def test_a_finished_log_is_not_looked_at_for_growth(log: FileLog, clock: Clock) -> None:
    log.append(b"one\n", [TimeMark(0, 5_000)])
    again = FileLog(log.path, clock_ms=clock)
    assert again.times()[0] == 4
    assert list(again.times()[1].marks) == [(0, 5_000)]


def test_a_log_of_an_older_scheduler_has_no_times_for_what_it_had(
    log: FileLog, clock: Clock
) -> None:
    log.path.parent.mkdir()
    grow(log, b"old\n", NOON_MS - 5_000)
    log.touch()
    assert not len(log.times()[1].marks)
    grow(log, b"new\n", NOON_MS - 1_000)
    assert [time_of(log, offset) for offset in (3, 4)] == [None, NOON_MS - 1_000]


def test_a_mark_whose_bytes_never_came_is_passed_over(log: FileLog, clock: Clock) -> None:
    log.append(b"one\n")
    with times_path(log).open("ab") as file:
        file.write(time_index.entry(TimeMark(4, NOON_MS + 1_000)))
        file.write(time_index.entry(TimeMark(4_000, NOON_MS + 2_000)))
    again = FileLog(log.path, clock_ms=clock)
    size_bytes, index = again.times()
    assert list(index.marks.part(end=size_bytes)) == [(0, NOON_MS)]
    clock.now_ms += 5_000
    again.append(b"two\n")
    assert [time_of(again, offset) for offset in (0, 4)] == [NOON_MS, NOON_MS + 5_000]


@pytest.mark.parametrize("lost_bytes", range(1, ENTRY_BYTES + 1))
def test_a_torn_mark_is_passed_over_and_written_over(
    log: FileLog, clock: Clock, lost_bytes: int
) -> None:
    log.append(b"one\n")
    clock.now_ms += 1_000
    log.append(b"two\n")
    os.truncate(times_path(log), times_path(log).stat().st_size - lost_bytes)
    again = FileLog(log.path, clock_ms=clock)
    assert [time_of(again, offset) for offset in (0, 4)] == [NOON_MS, NOON_MS]
    clock.now_ms += 1_000
    again.append(b"three\n")
    assert [time_of(again, offset) for offset in (0, 4, 8)] == [NOON_MS, NOON_MS, clock.now_ms]


def test_times_that_cannot_be_kept_do_not_cost_output(log: FileLog) -> None:
    times_path(log).mkdir(parents=True)
    log.append(b"one\n")
    log.touch()
    assert log.path.read_bytes() == b"one\n"
    assert not len(log.times()[1].marks)


def test_after_a_full_disk_times_go_on(log: FileLog, clock: Clock) -> None:
    log.append(b"one\n")
    clock.now_ms += 1_000
    with disk_full_from(1):  # there is space for the output, and none for its time
        log.append(b"two\n")
    clock.now_ms += 1_000
    log.append(b"three\n")
    assert log.path.read_bytes() == b"one\ntwo\nthree\n"
    assert [time_of(log, offset) for offset in (0, 4, 8)] == [NOON_MS, NOON_MS, NOON_MS + 2_000]


@given(STEPS)
def test_every_byte_has_the_time_it_came(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]]
) -> None:
    clock = Clock()
    log = FileLog(tmp_path_factory.mktemp("log") / "job.log", clock_ms=clock)
    came: list[tuple[int, int]] = []
    for size_bytes, pause_ms, is_new in steps:
        clock.now_ms += pause_ms
        if is_new:
            log = FileLog(log.path, clock_ms=clock)
        came.append((log.size_bytes, clock.now_ms))
        log.append(b"x" * size_bytes)
    _, index = log.times()
    for offset, at_ms in came:
        told = index.marks.time_ms_of(offset)
        assert told is not None
        assert at_ms - 100 < told <= at_ms


@given(STEPS)
def test_a_file_that_is_full_is_thinned_and_stays_nearly_right(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "job.log.times"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_times, "MOST_BYTES", 9 * ENTRY_BYTES)
        times = LogTimeFile(path)
        offset, at_ms, came = 0, 0, []
        for size_bytes, pause_ms, is_new in steps:
            at_ms += pause_ms
            times = LogTimeFile(path) if is_new else times
            times.mark(TimeMark(offset, at_ms))
            came.append((offset, at_ms))
            offset += size_bytes
    index = times.read()
    assert path.stat().st_size <= 9 * ENTRY_BYTES
    for offset, at_ms in came:
        told = index.marks.time_ms_of(offset)
        assert told is not None
        assert at_ms - 2 * index.resolution_ms < told <= at_ms


def test_times_are_read_while_they_are_thinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_times, "MOST_BYTES", 20 * ENTRY_BYTES)
    times = LogTimeFile(tmp_path / "times")
    times.mark(TimeMark(0, NOON_MS))
    seen: list[int | None] = []
    stopped = threading.Event()

    def keep_reading() -> None:
        while not stopped.is_set():
            seen.append(times.read().marks.time_ms_of(0))

    reader = threading.Thread(target=keep_reading)
    reader.start()
    for number in range(1, 2_000):
        times.mark(TimeMark(number, NOON_MS + number * 100))
    stopped.set()
    reader.join()
    assert set(seen) == {NOON_MS}


def test_a_further_attempt_goes_on_in_the_same_log(log: FileLog, clock: Clock) -> None:
    log.begin_output()
    clock.now_ms += 1_000
    grow(log, b"one\n", clock.now_ms)
    log.touch()
    clock.now_ms += 60_000
    log.begin_attempt(2, "Trying again.")
    said_ms = clock.now_ms
    clock.now_ms += 5_000
    grow(log, b"two\n", clock.now_ms)
    again = FileLog(log.path, clock_ms=clock)
    again.touch()
    assert list(again.times()[1].marks) == [
        (0, NOON_MS + 1_000),
        (4, said_ms),
        (18, clock.now_ms),
    ]
