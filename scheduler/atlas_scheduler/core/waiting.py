"""Why each job waits, for whom, and at which place of the queue."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, merge

from atlas_scheduler.core.capacity import Capacity, gpu_count
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.line import Key, Line, goes_first
from atlas_scheduler.core.queue import (
    Decision,
    array_is_full,
    reserved_first,
    reserved_since_ms,
    set_aside,
)
from atlas_scheduler.core.reservation import Refusal
from atlas_scheduler.core.resources import Needs, Scarce
from atlas_scheduler.core.times import utc
from foundations.text.quantities import counted

_Test = Callable[[Job], bool]

_KEPT = (
    (Scarce.GPUS, "a GPU"),
    (Scarce.CPUS, "processors or memory"),
    (Scarce.RAM, "processors or memory"),
    (Scarce.SLOTS, "a slot"),
)

BLOCKERS_SHOWN = 10
"""Most jobs that are named as those that one waits for."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job waits."""

    reason: str
    blockers: tuple[str, ...] = ()
    """Jobs that it waits for, those first that began first."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A queue, what runs, what there is in all, and what was decided about it."""

    line: Line
    holding: Sequence[Job]
    capacity: Capacity
    decision: Decision
    now_ms: int

    def why(self, job: Job) -> Why:
        """Say why a job of the line waits."""
        if any(pick.job_id == job.job_id for pick in self.decision.picks):
            return Why("about to start")
        aside = set_aside(job, self.capacity, now_ms=self.now_ms)
        if aside is not None:
            named = () if job.held_by else tuple(one.job_id for one in job.blockers)
            return Why(aside, named[:BLOCKERS_SHOWN])
        return self._limited(job) or self._short(job) or Why("about to start")

    def places(self) -> Places:
        """Say at which places the jobs of the line are."""
        return Places(self.line, self.holding, self.capacity, now_ms=self.now_ms)

    def _limited(self, job: Job) -> Why | None:
        left, limits = self.decision.left, self.capacity.limits
        if job.job_id in left.reservations.reserved:
            return None  # it has its place
        if _is_reached(limits.of_project(job.project), left.taken_of_project(job.project)):
            limit, count = limits.of_project(job.project), left.running.by_project[job.project]
            reason = f"project {job.project} runs {counted(count)}, its limit is {limit}"
            return self._full(reason, lambda one: one.project == job.project)
        if _is_reached(limits.of_user(job.user), left.taken_of_user(job.user)):
            limit, count = limits.of_user(job.user), left.running.by_user[job.user]
            reason = f"user {job.user} runs {counted(count)}, their limit is {limit}"
            return self._full(reason, lambda one: one.user == job.user)
        full = array_is_full(job.array, left, self.capacity)
        return None if full is None else self._full(full, lambda one: one.array == job.array)

    def _full(self, reason: str, is_one: _Test) -> Why:
        """Why a job may not start besides those that run, or have their place kept."""
        reserved = self.decision.left.reservations.reserved.values()
        kept = [one.job_id for one in reserved if self.capacity.backfill_ms and is_one(one)]
        if kept:
            reason = f"{reason}, with job {kept[0][:8]} that has waited too long to be passed again"
        return Why(reason, (*kept, *self._named(is_one))[:BLOCKERS_SHOWN])

    def _short(self, job: Job) -> Why | None:
        reservations = self.decision.left.reservations
        room = reservations.room
        short = room.shortages(job.needs)
        if Scarce.SLOTS in short:
            limit = self.capacity.max_running_jobs
            reason = f"{limit - room.slots} running, max_running_jobs is {limit}"
            return Why(reason, self._named(lambda one: True))
        refusal = reservations.refusal(job)
        if refusal is not None:
            return Why(self._kept(job, refusal), (refusal.job_id,))
        if not short:
            return None
        reason = ", and ".join(self._lack(what, job.needs) for what in short)
        return Why(
            f"needs {reason}",
            self._named(lambda one: any(one.needs.include(what) for what in short)),
        )

    def _kept(self, job: Job, refusal: Refusal) -> str:
        kind = next((words for what, words in _KEPT if what in refusal.short), "a place")
        reason = f"job {refusal.job_id[:8]} has waited too long for {kind} to be passed again"
        if refusal.over_by_ms is None:
            return reason
        is_today = utc(refusal.over_by_ms).date() == utc(self.now_ms).date()
        over_by = format(utc(refusal.over_by_ms), "%H:%M UTC" if is_today else "%Y-%m-%d %H:%M UTC")
        if job.limits.time_ms is None:
            return f"{reason}, except with a --time-limit that is over by {over_by}"
        return f"{reason}: a time limit of {job.limits.time_words} is not over by {over_by}"

    def _lack(self, what: Scarce, needs: Needs) -> str:
        room, capacity = self.decision.left.reservations.room, self.capacity
        if what is Scarce.CPUS:
            free = max(0.0, room.cpus)
            return f"{counted(needs.cpus, 'processor')}; {free:g} of {capacity.cpus:g} are free"
        if what is Scarce.RAM:
            free = max(0.0, room.ram_gb)
            return f"{needs.ram_gb:.4g} GB of memory; {free:.4g} of {capacity.ram_gb:.4g} are free"
        if needs.is_gpu_share:
            text = f"{gpu_count(needs)}; none has so much left"
        else:
            text = f"{gpu_count(needs)}; {len(room.whole_gpus())} of {len(capacity.gpus)} are free"
        return "; ".join([text, *dict.fromkeys(capacity.occupied_gpus.values())])

    def _named(self, is_one: _Test) -> tuple[str, ...]:
        """The jobs that run or are about to and are such."""
        picked = [self.line[pick.job_id] for pick in self.decision.picks]
        running = sorted(self.holding, key=lambda one: one.started_at_ms or self.now_ms)
        found = [one.job_id for one in (*running, *picked) if is_one(one)]
        return tuple(found[:BLOCKERS_SHOWN])


