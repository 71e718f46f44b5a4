"""The verbs for connections to ports of jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from atlas_scheduler.execs import Running
from atlas_scheduler.writing import Writing
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
        self.tunnels.end_unless_on(job, (await self.load(job.job_id)).job)
        return TunnelView(tunnel_id=tunnel.exec_id, job_id=job.job_id, port=port)

    def read_tunnel(self, tunnel_id: str, offset: int) -> AsyncIterator[bytes]:
        """Yield what the job sends from a byte on, to its end (`foundations.exec_frames`)."""
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
