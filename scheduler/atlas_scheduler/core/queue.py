"""Which waiting jobs start now.

By priority; among equals those that were moved to the front, and then by fair share, that is first
the project with the fewest running jobs; and within a project in order. A job that does not fit is
passed over by later ones for a while, and after that nothing it waits for is given to others, but
for those that take nothing from it (docs/scheduling.md says what follows of that).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from atlas_scheduler.core.capacity import Capacity, refusal
from atlas_scheduler.core.dependencies import blocked
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.line import Cursor, Key, Lane, Line, Shape, goes_first, shape_of
from atlas_scheduler.core.reservation import Reservations, Tally
from atlas_scheduler.core.times import utc


@dataclass(frozen=True, slots=True)
class Pick:
    """A job to start, with the GPUs it gets."""

    job_id: str
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """How things stand after a decision: why nothing more starts follows from it."""

    reservations: Reservations
    running: Tally

    def taken_of_project(self, project: str) -> int:
        """How many of a project run, or have their place kept."""
        return self.running.by_project[project] + self.reservations.tally.by_project[project]

    def taken_of_user(self, user: str) -> int:
        """How many of a user run, or have their place kept."""
        return self.running.by_user[user] + self.reservations.tally.by_user[user]

    def taken_of_array(self, array: int) -> int:
        """How many of an array run, or have their place kept."""
        return self.running.by_array[array] + self.reservations.tally.by_array[array]


@dataclass(frozen=True, slots=True)
class Decision:
    """Who starts, in order."""

    left: Left = field(compare=False, repr=False)
    picks: tuple[Pick, ...] = ()
    passed_over: tuple[str, ...] = ()
    """Jobs that are to be marked: with these picks, later ones start before them."""


def choose_next(line: Line, holding: Iterable[Job], capacity: Capacity, *, now_ms: int) -> Decision:
    """Choose which jobs start now.

    A job that could never start, is held, is paused, waits for a time or another job, or belongs to
    a project, user or array that has reached its limit waits, and holds nobody up.

    Args:
        line: jobs that wait.
        holding: jobs that occupy slots and GPUs.
        capacity: what there is in all.
        now_ms: the time.
    """
    choice = _Choice(line, holding, capacity, now_ms)
    choice.make()
    picks = tuple(choice.picks.values())
    passed_over = tuple(choice.newly_passed_over()) if picks else ()
    return Decision(choice.left, picks, passed_over)


def set_aside(job: Job, capacity: Capacity, *, now_ms: int) -> str | None:
    """Why `job` has no turn at all, whatever is free and whoever is before it."""
    if job.held_by is not None:
        return f"held by {job.held_by}"
    if job.blockers:
        return blocked(job.blockers)
    if job.not_before_ms is not None and now_ms < job.not_before_ms:
        moment = f"{utc(job.not_before_ms):%Y-%m-%d %H:%M:%S} UTC"
        return f"{job.reason}, at {moment}" if job.reason else f"waits until {moment}"
    return paused(job.project, capacity) or capacity.problem or refusal(job.needs, capacity)


def array_is_full(array: int | None, left: Left, capacity: Capacity) -> str | None:
    """Why a job must let the others of its array end first."""
    limit = None if array is None else capacity.array_limits.get(array)
    if limit is None or array is None or left.taken_of_array(array) < limit:
        return None
    jobs = "1 job" if limit == 1 else f"{limit} jobs"
    return f"its array runs at most {jobs} at once"


def paused(project: str, capacity: Capacity) -> str | None:
    """Why nothing of a project starts, if somebody said so."""
    # What is wider is told first: who takes it back must look further anyway.
    for pause in sorted(capacity.pauses, key=lambda one: one.project is not None):
        if pause.project in (None, project):
            return pause.reason
    return None


def reserved_since_ms(holding: Iterable[Job], capacity: Capacity, *, now_ms: int) -> int:
    """What jobs wait for is kept for them if they were first passed over by this time or before.

    That is once all has ended that ran when a job was first passed over: what it waits for comes
    free about as often as jobs end, and to keep it earlier would let much of the machine stand
    idle. A job that never ends must not put that off for ever.
    """
    starts = [now_ms if job.started_at_ms is None else job.started_at_ms for job in holding]
    return max(now_ms - capacity.backfill_ms, min(starts, default=now_ms))


def reserved_first(job: Job) -> tuple[int, int, str]:
    """What reserved jobs of one priority are sorted by."""
    return job.passed_over_at_ms or 0, job.order, job.job_id


class _Choice:
    """One decision while it is made."""

    def __init__(self, line: Line, holding: Iterable[Job], capacity: Capacity, now_ms: int) -> None:
        self._line = line
        self._capacity = capacity
        self._now_ms = now_ms
        running = list(holding)
        self._reserved_since_ms = reserved_since_ms(running, capacity, now_ms=now_ms)
        self.left = Left(Reservations(capacity, running, now_ms=now_ms), Tally())
        for job in running:
            self.left.running.add(job)
        self.picks: dict[str, Pick] = {}
        self._lanes: dict[int, dict[str, list[Lane]]] = {}

    def _is_full(self) -> bool:
        return self.left.reservations.room.slots <= 0

    def make(self) -> None:
        """Pick every job that starts now."""
        if self._capacity.problem is not None or self._is_full():
            return
        conditional = self._lanes_of_conditional()
        for priority in self._line.priorities():
            if self._is_full():
                return
            lanes = self._line.lanes(priority)
            for project, more in conditional.get(priority, {}).items():
                lanes[project] = [*lanes.get(project, ()), *more]
            self._lanes[priority] = {
                project: lanes
                for project, lanes in lanes.items()
                if paused(project, self._capacity) is None
            }
            self._serve_reserved(priority)
            self._serve_in_turn(priority)

    def newly_passed_over(self) -> list[str]:
        """The first job of each project that waits while a later one was picked."""
        picked = [self._line[job_id] for job_id in self.picks]
        lowest = min(job.priority for job in picked)
        latest = {
            priority: max(job.order for job in picked if job.priority == priority)
            for priority in {job.priority for job in picked}
        }
        found = []
        for priority, projects in self._lanes.items():
            for project, lanes in projects.items():
                first = self._first_waiting(project, lanes)
                if first is None or first.passed_over_at_ms is not None:
                    continue
                if priority > lowest or first.order < latest.get(priority, first.order):
                    found.append(first.job_id)
        return found

    def _lanes_of_conditional(self) -> dict[int, dict[str, list[Lane]]]:
        """The jobs that have to be asked and have a turn."""
        found: dict[tuple[int, str, Shape], Lane] = {}
        for job in self._line.conditional.values():
            if job.held_by is not None:
                continue  # thousands may be held: nothing else of them is of interest
            if set_aside(job, self._capacity, now_ms=self._now_ms) is None:
                shape = shape_of(job)
                lane = found.get((job.priority, job.project, shape)) or Lane(shape)
                found[job.priority, job.project, shape] = lane
                lane.put(job)
        lanes: dict[int, dict[str, list[Lane]]] = {}
        for (priority, project, _), lane in found.items():
            lanes.setdefault(priority, {}).setdefault(project, []).append(lane)
        return lanes

    def _serve_reserved(self, priority: int) -> None:
        reserved = [
            job
            for job in self._line.passed_over.values()
            if job.priority == priority
            and (job.passed_over_at_ms or 0) <= self._reserved_since_ms
            and set_aside(job, self._capacity, now_ms=self._now_ms) is None
        ]
        for job in sorted(reserved, key=reserved_first):
            if self._project_is_full(job.project) or not self._may_have(shape_of(job)):
                continue
            if self._is_full():
                return
            latest_ms = self.left.reservations.latest_end_ms(job.needs)
            if latest_ms is None or latest_ms < self.left.reservations.end_ms(job):
                self.left.reservations.keep_for(job)
            else:
                self._pick(job)

    def _serve_in_turn(self, priority: int) -> None:
        cursors = {project: Cursor(lanes) for project, lanes in self._lanes[priority].items()}
        heads = [self._place(project, cursor) for project, cursor in cursors.items()]
        turns = [head for head in heads if head is not None]
        heapify(turns)
        while turns and not self._is_full():
            *_, project = heappop(turns)
            self._serve(project, cursors[project])
            head = self._place(project, cursors[project])
            if head is not None:
                heappush(turns, head)

    def _place(self, project: str, cursor: Cursor) -> tuple[int, Key, str] | None:
        if cursor.head is None:
            return None
        share = -1 if goes_first(cursor.head) else self.left.running.by_project[project]
        return share, cursor.head, project

    def _serve(self, project: str, cursor: Cursor) -> None:
        """Pick the project's first job, or leave it behind."""
        assert cursor.head is not None
        job_id, shape = cursor.head[1], cursor.shape
        if job_id in self.picks:
            cursor.advance()
        elif self._project_is_full(project):
            cursor.close()
        elif not self._may_have(shape):
            cursor.close_lane()
        else:
            latest_ms = self.left.reservations.latest_end_ms(shape.needs)
            self._serve_by_end(self._line[job_id], latest_ms, cursor)

    def _serve_by_end(self, job: Job, latest_ms: float | None, cursor: Cursor) -> None:
        """Pick the first job if it surely ends in time, or leave it behind."""
        if latest_ms is None:
            if not self._capacity.backfill_ms:
                self.left.reservations.keep_for(job)
            cursor.close_lane()
        elif self.left.reservations.end_ms(job) <= latest_ms:
            self._pick(job)
            cursor.advance()
        else:
            cursor.narrow(self.left.reservations.longest_limit_ms(latest_ms))

    def _pick(self, job: Job) -> None:
        self.picks[job.job_id] = Pick(job.job_id, self.left.reservations.take(job))
        self.left.running.add(job)

    def _project_is_full(self, project: str) -> bool:
        limit = self._capacity.limits.of_project(project)
        return limit is not None and self.left.taken_of_project(project) >= limit

    def _may_have(self, shape: Shape) -> bool:
        """Whether jobs of a shape could start if there were room."""
        limit = self._capacity.limits.of_user(shape.user)
        if limit is not None and self.left.taken_of_user(shape.user) >= limit:
            return False
        if array_is_full(shape.array, self.left, self._capacity) is not None:
            return False
        return refusal(shape.needs, self._capacity) is None

    def _first_waiting(self, project: str, lanes: Iterable[Lane]) -> Job | None:
        """The project's first job that could start if there were room."""
        if self._project_is_full(project):
            return None
        heads = [
            next((key for key in lane.keys if key[1] not in self.picks), None)
            for lane in lanes
            if self._may_have(lane.shape)
        ]
        waiting = [head for head in heads if head is not None]
        return self._line[min(waiting)[1]] if waiting else None
