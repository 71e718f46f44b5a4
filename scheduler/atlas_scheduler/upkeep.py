"""What the scheduler does about its disk by itself."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

from atlas_scheduler.writing import Writing
from foundations.errors import StorageFull


class Upkeep(Writing):
    """Nothing here is asked for by anybody."""

    _is_told_short = False

    async def spare_space(self) -> None:
        """Make some space on a full disk, so that it can be recorded how a job ended.

        Only a job that has ended can be deleted, and it may be the one that filled the disk.
        """
        with contextlib.suppress(OSError):  # what cannot be given up is not
            if self.ballast is not None and await asyncio.to_thread(self.ballast.spare):
                await self._database.tidy_log()

    async def watch_disk(self) -> None:
        """See whether there is space to start jobs, and tell where that has changed."""
        shortage = await asyncio.to_thread(self.disk_guard.look, self.engine.places)
        if shortage is None and self.ballast is not None:
            await asyncio.to_thread(self.ballast.lay)
        if (shortage is not None) == self._is_told_short:
            return
        self._is_told_short = shortage is not None

        def step(conn: sqlite3.Connection) -> None:
            if shortage is None:
                self._append_for_queue(conn, "DiskFreed", None, {})
            else:
                self._append_for_queue(conn, "DiskNearlyFull", None, {"reason": shortage.reason})

        # On a disk that is full to the last byte there is no room for the history of it.
        with contextlib.suppress(StorageFull):
            await self._database.write(step)
        self._wake()