_Level = tuple[int, Key]
"""How many jobs of its project go before one, those that run included, and then its order."""


@dataclass(frozen=True, slots=True)
class _Row:
    """The jobs of one project and priority in order, as the turns see them."""

    base: int
    """How many of the project run, or wait with a higher priority."""
    keys: Sequence[Key]
    """Those that have a place."""
    held: Sequence[Key]
    """Those that have none."""
    reserved: Sequence[Key]
    """Those that go before all; in order."""

    def level(self, key: Key) -> _Level:
        """Of a job; a held one has that of the next that is not."""
        if goes_first(key):
            return -1, key
        already = len(self.reserved) - bisect_right(self.reserved, key)
        return self.base + bisect_left(self.keys, key) + already, key

    def count_before(self, level: _Level) -> int:
        """How many have an earlier turn; held ones have none."""
        return bisect_left(self.keys, level, key=self.level)


class Places:
    """At which place of the queue jobs are, as if each could have its turn.

    Jobs that somebody holds, those of paused projects and those that wait for a time or for other
    jobs have none, and are not counted.
    """

    def __init__(
        self, line: Line, holding: Iterable[Job], capacity: Capacity, *, now_ms: int
    ) -> None:
        self._line = line
        self._paused = {pause.project for pause in capacity.pauses if pause.project is not None}
        self._now_ms = now_ms
        running_jobs = list(holding)
        since_ms = reserved_since_ms(running_jobs, capacity, now_ms=now_ms)
        self._later = self._without_a_turn_yet()
        self._ahead: dict[int, int] = {}
        self._rows: dict[int, dict[str, _Row]] = {}
        self._reserved: dict[int, list[Job]] = {one: [] for one in self._line.priorities()}
        for job in sorted(self._line.passed_over.values(), key=reserved_first):
            if self.has_place(job) and (job.passed_over_at_ms or 0) <= since_ms:
                self._reserved[job.priority].append(job)
        running = Counter(job.project for job in running_jobs)
        ahead = 0
        for priority, reserved in self._reserved.items():
            projects, held = self._split(priority)
            self._ahead[priority] = ahead
            self._rows[priority] = {
                name: _Row(
                    running[name],
                    projects.get(name, ()),
                    held.get(name, ()),
                    _keys_of(name, reserved),
                )
                for name in projects.keys() | held.keys()
            }
            for name, keys in projects.items():
                running[name] += len(keys)
                ahead += len(keys)

    def has_place(self, job: Job) -> bool:
        """Whether nobody holds a job or pauses its project, and it waits for no time and no job.

        A pause of the whole queue keeps the places.
        """
        is_early = job.not_before_ms is not None and self._now_ms < job.not_before_ms
        is_aside = job.held_by is not None or is_early or bool(job.blockers)
        return not is_aside and job.project not in self._paused

    def of(self, job: Job) -> int | None:
        """The place of a job of the line, from 1; None of one that has none."""
        if not self.has_place(job):
            return None
        reserved, rows = self._reserved[job.priority], self._rows[job.priority]
        if job in reserved:
            return self._ahead[job.priority] + reserved.index(job) + 1
        level = rows[job.project].level(_key(job))
        ahead = sum(row.count_before(level) for row in rows.values())
        ahead += sum(1 for one in reserved if rows[one.project].level(_key(one)) > level)
        return self._ahead[job.priority] + ahead + 1

    def in_turn(self) -> Iterator[Job]:
        """The jobs that have a place, in the order of their turns."""
        return self._merged(lambda row: row.keys)

    def with_held(self) -> Iterator[Job]:
        """All jobs in the order of their turns; held ones are where they will be when released.

        So are those of paused projects.
        """
        return self._merged(lambda row: [*merge(row.keys, row.held)] if row.held else row.keys)

    def _split(self, priority: int) -> tuple[dict[str, Sequence[Key]], dict[str, Sequence[Key]]]:
        """The jobs of a priority that have a place, and those that have none, by project."""
        projects = dict(self._line.by_project(priority))
        without = dict(self._line.held_by_project(priority))
        for name in self._paused & projects.keys():
            without[name] = [*merge(projects.pop(name), without.get(name, ()))]
        for name, later in self._later.get(priority, {}).items():
            without[name] = [*merge(sorted(later), without.get(name, ()))]
            projects[name] = [key for key in projects[name] if key not in later]
            if not projects[name]:
                del projects[name]
        return projects, without

    def _without_a_turn_yet(self) -> dict[int, dict[str, set[Key]]]:
        """Those that wait for a time or other jobs, and for nobody, by priority and project."""
        found: dict[int, dict[str, set[Key]]] = {}
        for job in self._line.conditional.values():
            may_wait = job.held_by is None and job.project not in self._paused
            if may_wait and not self.has_place(job):
                found.setdefault(job.priority, {}).setdefault(job.project, set()).add(_key(job))
        return found

    def _merged(self, keys_of: Callable[[_Row], Sequence[Key]]) -> Iterator[Job]:
        for priority, reserved in self._reserved.items():
            yield from reserved
            rows = [(row, keys_of(row)) for row in self._rows[priority].values()]
            heads = [
                (row.level(keys[0]), number, 0) for number, (row, keys) in enumerate(rows) if keys
            ]
            heapify(heads)
            while heads:
                (_, (_, job_id)), number, index = heappop(heads)
                if self._line[job_id] not in reserved:
                    yield self._line[job_id]
                row, keys = rows[number]
                if index + 1 < len(keys):
                    heappush(heads, (row.level(keys[index + 1]), number, index + 1))


def _key(job: Job) -> Key:
    return job.order, job.job_id


def _keys_of(project: str, jobs: Sequence[Job]) -> list[Key]:
    return sorted(_key(job) for job in jobs if job.project == project)


def _is_reached(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit
