"""Stands for the loop where only the service is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from foundations.errors import JobConflict


class Onlooker:
    """A shell that does nothing."""

    def perform(self, job: Job, effects: Sequence[Effect]) -> None:
        pass

    def wake(self) -> None:
        pass

    async def settle(self, job_id: str) -> None:
        pass

    async def run_beside(self, job: Job, plan: ExecPlan) -> ExecSession:
        raise JobConflict("Nothing runs here.")

    async def connect(self, job: Job, port: int) -> ExecSession:
        raise JobConflict("Nothing listens here.")

    def tidy(self) -> None:
        pass
