"""The verbs for commands that run beside jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator

from atlas_scheduler.core.job import Job
from atlas_scheduler.engine.exec_port import ExecPlan
from atlas_scheduler.execs import Running
from atlas_scheduler.store import jobs
from atlas_scheduler.writing import Writing
from foundations.models import ExecInput, ExecView, NewExec, TerminalSize


class Executing(Writing):
    """What these start ends with this process of the server; that it was started is kept."""

    async def start_exec(self, ref: str, wanted: NewExec, *, by: str) -> ExecView:
        """Run a command beside a job that runs.

        Raises:
            JobConflict: the job does not run, or runs where nobody can be put beside it.
            TooLarge: too many commands run.
        """
        job = (await self.load(await self.resolve(ref))).job
        self.execs.require_room(job)
        plan = ExecPlan(wanted.command, wanted.terminal)
        running = Running(job.job_id, await self.shell.run_beside(job, plan), by=by)
        self.execs.add(running)

        def note(conn: sqlite3.Connection) -> Job:
            now = jobs.load_job(conn, job.job_id)
            detail = {"by": by, "command": list(wanted.command)}
            self._append(conn, now, "CommandRun", self._clock_ms(), detail)
            return now

        now = await self._durably(self._database.write(note), self._announce)
        self.execs.end_unless_on(job, now)
        return ExecView(exec_id=running.exec_id, job_id=job.job_id, command=list(wanted.command))

    def exec_output(self, exec_id: str, offset: int) -> AsyncIterator[bytes]:
        """Yield the output of a command from a byte on, to its end (in `beside.frames`)."""
        return self.execs.find(exec_id).output(offset)

    async def write_exec(self, exec_id: str, piece: ExecInput) -> None:
        """Pass input on to a command."""
        await self.execs.find(exec_id).give(piece)

    async def resize_exec(self, exec_id: str, size: TerminalSize) -> None:
        """Give the terminal of a command another size."""
        await self.execs.find(exec_id).resize(size)

    async def end_exec(self, exec_id: str) -> None:
        """End a command, and forget it."""
        await self.execs.end(exec_id)

    async def close(self) -> None:
        """End all commands, then what others begin here."""
        await self.execs.close()
        await super().close()
