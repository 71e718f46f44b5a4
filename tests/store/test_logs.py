"""Logs: every byte once, for any number of followers."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_scheduler.engine.port import JobLog
from atlas_scheduler.store import log_followers
from atlas_scheduler.store.logs import CHUNK_BYTES, FileLog, Logs
from foundations.errors import StorageFull
from foundations.home import Home
from tests.store.interruptions import disk_full_from

pytestmark = pytest.mark.anyio
DEADLINE_SECONDS = 30


@pytest.fixture
def log(tmp_path: Path) -> FileLog:
    return FileLog(tmp_path / "archive" / "job.log")


async def read(stream: AsyncIterator[bytes]) -> bytes:
    """Everything that a follower gets, within a deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return b"".join([chunk async for chunk in stream])


def ended() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def test_a_log_is_what_engines_expect(log: FileLog) -> None:
    expected: JobLog = log
    assert expected.path == log.path


def test_a_new_log_is_empty_and_makes_no_file(log: FileLog) -> None:
    assert log.size_bytes == 0
    assert not log.path.exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", ""),
        (b"half", ""),
        (b"one\n", "one"),
        (b"one\ntwo \r\nha", "two"),
        (b"x" * 5000 + b"\n", "x" * 1023),
        (b"caf\xff\n", "caf\ufffd"),
    ],
)
def test_the_last_line_is_the_last_that_is_complete(
    log: FileLog, content: bytes, line: str
) -> None:
    assert log.last_line() == ""
    log.append(content)
    assert log.last_line() == line


def test_what_atlas_says_comes_before_the_output(log: FileLog) -> None:
    log.say("Pulling the image.")
    log.say("Starting.")
    assert log.begin_output() == 0
    log.append(b"first\n")
    assert log.begin_output() == 6
    log.append(b"\xff\x00\r second")
    assert log.path.read_bytes() == b"Pulling the image.\nStarting.\nfirst\n\xff\x00\r second"
    assert log.begin_output() == len(b"first\n\xff\x00\r second")


def test_where_the_output_begins_is_known_after_a_restart(log: FileLog) -> None:
    log.say("Starting.")
    log.begin_output()
    log.append(b"output")
    assert FileLog(log.path).begin_output() == 6


def test_what_another_process_wrote_counts_as_output(log: FileLog) -> None:
    log.say("Starting.")
    log.begin_output()
    with log.path.open("ab") as file:
        file.write(b"by the shim")
    assert log.begin_output() == 11


def test_atlas_may_speak_until_the_first_byte_of_output(log: FileLog) -> None:
    log.say("Starting.")
    log.begin_output()
    log.say("Trying again.")
    assert log.begin_output() == 0
    log.append(b"output")
    assert log.begin_output() == 6
    with pytest.raises(RuntimeError, match="output of the job already"):
        log.say("too late")


@pytest.mark.parametrize("sizes", [[10], [4, 4], [5, 5], [1] * 12, [100, 100], [4, 6, 1]])
def test_output_over_the_limit_is_dropped_and_that_is_said(
    tmp_path: Path, sizes: list[int]
) -> None:
    path = tmp_path / "job.log"
    FileLog(path).say("Starting.")
    FileLog(path).begin_output()
    for size in sizes:
        log = FileLog(path, limit_bytes=9)
        before = log.begin_output()
        log.append(b"x" * size)
        assert log.begin_output() == min(9, before + size)
    content = path.read_bytes().removeprefix(b"Starting.\n")
    if sum(sizes) > 9:
        assert content == (
            b"x" * 9 + b"\n[Atlas: only the first 9 bytes of the output are kept.]\n"
        )
    else:
        assert content == b"x" * sum(sizes)


def test_a_full_disk_is_said(log: FileLog) -> None:
    log.say("before")
    with disk_full_from(0), pytest.raises(StorageFull):
        log.append(b"more")
    log.append(b"after")
    assert log.path.read_bytes() == b"before\nafter"


async def test_a_follower_of_an_ended_job_gets_everything_from_its_offset(log: FileLog) -> None:
    content = random.Random(5).randbytes(3 * CHUNK_BYTES + 100)
    log.append(content)
    for offset in (0, 1, CHUNK_BYTES, len(content) - 1, len(content), len(content) + 10):
        assert await read(log.follow(offset, ended=ended())) == content[offset:]


