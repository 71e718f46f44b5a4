"""An engine that takes no time: what is left is the scheduler's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.reconcile import Seen
from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.engine.port import AttemptId, Capabilities, Ended, JobLog, Launch
from foundations.errors import JobConflict
from foundations.provenance import Execution

JOB_SECONDS = 0.02
"""How long each job lasts."""


@dataclass
class InstantEngine:
    """Pretends to run jobs, and notes when it is called (`time.perf_counter`)."""

    name: str = "instant"
    started: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    async def capabilities(self) -> Capabilities:
        """Say what the engine is."""
        return Capabilities(name=self.name, version="1", isolated=False)

    async def fetch_image(self, launch: Launch, log: JobLog) -> None:
        """Do nothing."""

    async def prepare(self, launch: Launch, log: JobLog) -> None:
        """Do nothing."""

    async def start(self, launch: Launch) -> int:
        """Note the start."""
        self.started.append(time.perf_counter())
        return now_ms()

    async def execution(self, attempt: AttemptId, *, gpus: Sequence[str]) -> Execution | None:
        """Say that it is this engine."""
        return Execution(attempt=attempt.attempt, engine=self.name)

    async def observe(self) -> list[Seen]:
        """Show nothing: its attempts are never in doubt."""
        return []

    async def watch(self, attempt: AttemptId, log: JobLog) -> Ended:
        """Let the job last its time, and note the end."""
        await asyncio.sleep(JOB_SECONDS)
        at_ms = now_ms()
        self.ended.append(time.perf_counter())
        return Ended(at_ms=at_ms, exit_code=0)

    async def usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        """Know nothing."""
        return {}

    async def execute(self, attempt: AttemptId, plan: ExecPlan) -> ExecSession:
        """Refuse: nothing runs here."""
        raise JobConflict("Nothing runs here.")

    async def connect(self, attempt: AttemptId, port: int) -> ExecSession:
        """Refuse: nothing listens here."""
        raise JobConflict("Nothing listens here.")

    async def stop(self, attempt: AttemptId, *, grace_seconds: float) -> None:
        """Do nothing."""

    async def remove(self, attempt: AttemptId) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
