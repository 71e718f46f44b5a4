"""What the machine and the settings allow in all, and what can never run within it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from atlas_scheduler.core.resources import Needs, Room
from atlas_scheduler.core.times import utc
from foundations.text.quantities import counted

BACKFILL_MS = 86_400_000
"""For how long at most a job is passed over, unless the settings say otherwise."""
GRACE_MS = 10_000
"""How long a job may go on after its time limit, unless the settings say otherwise."""
START_MS = 60_000
"""How long a start is taken to last, before the time that a job may run begins to count."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody's word that nothing starts until it is taken back."""

    by: str
    at_ms: int
    project: str | None = None
    """The project that it is about; None is all of them."""

    @property
    def reason(self) -> str:
        """Why a job that it keeps from starting waits."""
        what = "the queue" if self.project is None else f"project {self.project}"
        return f"{what} is paused by {self.by} since {utc(self.at_ms):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class RunningLimits:
    """How many jobs of one project and of one user may run at once; None is no limit."""

    each_project: int | None = None
    each_user: int | None = None
    projects: Mapping[str, int] = field(default_factory=dict)
    """Limits of their own, by project; they win over `each_project`."""
    users: Mapping[str, int] = field(default_factory=dict)

    def of_project(self, name: str) -> int | None:
        """The limit of a project."""
        return self.projects.get(name, self.each_project)

    def of_user(self, name: str) -> int | None:
        """The limit of a user."""
        return self.users.get(name, self.each_user)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is in all, not what is free: that follows from jobs."""

    max_running_jobs: int
    gpus: tuple[str, ...] = ()
    problem: str | None = None
    """Why nothing can start at all, such as an engine that does not answer."""
    pauses: tuple[Pause, ...] = ()
    cpus: float = math.inf
    """Processors that jobs may ask for."""
    ram_gb: float = math.inf
    limits: RunningLimits = RunningLimits()
    array_limits: Mapping[int, int] = field(default_factory=dict)
    """How many jobs of an array may run at once, by its number; arrays without a limit are not."""
    occupied_gpus: Mapping[str, str] = field(default_factory=dict)
    """GPUs whose memory somebody else uses, and who: no job begins to use them."""
    backfill_ms: int = BACKFILL_MS
    """For how long at most later jobs may pass one that does not fit."""
    grace_ms: int = GRACE_MS
    """How long a job may go on after it was asked to end."""
    start_ms: int = START_MS
    """How long a start may last."""

    def empty(self, *, last_gpus: Collection[str] = ()) -> Room:
        """All of it, free; of the GPUs these are given out last."""
        return Room(
            slots=self.max_running_jobs,
            gpus=sorted(self.gpus, key=lambda gpu: gpu in last_gpus) if last_gpus else self.gpus,
            cpus=self.cpus,
            ram_gb=self.ram_gb,
            out_of_reach=self.occupied_gpus,
        )


def refusal(needs: Needs, capacity: Capacity) -> str | None:
    """Say why a job of this size could never start, all that is too much; None when it could."""
    gpus = len(capacity.gpus)
    too_much = []
    if needs.num_gpus > gpus:
        too_much.append((gpu_count(needs), counted(gpus, "GPU") if gpus else "no GPU"))
    if needs.cpus > capacity.cpus:
        too_much.append((counted(needs.cpus, "processor"), f"{capacity.cpus:g} to give"))
    if needs.ram_gb > capacity.ram_gb:
        asked, has = f"{needs.ram_gb:.15g} GB of memory", f"{capacity.ram_gb:.4g} GB to give"
        too_much.append((asked, has))
    told = [f"for {asked} and this scheduler has {has}" for asked, has in too_much]
    return f"the job asks {', and '.join(told)}" if told else None


def gpu_count(needs: Needs) -> str:
    """The GPUs of a job in words."""
    if needs.is_gpu_share:
        return f"{needs.num_gpus:g} of a GPU"
    return counted(needs.num_gpus, "GPU")
