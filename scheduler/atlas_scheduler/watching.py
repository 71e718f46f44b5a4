"""What whoever watches over a server asks: its measurements, and whether it can do its work."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from atlas_scheduler.store import history, jobs, meta
from atlas_scheduler.telemetry import Standing
from atlas_scheduler.writing import Writing
from foundations.errors import AtlasError
from foundations.models import ReadinessView

PROBE_SECONDS = 5.0
"""A write that takes longer has failed; and for so long the answer of one holds."""


class Watching(Writing):
    """Measurements and readiness."""

    _probed: tuple[float, bool] | None = None
    """When the database was written to, and whether it could be."""
    _probing: asyncio.Task[bool] | None = None

    async def measurements(self) -> str:
        """Everything that is measured, in the text format of Prometheus."""
        states, holding = await self._database.read(
            lambda conn: (jobs.count_by_state(conn), jobs.holding(conn))
        )
        tightest = self.disk_guard.tightest
        return self.telemetry.text(
            Standing(
                states=states,
                slots=len(holding),
                gpus=len(self.engine.gpus),
                gpus_in_use=sum(job.num_gpus for job in holding),
                engine=self.engine.name,
                engine_answers=self.engine.problem is None,
                free_bytes=None if tightest is None else tightest.space.free_bytes,
            )
        )

    async def readiness(self) -> ReadinessView:
        """Whether jobs are taken in, and whether they can be run."""
        is_writable = await self._can_write()
        return ReadinessView(
            ready=is_writable, database=is_writable, engine=self.engine.problem is None
        )

    async def _can_write(self) -> bool:
        """Try a write: one for all who ask within some seconds, for anybody may ask."""
        clock = asyncio.get_running_loop().time
        if self._probed is not None and clock() - self._probed[0] < PROBE_SECONDS:
            return self._probed[1]
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe())
            self._writes.add(self._probing)
            self._probing.add_done_callback(self._writes.discard)
        return await asyncio.shield(self._probing)

    async def _probe(self) -> bool:
        is_writable = False
        with suppress(AtlasError, TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                await self._database.write(
                    lambda conn: meta.set_setting(conn, "probed_after", history.last_seq(conn))
                )
            is_writable = True
        self._probed = (asyncio.get_running_loop().time(), is_writable)
        self._probing = None
        return is_writable
