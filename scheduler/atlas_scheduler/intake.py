"""Brings what jobs record (`$ATLAS_EVENTS`) into the database, exactly once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass

from atlas_scheduler.store import jobs, records
from atlas_scheduler.store.archives import EVENTS
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.files import open_file_below
from atlas_scheduler.store.work_dirs import RECORDS
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

    async def tail(self, job_id: str) -> None:
        """Take in what the job records until cancelled."""
        while True:
            await self.drain(job_id)
            await asyncio.sleep(POLL_SECONDS)

    async def drain(self, job_id: str) -> None:
        """Take in every whole line that is there now."""
        while await self._take(job_id):
            pass

    async def _take(self, job_id: str) -> bool:
        """Take in one batch. Returns whether there may be more."""
        offset = await self._database.read(lambda conn: jobs.load(conn, job_id).records_offset)
        batch = await asyncio.to_thread(self._parse, job_id, offset)
        if batch.end == offset:
            return False

        def step(conn: sqlite3.Connection) -> None:
            found = batch.parsed
            if records.ingest(conn, job_id, found.records, offset=offset, new_offset=batch.end):
                records.count_skipped(conn, job_id, found.bad_lines)

        await self._database.write(step)
        self._on_records(job_id)
        return batch.is_full

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