async def test_nothing_comes_in_pieces_that_are_too_large(log: FileLog) -> None:
    log.append(bytes(5 * CHUNK_BYTES))
    sizes = [len(chunk) async for chunk in log.follow(ended=ended())]
    assert max(sizes) <= CHUNK_BYTES


async def test_a_log_that_is_missing_is_an_empty_one(log: FileLog) -> None:
    assert await read(log.follow(ended=ended())) == b""


async def test_a_follower_may_be_there_before_the_log(log: FileLog) -> None:
    end = asyncio.Event()
    async with aclosing(log.follow(ended=end)) as stream:
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        log.append(b"hello")
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await first == b"hello"


async def test_a_follower_ahead_of_the_log_waits_for_its_offset(log: FileLog) -> None:
    end = asyncio.Event()
    log.append(b"0123")
    following = asyncio.create_task(read(log.follow(6, ended=end)))
    await asyncio.sleep(0)
    log.append(b"456789")
    end.set()
    assert await following == b"6789"


async def test_what_comes_just_before_the_end_is_delivered(log: FileLog) -> None:
    end = asyncio.Event()
    following = asyncio.create_task(read(log.follow(ended=end)))
    await asyncio.sleep(0)
    log.append(b"last words")
    end.set()
    assert await following == b"last words"


async def test_a_log_that_goes_on_after_the_end_does_not_hold_its_followers(
    log: FileLog,
) -> None:
    log.append(b"x" * 3 * CHUNK_BYTES)
    got = b""
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for chunk in log.follow(ended=ended()):
            got += chunk
            log.append(b"by a left-over process" * 10_000)
    assert got == b"x" * 3 * CHUNK_BYTES


async def test_every_follower_gets_every_byte_once_while_engines_write(log: FileLog) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    sent = hashlib.sha256()
    size = 0

    def write() -> None:
        nonlocal size
        dice = random.Random(6)
        for _ in range(1500):
            data = dice.randbytes(dice.choice([1, 80, 500, 16_384]))
            sent.update(data)
            size += len(data)
            log.append(data)
        loop.call_soon_threadsafe(end.set)

    async def follow(pace: int) -> tuple[int, str]:
        got, count, number = hashlib.sha256(), 0, 0
        async with aclosing(log.follow(ended=end)) as stream:
            async for chunk in stream:
                got.update(chunk)
                count += len(chunk)
                number += 1
                if pace and number % pace == 0:
                    await asyncio.sleep(0.001)
        return count, got.hexdigest()

    followers = [asyncio.create_task(follow(pace)) for pace in (0, 0, 1, 2, 5, 50)]
    thread = threading.Thread(target=write)
    thread.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        results = await asyncio.gather(*followers)
    thread.join()
    assert set(results) == {(size, sent.hexdigest())}


async def test_a_follower_that_is_cut_off_goes_on_at_its_offset(log: FileLog) -> None:
    end = asyncio.Event()
    content = random.Random(7).randbytes(500_000)
    dice = random.Random(8)

    def write() -> None:
        for start in range(0, len(content), 5_000):
            log.append(content[start : start + 5_000])

    async def follow() -> bytes:
        got = b""
        while len(got) < len(content):
            async with aclosing(log.follow(len(got), ended=end)) as stream:
                for _ in range(dice.randrange(1, 5)):
                    got += await anext(stream)
                    if len(got) == len(content):
                        break
        return got

    following = asyncio.create_task(follow())
    await asyncio.to_thread(write)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await following == content


async def test_what_another_process_writes_reaches_followers(log: FileLog) -> None:
    end = asyncio.Event()
    log.say("Starting.")
    stream = log.follow(ended=end)
    assert await anext(stream) == b"Starting.\n"
    program = "import sys; open(sys.argv[1], 'ab').write(b'from afar')"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", program, str(log.path)
    )
    assert await writer.wait() == 0
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await anext(stream) == b"from afar"
    await stream.aclose()


async def test_a_file_system_that_always_waits_for_its_disk_is_read_in_a_thread() -> None:
    # Files in /proc cannot say whether reading them would wait.
    path = Path("/proc/version")
    stream = FileLog(path).follow(ended=asyncio.Event())
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await anext(stream) == await asyncio.to_thread(path.read_bytes)
    await stream.aclose()


async def test_a_touch_wakes_followers_at_once(
    log: FileLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_followers, "WATCH_SECONDS", 10 * DEADLINE_SECONDS)
    end = asyncio.Event()
    log.say("Starting.")
    stream = log.follow(ended=end)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    with log.path.open("ab") as file:
        file.write(b"more")
    threading.Thread(target=log.touch).start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await waiting == b"more"
    await stream.aclose()


