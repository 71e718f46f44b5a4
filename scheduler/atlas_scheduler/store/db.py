"""The database: one writer whose waiting writes share a commit, and readers beside it.

Every write and every read is a whole function that runs on the thread of a connection, so that no
transaction spans an await: a cancelled caller leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import aiosqlite

from atlas_scheduler.store import queue_places, regexp, schema
from atlas_scheduler.store.faults import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseCorrupt,
    DatabaseTooNew,
    translate,
)
from atlas_scheduler.store.transaction import Done, Undone, Work, read_once, write_all
from foundations.errors import ConfigError

__all__ = [
    "Database",
    "DatabaseBusy",
    "DatabaseClosed",
    "DatabaseCorrupt",
    "DatabaseTooNew",
    "Work",
]

T = TypeVar("T")

READERS = 2
"""Connections for reads: a slow one leaves another free."""
BATCH_LIMIT = 256
"""Most writes that share a commit: bounds how long the first of them waits."""
LOG_LIMIT_BYTES = 64 << 20
"""The write-ahead log is cut back to this after it was larger."""
CHECKPOINT_PAGES = 4_000
"""At so many pages (16 MiB) the log is brought into the file; more of them are fewer syncs."""
CACHE_KIB = 16 << 10
"""Pages that the writer keeps in memory."""
READER_CACHE_KIB = 48 << 10
"""Pages that a reader keeps in memory: searches among 100,000 jobs come back to as many."""
_FULL = 2


class Database:
    """An open database. `open` makes one.

    `write` and `read` raise what their function raises, except that errors of SQLite which a user
    can act on come as `foundations.errors.StorageFull`, `DatabaseBusy` or `DatabaseCorrupt`.
    """

    def __init__(self, path: Path, writer: _Link, readers: Sequence[_Link]) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers
        self._idle: asyncio.Queue[_Link] = asyncio.Queue()
        for reader in readers:
            self._idle.put_nowait(reader)
        self._pending: list[_Write[Any]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_ms: int = schema.BUSY_TIMEOUT_MS) -> Self:
        """Open the database, making or upgrading it first where needed.

        An upgrade keeps a copy of the file as it was, `<path>.backup-v<old version>`.

        Raises:
            ConfigError: the SQLite library or the file system cannot hold it.
            DatabaseBusy: another program holds it locked.
            DatabaseCorrupt: the file is damaged or something else; it is left as it is.
            DatabaseTooNew: a newer Atlas wrote it; it is left as it is.
            StorageFull: there is no space to make or upgrade it.
        """
        links: list[_Link] = []
        try:
            await asyncio.to_thread(schema.prepare, path, busy_timeout_ms=busy_timeout_ms)
            for set_up in (_set_up_writer, *[_set_up_reader] * READERS):
                link = await _Link.open(partial(_connect, set_up, path, busy_timeout_ms))
                links.append(link)
        except BaseException as error:
            for link in reversed(links):
                await link.close()
            if isinstance(error, sqlite3.Error):
                raise translate(error, path) from error
            raise
        return cls(path, links[0], links[1:])

    def write(self, work: Work[T], *, is_large: bool = False) -> asyncio.Future[T]:
        """Run `work` in a transaction; its result comes when that is durable.

        Writes run in the order of the calls, and those that wait together share one commit. An
        exception undoes what its own `work` did and nothing else. When the commit itself fails, all
        who shared it get its error.

        Args:
            work: reads and writes rows.
            is_large: whether it may write thousands of rows; it shares its commit with nobody.
        """
        self._require_open()
        # What is written says who asked for it, which the context of this task knows.
        context = copy_context()
        write = _Write(
            lambda conn: context.run(work, conn),
            asyncio.get_running_loop().create_future(),
            is_large=is_large,
        )
        self._pending.append(write)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return write.future

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot of the database and return its result.

        Never waits for writes. A cancelled caller ends the query that runs for it.
        """
        self._require_open()
        reader = await self._idle.get()
        abandoned = threading.Event()
        running = asyncio.ensure_future(reader.run(partial(read_once, work, abandoned)))
        running.add_done_callback(partial(self._release, reader))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            abandoned.set()
            raise
        except sqlite3.Error as error:
            raise translate(error, self.path) from error

    async def tidy_log(self) -> None:
        """Bring the write-ahead log into the file, so that later writes use its space again.

        What of it is not possible now, for want of space or because somebody reads, is left.
        """
        self._require_open()
        with suppress(sqlite3.Error):
            await self._writer.run(lambda conn: conn.execute("PRAGMA wal_checkpoint").fetchall())

    async def close(self) -> None:
        """Finish the writes and reads that wait, then close the file. May be repeated."""
        if self._closed:
            return
        self._closed = True
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        for _ in self._readers:
            await (await self._idle.get()).close()
        # The last to close brings the write-ahead log into the file.
        await self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise DatabaseClosed("the database is closed")

    def _release(self, reader: _Link, done: asyncio.Future[Any]) -> None:
        if not done.cancelled():
            done.exception()  # whoever asked may be gone; then nobody else would look at it
        self._idle.put_nowait(reader)

    async def _flush(self) -> None:
        """Run what waits, batch by batch, until nothing does."""
        while self._pending:
            count = _batch_length(self._pending)
            batch, self._pending = self._pending[:count], self._pending[count:]
            batch = [write for write in batch if not write.future.cancelled()]
            if not batch:
                continue
            try:
                outcomes = await self._writer.run(
                    partial(write_all, [write.work for write in batch])
                )
            except BaseException:  # the event loop ends
                for write in batch + self._pending:
                    write.future.cancel()
                raise
            for write, outcome in zip(batch, outcomes, strict=True):
                write.settle(outcome, self.path)


