"""What jobs record comes into the database once, however much there is at a time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TypeVar

import pytest

from atlas_scheduler import intake
from atlas_scheduler.intake import Intake
from atlas_scheduler.store import jobs, records
from atlas_scheduler.store.db import Database, Work
from foundations.errors import StorageFull
from foundations.home import Home
from tests.store.samples import new_job
from tests.store.series_points import points_of

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class FullFor(Database):
    """A database whose disk is full for so many writes."""

    def __init__(self, writes: int, whole: Database) -> None:
        self._left = writes
        self._whole = whole
        self.refused = asyncio.Event()

    async def read(self, work: Work[T]) -> T:
        return await self._whole.read(work)

    def write(self, work: Work[T], *, is_large: bool = False) -> asyncio.Future[T]:
        if not self._left:
            return self._whole.write(work, is_large=is_large)
        self._left -= 1
        self.refused.set()
        refusal: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        refusal.set_exception(StorageFull("no space left on the disk"))
        return refusal


def point(step: int) -> bytes:
    return json.dumps({"event": "metric", "key": "loss", "value": step / 2, "step": step}).encode()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def steps(database: Database, job_id: str) -> list[float | None]:
    found = await database.read(lambda conn: points_of(conn, job_id, "loss"))
    return [one.step for one in found]


async def skipped(database: Database, job_id: str) -> int:
    return await database.read(lambda conn: records.skipped(conn, job_id))


@pytest.fixture
async def job_id(database: Database) -> str:
    stored = new_job()
    await database.write(lambda conn: jobs.insert_job(conn, stored, now_ms=1))
    return stored.job.job_id


@pytest.fixture
def events(tmp_path: Path, job_id: str) -> Path:
    """The event file of the job, not there yet."""
    path = Home(tmp_path).job_dir(job_id) / "records" / "events.jsonl"
    path.parent.mkdir(parents=True)
    return path


async def test_a_file_of_many_batches_is_taken_in_whole_and_once(
    tmp_path: Path, database: Database, job_id: str, events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_BYTES", 256)
    taking = Intake(database, Home(tmp_path))
    await taking.drain(job_id)
    append(events, b"".join(point(step) + b"\n" for step in range(50)))
    for _ in range(2):
        await taking.drain(job_id)
        assert await steps(database, job_id) == [float(step) for step in range(50)]


async def test_a_torn_last_line_waits_for_its_end(
    tmp_path: Path, database: Database, job_id: str, events: Path
) -> None:
    taking = Intake(database, Home(tmp_path))
    append(events, point(0) + b"\n" + point(1)[:9])
    await taking.drain(job_id)
    assert await steps(database, job_id) == [0]
    append(events, point(1)[9:] + b"\n")
    await taking.drain(job_id)
    assert await steps(database, job_id) == [0, 1]


async def test_a_line_larger_than_a_batch_is_passed_over(
    tmp_path: Path, database: Database, job_id: str, events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_BYTES", 256)
    append(events, b"x" * 1_000 + b"\n" + point(7) + b"\n")
    await Intake(database, Home(tmp_path)).drain(job_id)
    assert await steps(database, job_id) == [7]
    assert await skipped(database, job_id) == 1


async def test_lines_that_are_skipped_are_counted_once(
    tmp_path: Path, database: Database, job_id: str, events: Path
) -> None:
    newer = b'{"event":"of a newer version"}\n'
    append(events, b"nonsense\n[1]\n\n" + newer + point(0) + b"\n" + b"torn")
    for _ in range(2):
        await Intake(database, Home(tmp_path)).drain(job_id)
        assert await skipped(database, job_id) == 2
    append(events, b"\n" + point(1) + b"\n")
    await Intake(database, Home(tmp_path)).drain(job_id)
    assert await skipped(database, job_id) == 3
    assert await steps(database, job_id) == [0, 1]


async def test_what_is_written_until_the_end_is_taken_in_by_the_tail(
    tmp_path: Path, database: Database, job_id: str, events: Path
) -> None:
    ended = asyncio.Event()
    told: asyncio.Queue[str] = asyncio.Queue()
    taking = Intake(database, Home(tmp_path), on_records=told.put_nowait)
    append(events, point(0) + b"\n")
    tail = asyncio.create_task(taking.tail(job_id, ended=ended))
    assert await told.get() == job_id
    append(events, point(1) + b"\n")
    ended.set()
    await tail
    assert await steps(database, job_id) == [0, 1]


async def test_a_tail_goes_on_where_others_took_records_in(
    tmp_path: Path, database: Database, job_id: str, events: Path
) -> None:
    ended = asyncio.Event()
    told: asyncio.Queue[str] = asyncio.Queue()
    append(events, point(0) + b"\n")
    taking = Intake(database, Home(tmp_path), on_records=told.put_nowait)
    tail = asyncio.create_task(taking.tail(job_id, ended=ended))
    await told.get()
    append(events, point(1) + b"\n")
    await Intake(database, Home(tmp_path)).drain(job_id)
    append(events, point(2) + b"\n")
    ended.set()
    await tail
    assert await steps(database, job_id) == [0, 1, 2]


async def test_a_tail_outlives_a_disk_that_is_full_for_a_while(
    tmp_path: Path, database: Database, job_id: str, events: Path
) -> None:
    full = FullFor(1, database)
    ended = asyncio.Event()
    append(events, point(0) + b"\n")
    tail = asyncio.create_task(Intake(full, Home(tmp_path)).tail(job_id, ended=ended))
    await full.refused.wait()
    ended.set()
    await tail
    assert await steps(database, job_id) == [0]


async def test_a_disk_that_is_full_at_the_end_is_told_of(
    tmp_path: Path, database: Database, job_id: str, events: Path
) -> None:
    ended = asyncio.Event()
    ended.set()
    append(events, point(0) + b"\n")
    with pytest.raises(StorageFull, match="no space"):
        await Intake(FullFor(1, database), Home(tmp_path)).tail(job_id, ended=ended)
