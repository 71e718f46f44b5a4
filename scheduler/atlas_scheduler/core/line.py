"""The jobs that wait, sorted so that a choice among thousands looks at few of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TypeVar

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.resources import Needs

Key = tuple[int, str]
"""What jobs of one priority are sorted by: order, then id."""
T = TypeVar("T", tuple[int, str], tuple[int, tuple[int, str]])


@dataclass(frozen=True, slots=True)
class Shape:
    """What jobs have in common that start under the same circumstances."""

    user: str
    needs: Needs
    array: int | None = None


class Lane:
    """Jobs of one priority, project and shape, in order.

    While the first cannot start, none can, except that one with a shorter time limit may.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.keys: list[Key] = []
        self._limited: list[tuple[int, Key]] = []

    def put(self, job: Job) -> None:
        """Take in a job."""
        _put(self.keys, _key(job))
        if job.limits.time_ms is not None:
            insort(self._limited, (job.limits.time_ms, _key(job)))

    def drop(self, job: Job) -> None:
        """Forget a job, as it was when it was put here."""
        _take_out(self.keys, _key(job))
        if job.limits.time_ms is not None:
            _take_out(self._limited, (job.limits.time_ms, _key(job)))

    def within(self, longest_ms: float, *, after: Key) -> Iterator[Key]:
        """The jobs behind one, in order, that have no longer time limit than this.

        It costs about as many steps as there are such jobs, however many others there are.
        """
        if not self._limited:
            return
        end = bisect_right(self._limited, longest_ms, key=_limit)
        found = [key for _, key in self._limited[:end] if key > after]
        heapify(found)
        while found:
            yield heappop(found)


class Line:
    """Every queued job, changed one by one as the queue changes."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs: dict[str, Job] = {}
        self._in_turn: dict[int, dict[str, list[Key]]] = {}
        self._held: dict[int, dict[str, list[Key]]] = {}
        self._lanes: dict[int, dict[str, dict[Shape, Lane]]] = {}
        self.conditional: dict[str, Job] = {}
        """Jobs of which each must be asked whether it has a turn; they are in no lane."""
        self.passed_over: dict[str, Job] = {}
        """Jobs that saw a later one start before them."""
        for job in jobs:
            self.put(job)

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __getitem__(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def put(self, job: Job) -> None:
        """Take in a job, or what changed of one."""
        self.drop(job.job_id)
        self._jobs[job.job_id] = job
        _insert(self._list_of(job).setdefault(job.priority, {}), job.project, _key(job))
        if job.has_condition:
            self.conditional[job.job_id] = job
        else:
            lanes = self._lanes.setdefault(job.priority, {}).setdefault(job.project, {})
            shape = shape_of(job)
            lane = lanes.get(shape)
            if lane is None:
                lane = lanes[shape] = Lane(shape)
            lane.put(job)
        if job.passed_over_at_ms is not None:
            self.passed_over[job.job_id] = job

    def drop(self, job_id: str) -> None:
        """Forget a job that waits no more; one that is not here is fine."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return
        keys = self._list_of(job)
        _remove(keys[job.priority], job.project, _key(job))
        if not keys[job.priority]:
            del keys[job.priority]
        if self.conditional.pop(job_id, None) is None:
            self._drop_from_lane(job)
        self.passed_over.pop(job_id, None)

    def priorities(self) -> list[int]:
        """The priorities that jobs have, the first to be served first."""
        return sorted(self._in_turn.keys() | self._held.keys(), reverse=True)

    def by_project(self, priority: int) -> Mapping[str, Sequence[Key]]:
        """The jobs of a priority that nobody holds, by project and there in order."""
        return self._in_turn.get(priority, {})

    def held_by_project(self, priority: int) -> Mapping[str, Sequence[Key]]:
        """The held jobs of a priority, by project and there in order."""
        return self._held.get(priority, {})

    def lanes(self, priority: int) -> dict[str, list[Lane]]:
        """The lanes of a priority, by project."""
        return {
            project: list(lanes.values())
            for project, lanes in self._lanes.get(priority, {}).items()
        }

    def _drop_from_lane(self, job: Job) -> None:
        projects = self._lanes[job.priority]
        lanes, shape = projects[job.project], shape_of(job)
        lanes[shape].drop(job)
        if not lanes[shape].keys:
            del lanes[shape]
        if not lanes:
            del projects[job.project]
        if not projects:
            del self._lanes[job.priority]

    def _list_of(self, job: Job) -> dict[int, dict[str, list[Key]]]:
        return self._in_turn if job.held_by is None else self._held


class Cursor:
    """The jobs of one project and priority in order, without lanes that nothing comes of."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes = list(lanes)
        self._rests = [iter(lane.keys) for lane in self._lanes]
        self._heads = [(*next(rest), number) for number, rest in enumerate(self._rests)]
        heapify(self._heads)

    @property
    def head(self) -> Key | None:
        """The first job that is left."""
        return self._heads[0][:2] if self._heads else None

    @property
    def shape(self) -> Shape:
        """Of the first job."""
        return self._lanes[self._heads[0][2]].shape

    def advance(self) -> None:
        """Leave the first job behind."""
        number = heappop(self._heads)[2]
        key = next(self._rests[number], None)
        if key is not None:
            heappush(self._heads, (*key, number))

    def narrow(self, longest_ms: float) -> None:
        """Leave the first job behind, and those like it that have not at most this time limit."""
        *_, number = self._heads[0]
        self._rests[number] = self._lanes[number].within(longest_ms, after=self._heads[0][:2])
        self.advance()

    def close_lane(self) -> None:
        """Leave the first job behind, and all that are like it."""
        heappop(self._heads)

    def close(self) -> None:
        """Leave all behind."""
        self._heads.clear()


def goes_first(key: Key) -> bool:
    """Whether somebody moved the job to the front: then it need not share fairly with others."""
    return key[0] <= 0


def shape_of(job: Job) -> Shape:
    """What decides, beside its turn and its project, when a job can start."""
    return Shape(job.user, job.needs, job.array)


def _key(job: Job) -> Key:
    return job.order, job.job_id


def _limit(limited: tuple[int, Key]) -> int:
    return limited[0]


def _put(keys: list[Key], key: Key) -> None:
    if keys and key < keys[-1]:
        insort(keys, key)
    else:
        keys.append(key)


def _take_out(keys: list[T], key: T) -> None:
    del keys[bisect_left(keys, key)]


def _insert(lists: dict[str, list[Key]], project: str, key: Key) -> None:
    _put(lists.setdefault(project, []), key)


def _remove(lists: dict[str, list[Key]], project: str, key: Key) -> None:
    _take_out(lists[project], key)
    if not lists[project]:
        del lists[project]
