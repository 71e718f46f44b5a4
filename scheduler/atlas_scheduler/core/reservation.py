"""What is kept for jobs that were passed over for too long, and who may have it meanwhile.

A reserved job starts once what it lacks is free, at the latest when the time limits of jobs that
run have seen to that. Who surely ends by then takes nothing from it, and neither does who can do
with what is free then beside what it needs (docs/scheduling.md).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.resources import Needs, Room, Scarce, choose_gpus
from atlas_scheduler.core.shadow import Shadow, sure_end_ms


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs there are of each project, user and array."""

    by_project: Counter[str] = field(default_factory=Counter)
    by_user: Counter[str] = field(default_factory=Counter)
    by_array: Counter[int] = field(default_factory=Counter)

    def add(self, job: Job) -> None:
        """Count a job."""
        self.by_project[job.project] += 1
        self.by_user[job.user] += 1
        if job.array is not None:
            self.by_array[job.array] += 1


@dataclass(frozen=True, slots=True)
class Promise:
    """What is kept for a reserved job, and for those that wait for the same behind it."""

    job_id: str
    by_ms: int | None
    """Who surely ends by then may have it; with None nobody may."""
    room: Room
    """What others may have for as long as they like."""

    def binds(self, end_ms: float) -> bool:
        """Whether a job that surely ends then must leave alone what is kept."""
        return self.by_ms is None or end_ms > self.by_ms


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a job may not have what is free."""

    job_id: str
    """The job that it is kept for."""
    short: tuple[Scarce, ...]
    """What is kept."""
    over_by_ms: int | None
    """By when a time limit must be over with which it may have it, were it free; None lets none."""


class Reservations:
    """What is free, and which part of it is kept for whom."""

    def __init__(self, capacity: Capacity, running: Iterable[Job], *, now_ms: int) -> None:
        self._capacity = capacity
        self._now_ms = now_ms
        self._beside_limit_ms = capacity.start_ms + capacity.grace_ms
        """How much longer than its time limit a job may take from its start on."""
        self._shadow = Shadow(capacity, now_ms=now_ms)
        self._reserved: dict[str, Job] = {}
        self._refusals: dict[str, Refusal] = {}
        self._lacking: set[Scarce] = set()
        self._promises: list[Promise] = []
        self._moments: list[float] = [math.inf]
        self.room = capacity.empty()
        """What is free now, kept or not."""
        self.tally = Tally()
        """Reserved jobs that others passed before: they have their places within all limits."""
        for job in running:
            self.room.occupy(job.needs, job.gpus)
            self._shadow.occupy(job.needs, job.gpus, sure_end_ms(job, capacity, now_ms=now_ms))

    @property
    def reserved(self) -> Mapping[str, Job]:
        """The jobs that something is kept for, by id and in order."""
        return self._reserved

    def end_ms(self, job: Job) -> float:
        """By when a job has surely ended that starts now."""
        if job.limits.time_ms is None:
            return math.inf
        return self._now_ms + job.limits.time_ms + self._beside_limit_ms

    def latest_end_ms(self, needs: Needs) -> float | None:
        """By when a job that needs this must surely have ended to start now.

        Returns:
            Infinity when that does not matter; None when it cannot start whenever it ends.
        """
        if self.room.shortages(needs):
            return None
        for end_ms in self._moments:
            if not self._bound(end_ms) or self._choose(needs, end_ms) is not None:
                return end_ms
        return None

    def longest_limit_ms(self, end_ms: float) -> float:
        """The longest time limit of a job that starts now and surely ends by then."""
        return end_ms - self._now_ms - self._beside_limit_ms

    def take(self, job: Job) -> tuple[str, ...]:
        """Hand out what a job needs, which it must be allowed to have; returns its GPUs."""
        end_ms = self.end_ms(job)
        gpus = self._choose(job.needs, end_ms)
        assert gpus is not None
        self.room.occupy(job.needs, gpus)
        self._shadow.occupy(job.needs, gpus, None)
        for promise in self._promises:
            if promise.binds(end_ms):
                promise.room.occupy(job.needs, gpus)
        return gpus

    def keep_for(self, job: Job) -> None:
        """Let nobody take what a job waits for, nor what it will need beside that.

        A job that lacks the same as one before it cannot surely start before that one does: who
        delays the first of them not, does not delay it either.
        """
        rooms = [self.room, *(promise.room for promise in self._promises)]
        short = {what for room in rooms for what in room.shortages(job.needs)}
        follows = any(job.needs.include(what) for what in self._lacking)
        by_ms = None
        if not follows and self._capacity.backfill_ms:
            by_ms = self._shadow.fits_by_ms(job.needs, self.room, self._reserved.values())
        self._lacking |= short or {Scarce.GPUS}
        refusal = self.refusal(job)
        if refusal is not None:
            self._refusals[job.job_id] = refusal
        self._reserved[job.job_id] = job
        if self._capacity.backfill_ms:
            self.tally.add(job)
        for promise in self._promises:
            promise.room.keep_for(job.job_id, job.needs)
        if not follows:
            self._promise(job, by_ms)

    def refusal(self, job: Job) -> Refusal | None:
        """For whom something is kept that a job would need."""
        if job.job_id in self._reserved:
            return self._refusals.get(job.job_id)
        end_ms = self.end_ms(job)
        bound = [promise for promise in self._promises if promise.binds(end_ms)]
        refusing = [promise for promise in bound if promise.room.shortages(job.needs)]
        if not refusing:
            has_room = not self.room.shortages(job.needs)
            if not has_room or self._choose(job.needs, end_ms) is not None:
                return None
            refusing = bound  # each leaves some GPUs, and not the same ones
        first = refusing[0]
        short = first.room.shortages(job.needs) or (Scarce.GPUS,)
        kept = [first.room.kept[what] for what in short if what in first.room.kept]
        return Refusal(kept[0] if kept else first.job_id, short, self._over_by_ms(refusing))

    def _over_by_ms(self, refusing: Iterable[Promise]) -> int | None:
        moments = [promise.by_ms for promise in refusing]
        known = [by_ms for by_ms in moments if by_ms is not None]
        if len(known) < len(moments):
            return None
        over_by_ms = min(known) - self._beside_limit_ms
        return over_by_ms if over_by_ms > self._now_ms else None

    def _promise(self, job: Job, by_ms: int | None) -> None:
        if by_ms is not None:
            # Limits may be far longer than jobs run: what they promise is not waited for for ever.
            latest_ms = (job.passed_over_at_ms or 0) + 2 * self._capacity.backfill_ms
            room = self._shadow.room_at(by_ms, self.room, [job])
            self._promises.append(Promise(job.job_id, min(by_ms, latest_ms), room))
            self._moments = sorted({*self._moments, min(by_ms, latest_ms)}, reverse=True)
        elif all(promise.by_ms is not None for promise in self._promises):
            room = self.room.copy()
            room.keep_for(job.job_id, job.needs)
            self._promises.append(Promise(job.job_id, None, room))

    def _choose(self, needs: Needs, end_ms: float) -> tuple[str, ...] | None:
        return choose_gpus(needs, [self.room, *self._bound(end_ms)])

    def _bound(self, end_ms: float) -> list[Room]:
        """What is left beside what is kept, for a job that surely ends then."""
        return [promise.room for promise in self._promises if promise.binds(end_ms)]
