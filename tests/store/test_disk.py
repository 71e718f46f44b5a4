"""Disks that are full, and writers that die."""

from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import pytest

from atlas_scheduler.store import faults, schema, sql
from atlas_scheduler.store.db import Database, Work
from foundations.errors import StorageFull
from tests.store.samples import next_step
from tests.store.writes import Gate, keys, put, queue_up

pytestmark = pytest.mark.anyio


async def test_a_full_database_refuses_writes_and_answers_reads(database: Database) -> None:
    def limit_pages(more: int) -> Work[None]:
        def work(conn: sqlite3.Connection) -> None:
            pages = conn.execute("PRAGMA page_count").fetchone()[0]
            conn.execute(f"PRAGMA max_page_count = {pages + more}")

        return work

    await database.write(put("before"))
    await database.write(limit_pages(3))
    gate = Gate()
    held = await gate.hold(database)
    tasks = queue_up(database, put("small"), put("large", "x" * 100_000), put("after"))
    gate.leave.set()
    await held
    for task in tasks:
        with pytest.raises(StorageFull, match=r"No space is left .* can still be read"):
            await task
    assert await database.read(keys) == ["before"]
    await database.write(limit_pages(1_000))
    await database.write(put("large", "x" * 100_000))
    assert await database.read(keys) == ["before", "large"]


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


async def test_a_full_disk_refuses_writes_and_the_same_database_goes_on_when_it_is_freed(
    small_disk: Path,
) -> None:
    ballast = small_disk / "ballast"
    numbers = count()
    acknowledged: list[str] = []

    async def write_on() -> None:
        for number in numbers:
            await database.write(put(f"{number:05}", "x" * 5_000))
            acknowledged.append(f"{number:05}")

    async with await Database.open(small_disk / "scheduler.db") as database:
        for _ in range(3):
            fill(ballast)
            with pytest.raises(StorageFull, match=re.escape(str(small_disk))):
                await write_on()
            assert await database.read(keys) == acknowledged
            ballast.unlink()
            await database.write(put(f"{next(numbers):05}"))
            acknowledged[:] = await database.read(keys)
    with closing(sqlite3.connect(small_disk / "scheduler.db")) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_upgrade_without_space_for_its_backup_changes_nothing(small_disk: Path) -> None:
    path = small_disk / "scheduler.db"
    schema.prepare(path)
    before = path.read_bytes()
    steps = [*sql.migrations(), next_step("CREATE TABLE more (x TEXT)")]
    fill(small_disk / "ballast")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        schema.prepare(path, steps)
    assert path.read_bytes() == before
    (small_disk / "ballast").unlink()
    assert [file.name for file in small_disk.iterdir()] == ["scheduler.db"]
    schema.prepare(path, steps)


def test_a_failed_write_means_a_full_disk_only_where_the_disk_is_full(small_disk: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    path = small_disk / "scheduler.db"
    assert faults.translate(error, path) is error
    fill(small_disk / "ballast")
    assert isinstance(faults.translate(error, path), StorageFull)


WRITER = """
import asyncio, os, sys
from pathlib import Path
from atlas_scheduler.store import meta
from atlas_scheduler.store.db import Database

async def main(path, first):
    database = await Database.open(path)
    async def write_on(number):
        while True:
            await database.write(lambda conn: meta.set_setting(conn, f"{number:08}", number))
            os.write(1, b"%08d\\n" % number)
            number += 8
    await asyncio.gather(*(write_on(first + lane) for lane in range(8)))

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    chance = random.Random(11)
    path = tmp_path / "scheduler.db"
    acknowledged: set[str] = set()
    for cycle in range(20):
        command = [sys.executable, "-c", WRITER, str(path), str(cycle * 100_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            try:
                for _ in range(chance.randrange(1, 100)):
                    acknowledged.add(writer.stdout.readline().decode().strip())
            finally:
                writer.kill()
            acknowledged.update(writer.stdout.read().decode().split())
    assert "" not in acknowledged, "a writer ended by itself"
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory = sqlite3.Row
        assert acknowledged <= set(keys(conn))
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
