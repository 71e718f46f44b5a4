"""The jobs that wait, sorted so that a choice among thousands looks at few of them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TypeVar

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.resources import Needs

K = TypeVar("K")
Key = tuple[int, str]
"""What jobs of one priority are sorted by: order, then id."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What jobs have in common that start under the same circumstances."""

    user: str
    needs: Needs
    array: int | None = None


Lane = tuple[Shape, Sequence[Key]]
"""Jobs of one priority, project and shape, in order: while the first cannot start, none can."""


class Line:
    """Every queued job, changed one by one as the queue changes."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs: dict[str, Job] = {}
        self._in_turn: dict[int, dict[str, list[Key]]] = {}
        self._held: dict[int, dict[str, list[Key]]] = {}
        self._lanes: dict[int, dict[str, dict[Shape, list[Key]]]] = {}
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
            _insert(lanes, shape_of(job), _key(job))
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
            projects = self._lanes[job.priority]
            _remove(projects[job.project], shape_of(job), _key(job))
            if not projects[job.project]:
                del projects[job.project]
            if not projects:
                del self._lanes[job.priority]
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
            project: list(lanes.items()) for project, lanes in self._lanes.get(priority, {}).items()
        }

    def _list_of(self, job: Job) -> dict[int, dict[str, list[Key]]]:
        return self._in_turn if job.held_by is None else self._held


class Cursor:
    """The jobs of one project and priority in order, without lanes that nothing comes of."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes = list(lanes)
        self._heads = [(*keys[0], number, 0) for number, (_, keys) in enumerate(self._lanes)]
        heapify(self._heads)

    @property
    def head(self) -> Key | None:
        """The first job that is left."""
        return self._heads[0][:2] if self._heads else None

    @property
    def shape(self) -> Shape:
        """Of the first job."""
        return self._lanes[self._heads[0][2]][0]

    def advance(self) -> None:
        """Leave the first job behind."""
        _, _, number, place = heappop(self._heads)
        keys = self._lanes[number][1]
        if place + 1 < len(keys):
            heappush(self._heads, (*keys[place + 1], number, place + 1))

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


def _insert(lists: dict[K, list[Key]], name: K, key: Key) -> None:
    keys = lists.setdefault(name, [])
    if keys and key < keys[-1]:
        insort(keys, key)
    else:
        keys.append(key)


def _remove(lists: dict[K, list[Key]], name: K, key: Key) -> None:
    keys = lists[name]
    del keys[bisect_left(keys, key)]
    if not keys:
        del lists[name]