async def test_followers_that_left_leave_nothing_running(log: FileLog) -> None:
    log.append(b"x")
    tasks_before = asyncio.all_tasks()
    streams = [log.follow(ended=asyncio.Event()) for _ in range(5)]
    for stream in streams:
        await anext(stream)
    for stream in streams:
        await stream.aclose()
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks_before
    log.append(b"y")
    assert await read(log.follow(ended=ended())) == b"xy"


async def test_a_cancelled_follower_does_not_disturb_the_others(log: FileLog) -> None:
    end = asyncio.Event()
    gone = asyncio.create_task(read(log.follow(ended=end)))
    stays = asyncio.create_task(read(log.follow(ended=end)))
    log.append(b"one ")
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    log.append(b"two")
    end.set()
    assert await stays == b"one two"


def test_a_log_may_be_followed_in_one_event_loop_after_another(log: FileLog) -> None:
    log.append(b"x")
    for _ in range(2):
        assert asyncio.run(_followed(log)) == b"x"


async def _followed(log: FileLog) -> bytes:
    return await read(log.follow(ended=ended()))


async def test_many_followers_of_a_busy_log_are_served(log: FileLog) -> None:
    end = asyncio.Event()
    followers = [asyncio.create_task(read(log.follow(ended=end))) for _ in range(200)]

    def write() -> None:
        for number in range(300):
            log.append(b"%06d\n" % number)

    await asyncio.to_thread(write)
    end.set()
    expected = b"".join(b"%06d\n" % number for number in range(300))
    assert set(await asyncio.gather(*followers)) == {expected}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(st.one_of(st.binary(min_size=1, max_size=200), st.just(None)), max_size=30),
    offset=st.integers(0, 300),
)
def test_any_order_of_writing_and_reading_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | None], offset: int
) -> None:
    log = FileLog(tmp_path_factory.mktemp("log") / "job.log")

    async def run() -> tuple[bytes, bytes]:
        end = asyncio.Event()
        following = asyncio.create_task(read(log.follow(offset, ended=end)))
        written = b""
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            else:
                log.append(step)
                written += step
        end.set()
        return written, await following

    written, got = asyncio.run(run())
    assert got == written[offset:]


def test_everybody_who_asks_for_a_log_gets_the_same(tmp_path: Path) -> None:
    logs = Logs(Home(tmp_path), limit_bytes=100)
    log = logs.of("job")
    assert logs.of("job") is log
    assert logs.of("other") is not log
    assert log.path == tmp_path / "job_data" / "archive" / "job" / "job.log"
    log.begin_output()
    log.append(b"x" * 200)
    assert log.begin_output() == 100


def test_a_log_that_nobody_uses_is_let_go(tmp_path: Path) -> None:
    logs = Logs(Home(tmp_path))
    logs.of("job").append(b"x")
    gc.collect()
    assert len(logs._logs) == 0
    assert logs.of("job").size_bytes == 1


# Further attempts.


def test_a_further_attempt_goes_on_in_the_same_file_and_counts_its_own_output(log: FileLog) -> None:
    log.say("Starting.")
    log.begin_output()
    log.append(b"no newline at its end")
    log.begin_attempt(2, "Attempt 2.")
    assert log.begin_output() == 0
    log.say("Pulling the image.")
    log.append(b"more\n")
    assert FileLog(log.path).begin_output() == 5
    log.begin_attempt(3, "Attempt 3.")
    assert log.path.read_text() == (
        "Starting.\nno newline at its end\nAttempt 2.\nPulling the image.\nmore\nAttempt 3.\n"
    )


def test_an_attempt_is_begun_once_also_after_a_restart(log: FileLog) -> None:
    log.begin_attempt(2, "Attempt 2.")
    log.append(b"output\n")
    for again in (log, FileLog(log.path)):
        again.begin_attempt(2, "Attempt 2.")
        assert again.begin_output() == 7
    assert log.path.read_text() == "Attempt 2.\noutput\n"


def test_each_attempt_has_the_whole_limit(tmp_path: Path) -> None:
    log = FileLog(tmp_path / "job.log", limit_bytes=4)
    log.begin_output()
    log.append(b"12345")
    log.begin_attempt(2, "Attempt 2.")
    log.append(b"1234")
    assert log.begin_output() == 4
    assert log.path.read_text().endswith("bytes of the output are kept.]\nAttempt 2.\n1234")
