"""Brings what jobs record (`$ATLAS_EVENTS`) into the database, exactly once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from atlas_scheduler.store import jobs, records
from atlas_scheduler.store.archives import EVENTS
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.files import open_file_below
from atlas_scheduler.store.work_dirs import RECORDS
from foundations.errors import AtlasError
from foundations.home import Home

POLL_SECONDS = 0.25
"""How often the event file of a running job is looked at; a look is one `stat`."""
BATCH_BYTES = 4 << 20
"""Most that is read and written to the database at once."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some of what a job recorded."""

    parsed: records.Parsed
    end: int
    """Where in the file (bytes) it ends."""
    is_full: bool
    """Whether there may be more behind it."""


class Intake:
    """Reads event files from the offset that the database keeps."""

    def __init__(
        self,
        database: Database,
        home: Home,
        *,
        on_records: Callable[[str], None] = lambda job_id: None,
    ) -> None:
        """Prepare to read; `on_records` is told each job of which records were taken in."""
        self._database = database
        self._home = home
        self._on_records = on_records

    async def tail(self, job_id: str, *, ended: asyncio.Event) -> None:
        """Take in what the job records until it has `ended`, and then what is left."""
        offset: int | None = None
        while not ended.is_set():
            try:
                offset = await self._drain(job_id, offset)
            except AtlasError:
                offset = None  # a full disk may pass; the end tells of one that does not
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await ended.wait()
        await self._drain(job_id, offset)

    async def drain(self, job_id: str) -> None:
        """Take in every whole line that is there now."""
        await self._drain(job_id, None)

    async def _drain(self, job_id: str, offset: int | None) -> int:
        """Take in every whole line from an offset on (the database's without one).

        Returns:
            The offset behind the last one.
        """
        while True:
            if offset is None:
                offset = await self._database.read(partial(_offset, job_id=job_id))
            batch = await asyncio.to_thread(self._parse, job_id, offset)
            if batch.end == offset:
                return offset
            offset = await self._take(job_id, offset, batch)
            if offset is not None and not batch.is_full:
                return offset

    async def _take(self, job_id: str, offset: int, batch: _Batch) -> int | None:
        """Take in one batch. Returns the offset behind it; None when others were quicker."""

        def step(conn: sqlite3.Connection) -> bool:
            found = batch.parsed
            is_new = records.ingest(
                conn, job_id, found.records, offset=offset, new_offset=batch.end
            )
            if is_new:
                records.count_skipped(conn, job_id, found.bad_lines)
            return is_new

        is_new = await self._database.write(step)
        self._on_records(job_id)
        return batch.end if is_new else None

    def _parse(self, job_id: str, offset: int) -> _Batch:
        data = self._read(job_id, offset)
        is_full = len(data) == BATCH_BYTES
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and is_full:
            # A line larger than a batch: its end will be a bad line, and counts as one.
            return _Batch(records.Parsed([]), offset + len(data), is_full=True)
        return _Batch(records.parse_lines(whole), offset + len(whole), is_full=is_full)

    def _read(self, job_id: str, offset: int) -> bytes:
        try:
            descriptor = open_file_below(self._home.job_dir(job_id), (RECORDS, EVENTS))
        except OSError:
            return b""  # not there yet, or the job put something else in its place
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return b""
            return os.pread(descriptor, BATCH_BYTES, offset)
        finally:
            os.close(descriptor)


def _offset(conn: sqlite3.Connection, *, job_id: str) -> int:
    """Up to where (bytes) the event file of a job is taken in."""
    return jobs.load(conn, job_id).records_offset