class _Link:
    """A connection of SQLite with the thread that it lives on."""

    def __init__(self, shell: aiosqlite.Connection, conn: sqlite3.Connection) -> None:
        self._shell = shell
        self._conn = conn

    @classmethod
    async def open(cls, connect: Callable[[], sqlite3.Connection]) -> Self:
        shell = await aiosqlite.Connection(connect, iter_chunk_size=64)
        return cls(shell, shell._conn)

    async def run(self, work: Work[T]) -> T:
        """Run `work` on the thread; it runs to its end even when the caller is cancelled."""
        # aiosqlite has no public call that runs a function: the release is pinned for this one.
        result: T = await self._shell._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result

    async def close(self) -> None:
        await self._shell.close()


class _Write(Generic[T]):
    """A write that waits, and whom to tell."""

    __slots__ = ("future", "is_large", "work")

    def __init__(self, work: Work[T], future: asyncio.Future[T], *, is_large: bool) -> None:
        self.work = work
        self.future = future
        self.is_large = is_large

    def settle(self, outcome: Done[T] | Undone, path: Path) -> None:
        """Tell the caller, if there still is one."""
        if self.future.done():
            return
        if isinstance(outcome, Done):
            self.future.set_result(outcome.value)
        else:
            self.future.set_exception(translate(outcome.error, path))


def _batch_length(pending: Sequence[_Write[Any]]) -> int:
    """How many of the writes that wait go into the next commit; at least one."""
    large = (place for place, write in enumerate(pending[:BATCH_LIMIT]) if write.is_large)
    return max(1, next(large, min(len(pending), BATCH_LIMIT)))


def _connect(
    set_up: Callable[[sqlite3.Connection, Path], None], path: Path, busy_timeout_ms: int
) -> sqlite3.Connection:
    conn = sqlite3.connect(path, timeout=busy_timeout_ms / 1000, isolation_level=None)
    try:
        conn.row_factory = sqlite3.Row
        conn.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        # Sorting must not need space on a disk that is full.
        conn.execute("PRAGMA temp_store = MEMORY")
        regexp.install(conn)
        queue_places.install(conn)
        set_up(conn, path)
    except BaseException:
        conn.close()
        raise
    return conn


def _set_up_writer(conn: sqlite3.Connection, path: Path) -> None:
    journal = conn.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    conn.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT_BYTES}")
    synchronous = conn.execute("PRAGMA synchronous").fetchone()[0]
    if journal != "wal" or synchronous != _FULL:
        raise ConfigError(
            f"The file system of {path} cannot hold a database with a synced write-ahead log "
            f"(journal_mode {journal}, synchronous {synchronous}). Set FOUNDATIONS_HOME to a "
            "directory on a local disk."
        )


def _set_up_reader(conn: sqlite3.Connection, path: Path) -> None:
    conn.execute("PRAGMA query_only = ON")
    conn.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
