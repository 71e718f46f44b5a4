"""The verbs for connections to ports of jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator

from atlas_scheduler.core.job import Job
from atlas_scheduler.execs import Running
from atlas_scheduler.store import acting, jobs
from atlas_scheduler.writing import Writing
from foundations.errors import StorageFull
from foundations.models import ExecInput, TunnelView


class Tunnelling(Writing):
    """What these open ends with the job, and with this process of the server."""

    async def open_tunnel(self, ref: str, port: int, *, by: str) -> TunnelView:
        """Connect to a TCP port of a job that runs.

        Raises:
            JobConflict: the job does not run, or nothing in it listens there.
            TooLarge: too many connections are open.
        """
        job = (await self.load(await self.resolve(ref))).job
        self.tunnels.require_room(job)
        tunnel = Running(job.job_id, await self.shell.connect(job, port), by=by)
        self.tunnels.add(tunnel)
        self.tunnels.end_unless_on(job, await self._note_opened(job, port, by))
        return TunnelView(tunnel_id=tunnel.exec_id, job_id=job.job_id, port=port)

    async def _note_opened(self, job: Job, port: int, by: str) -> Job:
        """Tell once who connects to a port of a job: a browser does it a hundred times a page.

        Returns:
            The job as it is by now.
        """
        origin = acting.origin()
        opened = (job.job_id, job.attempt, port, by, *sorted(origin.items()))
        if opened in self.tunnels.told_of:
            return (await self.load(job.job_id)).job
        self.tunnels.told_of.add(opened)

        def note(conn: sqlite3.Connection) -> Job:
            now = jobs.load_job(conn, job.job_id)
            self._append(conn, now, "PortOpened", self._clock_ms(), {"by": by, "port": port})
            return now

        try:
            return await self._durably(self._database.write(note), self._announce)
        except StorageFull:
            self.tunnels.told_of.discard(opened)
            raise

    def read_tunnel(self, tunnel_id: str, offset: int) -> AsyncIterator[bytes]:
        """Yield what the job sends from a byte on, to its end (`foundations.beside.frames`)."""
        return self.tunnels.find(tunnel_id).output(offset)

    async def write_tunnel(self, tunnel_id: str, piece: ExecInput) -> None:
        """Send a piece to the job.

        Raises:
            JobConflict: the job has closed the connection.
        """
        await self.tunnels.find(tunnel_id).give(piece)

    async def close_tunnel(self, tunnel_id: str) -> None:
        """Close a connection, and forget it."""
        await self.tunnels.end(tunnel_id)

    async def close(self) -> None:
        """Close all connections, then what others begin here."""
        await self.tunnels.close()
        await super().close()
