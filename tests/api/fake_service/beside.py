"""Commands that run beside jobs, and tunnels to their ports."""

from __future__ import annotations

from collections.abc import AsyncIterator

from atlas_scheduler.execs import Running
from foundations.errors import JobConflict
from foundations.models import ExecInput, ExecView, JobState, NewExec, TerminalSize, TunnelView
from tests.api.echo_session import EchoSession
from tests.api.fake_service.state import State


class Beside(State):
    """Commands that run beside jobs, and tunnels to their ports, in memory."""

    async def start_exec(self, ref: str, wanted: NewExec, *, by: str) -> ExecView:
        job_id = await self.resolve(ref)
        if self._jobs[job_id].state is not JobState.RUNNING:
            raise JobConflict(f"Job `{job_id}` is {self._jobs[job_id].state}.")
        self.echoes.append(EchoSession())
        running = Running(job_id, self.echoes[-1], buffer_bytes=self.exec_buffer_bytes)
        self.execs.add(running)
        return ExecView(exec_id=running.exec_id, job_id=job_id, command=list(wanted.command))

    def exec_output(self, exec_id: str, offset: int) -> AsyncIterator[bytes]:
        return self.execs.find(exec_id).output(offset)

    async def write_exec(self, exec_id: str, piece: ExecInput) -> None:
        await self.execs.find(exec_id).give(piece)

    async def resize_exec(self, exec_id: str, size: TerminalSize) -> None:
        await self.execs.find(exec_id).resize(size)

    async def end_exec(self, exec_id: str) -> None:
        await self.execs.end(exec_id)

    async def open_tunnel(self, ref: str, port: int, *, by: str) -> TunnelView:
        job_id = await self.resolve(ref)
        if self._jobs[job_id].state is not JobState.RUNNING:
            raise JobConflict(f"Job `{job_id}` is {self._jobs[job_id].state}.")
        self.tunnels.check()
        self.echoes.append(EchoSession())
        running = Running(job_id, self.echoes[-1], buffer_bytes=self.exec_buffer_bytes)
        self.tunnels.add(running)
        return TunnelView(tunnel_id=running.exec_id, job_id=job_id, port=port)

    def read_tunnel(self, tunnel_id: str, offset: int) -> AsyncIterator[bytes]:
        return self.tunnels.find(tunnel_id).output(offset)

    async def write_tunnel(self, tunnel_id: str, piece: ExecInput) -> None:
        await self.tunnels.find(tunnel_id).give(piece)

    async def close_tunnel(self, tunnel_id: str) -> None:
        await self.tunnels.end(tunnel_id)
