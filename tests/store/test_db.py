"""Writers and readers of one database."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from atlas_scheduler.store import meta, schema
from atlas_scheduler.store.db import READERS, Database, DatabaseBusy, Work
from tests.store.writes import DEADLINE_SECONDS, Gate, keys, put, queue_up

pytestmark = pytest.mark.anyio


def failing(error: Exception, *, key: str) -> Work[None]:
    """A write that fails after it has changed something."""

    def work(conn: sqlite3.Connection) -> None:
        meta.set_setting(conn, key, "must not be seen")
        raise error

    return work


# Group commit.


async def test_a_write_returns_what_its_function_returns(database: Database) -> None:
    assert re.fullmatch(r"[0-9a-f]{8}", await database.write(meta.instance_id))


async def test_writes_that_wait_together_share_one_commit(database: Database) -> None:
    statements: list[str] = []
    await database.write(lambda conn: conn.set_trace_callback(statements.append))
    statements.clear()
    gate = Gate()
    held = await gate.hold(database)
    waiting = queue_up(database, *(put(f"{number:02}") for number in range(50)))
    gate.leave.set()
    await asyncio.gather(held, *waiting)
    await database.write(lambda conn: conn.set_trace_callback(None))
    assert statements.count("COMMIT") == 2
    assert len(await database.read(keys)) == 50


async def test_a_failing_write_undoes_its_own_changes_and_no_others(database: Database) -> None:
    gate = Gate()
    held = await gate.hold(database)
    first, second, third, fourth = queue_up(
        database,
        put("before"),
        failing(ValueError("mine"), key="lost"),
        lambda conn: conn.execute("INSERT INTO settings VALUES ('bad', 'no JSON')"),
        put("after"),
    )
    gate.leave.set()
    await asyncio.gather(held, first, fourth)
    with pytest.raises(ValueError, match="mine"):
        await second
    with pytest.raises(sqlite3.IntegrityError):
        await third
    assert await database.read(keys) == ["after", "before"]


async def test_the_first_of_a_batch_may_fail_too(database: Database) -> None:
    gate = Gate()
    held = await gate.hold(database)
    first, second = queue_up(database, failing(ValueError("mine"), key="lost"), put("after"))
    gate.leave.set()
    await asyncio.gather(held, second)
    with pytest.raises(ValueError, match="mine"):
        await first
    assert await database.read(keys) == ["after"]


async def test_a_large_write_shares_its_commit_with_nobody_and_keeps_its_turn(
    database: Database,
) -> None:
    statements: list[str] = []
    await database.write(lambda conn: conn.set_trace_callback(statements.append))
    gate = Gate()
    held = await gate.hold(database)
    before = queue_up(database, put("a"), put("b"))
    large = database.write(put("c"), is_large=True)
    after = queue_up(database, put("d"), put("e"))
    statements.clear()
    gate.leave.set()
    await asyncio.gather(held, *before, large, *after)
    await database.write(lambda conn: conn.set_trace_callback(None))
    told = [one.split()[0] for one in statements]
    share = ["BEGIN", "INSERT", "SAVEPOINT", "INSERT", "RELEASE", "COMMIT"]
    assert told[told.index("COMMIT") + 1 :][: 2 * len(share) + 3] == [
        *share,
        *("BEGIN", "INSERT", "COMMIT"),
        *share,
    ]


async def test_when_the_commit_fails_all_who_share_it_learn_it(database: Database) -> None:
    def orphan(conn: sqlite3.Connection) -> None:
        conn.execute("PRAGMA defer_foreign_keys = ON")
        conn.execute("INSERT INTO tags VALUES (1, 'tag of', 'no job')")

    gate = Gate()
    held = await gate.hold(database)
    tasks = queue_up(database, put("a"), orphan, put("b"))
    gate.leave.set()
    await held
    for task in tasks:
        with pytest.raises(sqlite3.IntegrityError):
            await task
    await database.write(put("later"))
    assert await database.read(keys) == ["later"]


async def test_a_function_may_raise_anything(database: Database) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(failing(StopIteration(), key="a"))
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.read(lambda conn: next(iter(())))
    await database.write(put("fine"))
    assert await database.read(keys) == ["fine"]


async def test_what_waits_at_closing_is_still_done_and_later_calls_are_refused(
    tmp_path: Path,
) -> None:
    database = await Database.open(tmp_path / "scheduler.db")
    gate = Gate()
    held = await gate.hold(database)
    (waiting,) = queue_up(database, put("a"))
    closing_down = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closed"):
        await database.write(put("b"))
    with pytest.raises(RuntimeError, match="closed"):
        await database.read(keys)
    gate.leave.set()
    await asyncio.gather(held, waiting, closing_down)
    async with await Database.open(database.path) as again:
        assert await again.read(keys) == ["a"]


# Callers that go away.


async def test_a_cancelled_write_leaves_its_neighbours_alone(database: Database) -> None:
    gate = Gate()
    held = await gate.hold(database)
    tasks = queue_up(database, put("a"), put("gone"), put("b"))
    tasks[1].cancel()
    held.cancel()
    gate.leave.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert await database.read(keys) == ["a", "b"]


async def test_a_storm_of_cancelled_writes_leaves_whole_writes_and_a_usable_database(
    database: Database,
) -> None:
    chance = random.Random(7)

    def pair(number: int) -> Work[None]:
        def work(conn: sqlite3.Connection) -> None:
            meta.set_setting(conn, f"{number:03}/left", 1)
            meta.set_setting(conn, f"{number:03}/right", 1)
            if number % 10 == 3:
                raise ValueError

        return work

    async def impatient(number: int) -> bool:
        """Whether the caller was told that its write is done."""
        try:
            async with asyncio.timeout(chance.choice((None, 0, 0.001, 0.01))):
                await database.write(pair(number))
        except (TimeoutError, ValueError):
            return False
        return True

    done = await asyncio.gather(*(impatient(number) for number in range(400)))
    stored = await database.read(keys)
    lefts, rights = (
        [key[:3] for key in stored if key.endswith(side)] for side in ("left", "right")
    )
    assert lefts == rights
    assert {f"{number:03}" for number in range(400) if done[number]} <= set(lefts)
    assert not [number for number in lefts if int(number) % 10 == 3]
    await database.write(put("usable"))


async def test_callers_are_let_go_when_the_event_loop_takes_the_writing_away(
    database: Database,
) -> None:
    before = asyncio.all_tasks()
    gate = Gate()
    held = await gate.hold(database)
    (waiting,) = queue_up(database, put("gone"))
    (flusher,) = asyncio.all_tasks() - before
    flusher.cancel()
    for task in (held, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task
    gate.leave.set()
    await database.write(put("later"))
    assert await database.read(keys) == ["later"]


# Reads.


async def test_reads_go_on_while_a_write_takes_its_time(database: Database) -> None:
    await database.write(put("before"))
    gate = Gate()
    held = await gate.hold(database)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await database.read(keys) == ["before"]
    gate.leave.set()
    await held


async def test_a_read_sees_one_moment(database: Database) -> None:
    looked, written = threading.Event(), threading.Event()

    def twice(conn: sqlite3.Connection) -> tuple[list[str], list[str]]:
        first = keys(conn)
        looked.set()
        assert written.wait(DEADLINE_SECONDS)
        return first, keys(conn)

    reading = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(looked.wait, DEADLINE_SECONDS)
    await database.write(put("new"))
    written.set()
    assert await reading == ([], [])
    assert await database.read(keys) == ["new"]


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(put("a"))


async def test_a_cancelled_read_ends_its_query_and_frees_its_connection(
    database: Database,
) -> None:
    started = threading.Event()

    def endless(conn: sqlite3.Connection) -> None:
        started.set()
        conn.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        ).fetchone()

    for _ in range(READERS + 1):
        started.clear()
        reading = asyncio.create_task(database.read(endless))
        await asyncio.to_thread(started.wait, DEADLINE_SECONDS)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await database.read(keys) == []


async def test_a_cancelled_read_that_does_not_end_yet_holds_up_no_other(
    database: Database,
) -> None:
    gate = Gate()
    reading = asyncio.create_task(database.read(gate))
    await asyncio.to_thread(gate.entered.wait, DEADLINE_SECONDS)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    async with asyncio.timeout(DEADLINE_SECONDS):
        for _ in range(READERS + 1):
            assert await database.read(keys) == []
    gate.leave.set()


# Other programs.


async def test_a_file_that_another_program_locks_is_busy_and_then_usable(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    async with await Database.open(path, busy_timeout_ms=20) as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusy, match="locked the database"):
                await database.write(put("a"))
            assert await database.read(keys) == []
            other.execute("ROLLBACK")
        await database.write(put("b"))
        assert await database.read(keys) == ["b"]


async def test_a_file_that_another_program_locks_cannot_be_opened_yet(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseBusy):
            await Database.open(path, busy_timeout_ms=20)
    async with await Database.open(path):
        pass
