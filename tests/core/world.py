"""What outlives a crash of the scheduler: a store, and an engine with a life of its own.

The engine's containers go on while the scheduler is dead, it may not answer, and it may do what it
was asked and lose the reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from atlas_scheduler.core.events import Event, Exited, Gone
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.reconcile import Seen, SeenStatus
from foundations.models import JobState

T = TypeVar("T")
Attempt = tuple[str, int]
"""Job id and number of the attempt."""


class EngineSilent(Exception):
    """The engine gave no answer; whether it acted is not known."""


class Refused(Exception):
    """The engine will never run this attempt."""


class Flaw(Enum):
    """What is wrong with a job."""

    NONE = "none"
    NO_IMAGE = "refused before there is a container"
    NO_COMMAND = "refused with a container that never begins"


@dataclass
class Store:
    """What is on the disk. Each method is one transaction."""

    jobs: dict[str, Job] = field(default_factory=dict)
    flaws: dict[str, Flaw] = field(default_factory=dict)
    history: dict[str, list[tuple[Event, JobState]]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    max_running_jobs: int = 1

    def insert(self, job: Job, flaw: Flaw, key: str) -> None:
        self.jobs[job.job_id] = job
        self.flaws[job.job_id] = flaw
        self.history[job.job_id] = []
        self.by_key[key] = job.job_id

    def save(self, moved: list[tuple[Job, Event]]) -> None:
        for job, event in moved:
            self.jobs[job.job_id] = job
            self.history[job.job_id].append((event, job.state))

    def in_state(self, *states: JobState) -> list[Job]:
        return [job for job in self.jobs.values() if job.state in states]

    def holding(self) -> list[Job]:
        return self.in_state(JobState.STARTING, JobState.RUNNING, JobState.STOPPING)


@dataclass
class Container:
    """One attempt in the engine."""

    job_id: str
    attempt: int
    gpus: tuple[str, ...]
    status: SeenStatus = SeenStatus.CREATED
    exit_code: int = 0
    oom_killed: bool = False
    aim: Attempt | None = None
    """Whose files and command it has."""

    @property
    def name(self) -> Attempt:
        return (self.job_id, self.attempt)


class FakeEngine:
    """Containers by name. Methods of the second half are other hands than the scheduler's."""

    def __init__(self) -> None:
        self.containers: dict[Attempt, Container] = {}
        self.starts: Counter[Attempt] = Counter()
        self.exit_codes: dict[Attempt, int] = {}
        self.ended_at_ms: dict[Attempt, int] = {}
        self.clock: Callable[[], int] = lambda: 0
        self.lost: set[Attempt] = set()
        self.up = True
        self.loses_next_reply = False
        self.prepared = 0
        """Containers that no attempt has yet; one is claimed by getting an attempt's name."""

    def create(self, job: Job, flaw: Flaw) -> None:
        def deed() -> None:
            if flaw is Flaw.NO_IMAGE:
                raise Refused("no such image")
            name = (job.job_id, job.attempt)
            if name in self.containers:
                return
            is_claimed = self.prepared > 0
            self.prepared -= is_claimed
            aim = None if is_claimed else name
            self.containers[name] = Container(*name, job.gpus, aim=aim)

        self._call(deed)

    def aim(self, job: Job) -> None:
        """Let a claimed container find its job: no call of the engine, so nothing is lost."""
        name = (job.job_id, job.attempt)
        if name in self.containers:
            self.containers[name].aim = name

    def sweep(self) -> None:
        """Remove what an earlier life of the scheduler prepared."""
        self.prepared = 0

    def begin(self, job: Job, flaw: Flaw) -> None:
        def deed() -> None:
            name = (job.job_id, job.attempt)
            container = self.containers.setdefault(name, Container(*name, job.gpus, aim=name))
            if container.status is not SeenStatus.CREATED:
                return
            assert container.aim == name, f"{name} starts in a container that is not its own yet"
            if flaw is Flaw.NO_COMMAND:
                raise Refused("no such command")
            container.status = SeenStatus.RUNNING
            self.starts[name] += 1

        self._call(deed)

    def stop(self, name: Attempt) -> None:
        def deed() -> None:
            container = self.containers.get(name)
            if container is not None and container.status is SeenStatus.RUNNING:
                self.exit(name, 143)

        self._call(deed)

    def remove(self, name: Attempt) -> None:
        def deed() -> None:
            container = self.containers.pop(name, None)
            assert container is None or container.status is not SeenStatus.RUNNING, (
                f"{name} is removed under its running process"
            )

        self._call(deed)

    def seen(self) -> list[Seen]:
        return self._call(
            lambda: [
                Seen(f"atlas-1-{one.job_id}-{one.attempt}", one.job_id, one.attempt, one.status)
                for one in self.containers.values()
            ]
        )

    def end_of(self, name: Attempt, now_ms: int) -> Event | None:
        """How a watched attempt ended, or None while it runs."""

        def deed() -> Event | None:
            one = self.containers.get(name)
            if one is None:
                return Gone(now_ms, "the container was removed")
            if one.status is SeenStatus.EXITED:
                return Exited(self.ended_at_ms[name], one.exit_code, one.oom_killed)
            return None

        return self._call(deed)

    def _call(self, deed: Callable[[], T]) -> T:
        if not self.up:
            raise EngineSilent
        result = deed()
        if self.loses_next_reply:
            self.loses_next_reply = False
            raise EngineSilent
        return result

    def live(self) -> list[Container]:
        return [one for one in self.containers.values() if one.status is SeenStatus.RUNNING]

    def exit(self, name: Attempt, exit_code: int) -> None:
        one = self.containers[name]
        one.status, one.exit_code = SeenStatus.EXITED, exit_code
        one.oom_killed = exit_code == 137
        self.exit_codes[name] = exit_code
        self.ended_at_ms[name] = self.clock()

    def lose(self, name: Attempt) -> None:
        del self.containers[name]
        self.lost.add(name)
