"""One life of the scheduler around the core, in steps small enough to crash between any two."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.deadlines import overdue
from atlas_scheduler.core.events import Claimed, Event, Started, StartRefused
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect, advance
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.queue import choose_next
from atlas_scheduler.core.reconcile import Seen, leftovers, observe
from foundations.models import JobState
from tests.core.world import Attempt, EngineSilent, FakeEngine, Flaw, Refused, Store

GPUS = ("gpu-0", "gpu-1")


class Crashed(Exception):
    """The scheduler's process is gone."""


class Step(Enum):
    """What the shell does in one go, between two of which anything may happen."""

    CREATE = "create, or claim what is prepared"
    AIM = "make what was claimed the job's"
    BEGIN = "begin"
    ASK = "ask what became of it"
    ARCHIVE = "archive"
    REMOVE = "remove"


@dataclass(frozen=True)
class Discard:
    """Remove the container of an attempt that another one follows."""

    attempt: Attempt


Task = Effect | Step | Discard | Event


@dataclass(frozen=True)
class Look:
    """What the engine showed, and which jobs were left in peace at that time."""

    calm: dict[str, int]
    """Length of their history by job id."""
    seen: list[Seen]


class Shell:
    """One life of the scheduler's process: performs effects, a job's own ones one after another."""

    def __init__(self, store: Store, engine: FakeEngine, clock: Callable[[], int]) -> None:
        self.store = store
        self.engine = engine
        self.clock = clock
        self.crash_after = -1
        """How many more points to pass before the crash; negative is none."""
        self.tasks: dict[str, deque[Task]] = {}
        self.strays: deque[Seen] = deque()
        self.watching: set[str] = set()
        self.in_doubt = True
        """Whether the engine must be asked what became of the jobs."""
        self.look: Look | None = None
        for job in store.jobs.values():
            if job.is_final and job.job_id not in store.archived:
                self._queue(job.job_id, (Effect.FINISH,))

    def point(self) -> None:
        """A place where the process may die."""
        self.crash_after -= 1
        if self.crash_after == -1:
            raise Crashed

    def submit(self, job: Job, flaw: Flaw, key: str) -> str:
        """Accept a job; it is acknowledged when this returns."""
        self.point()
        if key not in self.store.by_key:
            self.store.insert(job, flaw, key)
        self.point()
        return self.store.by_key[key]

    def claim(self) -> None:
        """Claim what the queue picks, in one transaction."""
        capacity = Capacity(
            self.store.max_running_jobs, GPUS, None if self.engine.up else "the engine is down"
        )
        line = Line(self.store.in_state(JobState.QUEUED))
        decision = choose_next(line, self.store.holding(), capacity, now_ms=self.clock())
        self._apply([(pick.job_id, Claimed(self.clock(), pick.gpus)) for pick in decision.picks])

    def end_overdue(self) -> None:
        """End what has run or waited for as long as it may, in one transaction."""
        late = overdue(self.store.jobs.values(), now_ms=self.clock())
        self._apply([(job.job_id, event) for job, event in late])

    def apply(self, job_id: str, event: Event) -> None:
        """Let an event happen: commit first, act second."""
        self._apply([(job_id, event)])

    def _apply(self, happened: list[tuple[str, Event]]) -> None:
        moved = [(advance(self.store.jobs[job_id], event), event) for job_id, event in happened]
        self.point()
        self.store.save([(job, event) for (job, _), event in moved])
        self.point()
        for (job, effects), _ in moved:
            if not job.holds_slot:
                self.watching.discard(job.job_id)
            discard = Discard((job.job_id, job.attempt))
            tasks = (discard if one is Effect.DISCARD else one for one in effects)
            self._queue(job.job_id, tuple(tasks))

    def perform(self, job_id: str) -> None:
        """Do the next thing that is due for a job."""
        task = self.tasks[job_id].popleft()
        self.point()
        try:
            self._do(self.store.jobs[job_id], task)
        except EngineSilent:
            self._drop_what_needs_the_engine(job_id)
        self.point()
        if not self.tasks.get(job_id):
            self.tasks.pop(job_id, None)

    def _drop_what_needs_the_engine(self, job_id: str) -> None:
        to_keep = (Effect.FINISH, Step.ARCHIVE, Step.REMOVE)
        self.tasks[job_id] = deque(task for task in self.tasks[job_id] if task in to_keep)
        self.in_doubt = True

    def _do(self, job: Job, task: Task) -> None:
        deeds: dict[Task, Callable[[Job], None]] = {
            Effect.START: self._start,
            Effect.WATCH: self._watch,
            Effect.STOP: self._stop,
            Effect.FINISH: lambda job: self._next(job, Step.ARCHIVE, Step.REMOVE),
            Step.CREATE: lambda job: self._ask_to(self.engine.create, job),
            Step.AIM: self.engine.aim,
            Step.BEGIN: lambda job: self._ask_to(self.engine.begin, job),
            Step.ASK: self._ask,
            Step.ARCHIVE: lambda job: self.store.archived.add(job.job_id),
            Step.REMOVE: lambda job: self.engine.remove((job.job_id, job.attempt)),
        }
        if isinstance(task, Effect | Step):
            deeds[task](job)
        elif isinstance(task, Discard):
            self.engine.remove(task.attempt)
        else:
            self.apply(job.job_id, task)

    def _start(self, job: Job) -> None:
        if job.state is JobState.STARTING:
            self._next(job, Step.CREATE, Step.AIM, Step.BEGIN, Started(self.clock()))

    def _ask_to(self, call: Callable[[Job, Flaw], None], job: Job) -> None:
        try:
            call(job, self.store.flaws[job.job_id])
        except Refused as refused:
            while isinstance(self.tasks[job.job_id].popleft(), Step):
                pass
            self._next(job, StartRefused(self.clock(), str(refused)))

    def _watch(self, job: Job) -> None:
        if job.holds_slot:
            self.watching.add(job.job_id)

    def _stop(self, job: Job) -> None:
        self.engine.stop((job.job_id, job.attempt))
        if job.job_id not in self.watching and not self.tasks[job.job_id]:
            self._next(job, Step.ASK)

    def _ask(self, job: Job) -> None:
        self._apply(observe([job], self.engine.seen(), now_ms=self.clock()))

    def _queue(self, job_id: str, tasks: tuple[Task, ...]) -> None:
        if tasks:
            self.tasks.setdefault(job_id, deque()).extend(tasks)

    def _next(self, job: Job, *tasks: Task) -> None:
        self.tasks[job.job_id].extendleft(reversed(tasks))

    def ended(self) -> list[str]:
        """Watched jobs whose watching is over: the process ended, or its container is gone."""
        live = {one.job_id for one in self.engine.live()}
        return sorted(self.watching - live) if self.engine.up else []

    def collect(self, job_id: str) -> None:
        """Report how a watched attempt ended."""
        job = self.store.jobs[job_id]
        try:
            ended = self.engine.end_of((job_id, job.attempt), self.clock())
        except EngineSilent:
            self.lose_touch()
            return
        if ended is not None:
            self.apply(job_id, ended)

    def lose_touch(self) -> None:
        """Notice that the engine does not answer: nothing is being watched any more."""
        self.watching.clear()
        self.in_doubt = True

    def take_look(self) -> None:
        """Ask the engine for all it has, and note which jobs nothing is being done for."""
        calm = {
            job.job_id: len(self.store.history[job.job_id])
            for job in self.store.holding()
            if job.job_id not in self.tasks
        }
        self.in_doubt = False
        try:
            self.look = Look(calm, self.engine.seen())
        except EngineSilent:
            self.in_doubt = True

    def judge(self) -> None:
        """Act on the last look. Jobs that anything happened to since then are not judged by it."""
        assert self.look is not None
        look, self.look = self.look, None
        holding = {job.job_id: job for job in self.store.holding()}
        still_calm = [
            job
            for job_id, job in holding.items()
            if job_id not in self.tasks and look.calm.get(job_id) == len(self.store.history[job_id])
        ]
        if len(still_calm) < len(holding):
            self.in_doubt = True
        self.strays.extend(leftovers(holding, look.seen))
        for job_id, event in observe(still_calm, look.seen, now_ms=self.clock()):
            self.apply(job_id, event)

    def remove_stray(self) -> None:
        """Remove a container that no job holds a slot for; none may still be running."""
        stray = self.strays[0]
        try:
            self.engine.remove((stray.job_id, stray.attempt))
        except EngineSilent:
            self.in_doubt = True
        else:
            self.strays.popleft()
