"""Figure: what it costs to know when a log was written: taking it in, and asking for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from atlas_scheduler.core import time_index
from atlas_scheduler.core.time_index import ENTRY_BYTES, MOST_BYTES, TimeIndex
from atlas_scheduler.engine.frames import Entry, FrameSplitter, LineMender, mend_timed
from atlas_scheduler.store.log_times import times_of
from atlas_scheduler.store.logs import FileLog
from bench import rig
from bench.measure import Figure, Peer, Plan, Result, timed
from foundations.logs.times import TimeMarks
from foundations.models import LogTimesRange

LINES_A_SECOND = 50_000
ASKED_MS = 30.0
_PIECE_BYTES = 64 * 1024
_BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)
_LINE = b"%09d epoch 3 loss 0.123456 accuracy 0.987654 learning rate 0.001 images a second 1234 x\n"


def run(plan: Plan) -> Result:
    """Take seconds of a container's output in, with times and without, in turns; then ask."""
    with rig.workspace() as root:
        pieces = list(_output(seconds=plan.count(10, 4)))
        with_times: list[float] = []
        without: list[float] = []
        for number in range(plan.count(9, 5)):
            without.append(_cost(pieces, _plain(root / f"plain-{number}.log")))
            with_times.append(_cost(pieces, _timed(root / f"timed-{number}.log")))
        asked = _asked(root, plan.count(50, 10))
    rate = f"{LINES_A_SECOND:,} lines/s of a container"
    taken = Figure(
        f"log_times: {rate}, processor to take them in",
        with_times,
        unit="%",
        peer=Peer("without times", without),
    )
    return Result(
        [taken, Figure("log_times: a part of a full index", asked, target=ASKED_MS)],
        ["log_times: splitting Docker's stream, mending lines and writing the log, on one core."],
    )


def _output(*, seconds: int) -> Iterator[list[bytes]]:
    """What Docker's log of a container says, second by second, in pieces as they come."""
    for second in range(seconds):
        frames = []
        for number in range(LINES_A_SECOND):
            at = _BEGAN + timedelta(seconds=second, microseconds=number * 20)
            stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}000Z".encode()
            payload = stamp + b" " + _LINE % (second * LINES_A_SECOND + number)
            frames.append(b"\x01\0\0\0" + len(payload).to_bytes(4, "big") + payload)
        stream = b"".join(frames)
        yield [
            stream[begin : begin + _PIECE_BYTES] for begin in range(0, len(stream), _PIECE_BYTES)
        ]


Keep = Callable[[Sequence[Entry]], None]


def _plain(path: Path) -> Keep:
    lines = LineMender()

    def keep(entries: Sequence[Entry]) -> None:
        data = lines.mend(entries)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.write(descriptor, data)
        os.close(descriptor)

    return keep


def _timed(path: Path) -> Keep:
    lines, log = LineMender(), FileLog(path)

    def keep(entries: Sequence[Entry]) -> None:
        log.append(*mend_timed(lines, entries))

    return keep


def _cost(seconds: Sequence[Sequence[bytes]], keep: Keep) -> float:
    """Processor time for what comes in a second, as a part of that second (%)."""
    splitter = FrameSplitter()
    began = time.process_time()
    for pieces in seconds:
        for piece in pieces:
            keep(splitter.feed(piece))
    return (time.process_time() - began) / len(seconds) * 100


def _asked(root: Path, count: int) -> list[float]:
    """Milliseconds to answer when a screen of lines was written, of a log with all its marks."""
    most = MOST_BYTES // ENTRY_BYTES - 1
    log = FileLog(root / "full" / "job.log")
    log.append(b"x" * most)
    marks = TimeMarks(range(most), range(0, most * 100, 100))
    index = TimeIndex(time_index.RESOLUTION_MS, marks)
    log.path.with_name("job.log.times").write_bytes(time_index.encode(index))
    samples: list[float] = []
    for number in range(count):
        part = LogTimesRange(offset=number * most // count, end=number * most // count + 50)
        with timed(samples):
            size_bytes, found = log.times()
            answer = times_of(part, found, job_id="", size_bytes=size_bytes)
        if len(answer.offsets) not in (49, 50):
            raise RuntimeError(f"{len(answer.offsets)} marks for 50 bytes")
    return samples
