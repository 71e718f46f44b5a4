"""What of this machine jobs may have: what is found, less what the settings keep back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from atlas_scheduler.core.capacity import GRACE_MS, Capacity, Pause, RunningLimits
from atlas_scheduler.engine.host import machine_size
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.settings import ServerSettings
from foundations.models import QueueSettings

GB = 10**9
NO_LIMITS: Mapping[int, int] = MappingProxyType({})


@dataclass(slots=True)
class Supply:
    """Processors, memory and time for jobs; GPUs are the engine's."""

    cpus: float = math.inf
    ram_gb: float = math.inf
    gpu_memory_free: float | None = None
    """Least part of a GPU's memory that must be free before a job gets it; None does not look."""
    occupied_gpus: Mapping[str, str] = field(default_factory=dict)
    """GPUs that had less, when they were last looked at, and who uses them."""
    grace_ms: int = GRACE_MS
    """How long a job may go on after it was asked to end."""

    @classmethod
    def of_this_machine(cls, settings: ServerSettings) -> Supply:
        """Look at the machine, and obey the settings."""
        found = machine_size()
        cpus = found.cpus if settings.cpus is None else settings.cpus
        ram_gb = found.memory_bytes / GB if settings.ram is None else settings.ram
        return cls(
            cpus=max(0.0, cpus - settings.reserve.cpus),
            ram_gb=max(0.0, ram_gb - settings.reserve.ram),
            gpu_memory_free=settings.gpu_memory_free,
            grace_ms=round(settings.stop_grace_seconds * 1000),
        )

    def capacity(
        self,
        queue: QueueSettings,
        engine: EngineState,
        problem: str | None = None,
        pauses: tuple[Pause, ...] = (),
        array_limits: Mapping[int, int] = NO_LIMITS,
    ) -> Capacity:
        """Say what there is in all, as the queue is run now.

        Args:
            queue: how it is run.
            engine: what runs jobs.
            problem: why nothing can start although the engine answers.
            pauses: what is paused.
            array_limits: how many jobs of an array run at once, by its number.
        """
        return Capacity(
            max_running_jobs=queue.max_running_jobs,
            gpus=engine.gpus,
            problem=engine.problem or problem,
            pauses=pauses,
            array_limits=array_limits,
            cpus=self.cpus,
            ram_gb=self.ram_gb,
            limits=RunningLimits(
                each_project=queue.max_running_per_project,
                each_user=queue.max_running_per_user,
                projects=queue.project_limits,
                users=queue.user_limits,
            ),
            occupied_gpus=self.occupied_gpus,
            backfill_ms=round(queue.backfill_seconds * 1000),
            grace_ms=self.grace_ms,
        )
