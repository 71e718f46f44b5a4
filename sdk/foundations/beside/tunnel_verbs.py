"""Connections to ports of jobs: what the clients can do with one, blocking and for asyncio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from functools import partial

from foundations.beside.exec_verbs import AsyncExecVerbs, ExecVerbs
from foundations.beside.frames import STDOUT
from foundations.calls import Call
from foundations.calls import tunnels as calls
from foundations.lazy_models import models


def _rest_of(tunnel_id: str, offset: int) -> Call[None]:
    return calls.read_tunnel(tunnel_id, offset=offset)


class TunnelVerbs(ExecVerbs):
    """Blocking; see `Client`."""

    def open_tunnel(self, ref: str, port: int) -> models.TunnelView:
        """Connect to a TCP port of a job that runs.

        Raises:
            JobConflict: the job does not run, or nothing in it listens there.
        """
        return self.send(calls.open_tunnel(ref, port))

    def read_tunnel(self, tunnel_id: str) -> Generator[bytes]:
        """Yield what the job sends, until it closes its direction of the connection.

        A connection to the scheduler that breaks is made again, and nothing is lost by that.
        """
        for kind, data in self._frames(partial(_rest_of, tunnel_id)):
            if kind == STDOUT:
                yield data

    def write_tunnel(self, tunnel_id: str, data: bytes, *, offset: int, end: bool = False) -> None:
        """Send a piece to the job; `offset` is where it lies in all that is sent. May be repeated.

        Raises:
            JobConflict: the job has closed the connection.
        """
        self.send(calls.write_tunnel(tunnel_id, data, offset=offset, end=end))

    def close_tunnel(self, tunnel_id: str) -> None:
        """Close a connection, and forget it."""
        self.send(calls.close_tunnel(tunnel_id))


class AsyncTunnelVerbs(AsyncExecVerbs):
    """For asyncio; see `AsyncClient`."""

    async def open_tunnel(self, ref: str, port: int) -> models.TunnelView:
        """Connect to a TCP port of a job that runs."""
        return await self.send(calls.open_tunnel(ref, port))

    async def read_tunnel(self, tunnel_id: str) -> AsyncGenerator[bytes]:
        """Yield what the job sends, until it closes its direction of the connection."""
        async with aclosing(self._frames(partial(_rest_of, tunnel_id))) as frames:
            async for kind, data in frames:
                if kind == STDOUT:
                    yield data

    async def write_tunnel(
        self, tunnel_id: str, data: bytes, *, offset: int, end: bool = False
    ) -> None:
        """Send a piece to the job; `offset` is where it lies in all that is sent."""
        await self.send(calls.write_tunnel(tunnel_id, data, offset=offset, end=end))

    async def close_tunnel(self, tunnel_id: str) -> None:
        """Close a connection, and forget it."""
        await self.send(calls.close_tunnel(tunnel_id))
