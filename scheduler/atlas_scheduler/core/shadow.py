"""What surely becomes free in the course of time, because running jobs have time limits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.resources import Needs, Room
from foundations.models import JobState


def sure_end_ms(job: Job, capacity: Capacity, *, now_ms: int) -> int | None:
    """By when a job that holds a slot has surely ended; None when nothing says so.

    One that starts is not there yet: its time begins to count once it runs. One that is over its
    time ends any moment.
    """
    if job.state is JobState.STOPPING:
        return now_ms + capacity.grace_ms
    if job.deadline_ms is None:
        return None
    return max(now_ms, job.deadline_ms + capacity.grace_ms)


class Shadow:
    """What is surely free at later moments: nothing but what ends by then."""

    def __init__(self, capacity: Capacity, *, now_ms: int) -> None:
        self._capacity = capacity
        self._now_ms = now_ms
        self._taken: list[tuple[Needs, Sequence[str], int | None]] = []

    def occupy(self, needs: Needs, gpus: Sequence[str], until_ms: int | None) -> None:
        """Take what a job has that surely ends by then; with None it never does."""
        self._taken.append((needs, gpus, until_ms))

    def room_at(self, at_ms: int, now: Room, reserved: Iterable[Job]) -> Room:
        """What is surely free at a moment, beside what reserved jobs need.

        GPUs that are free already are left over as far as possible, since others can have them.

        Args:
            at_ms: the moment.
            now: what is free already.
            reserved: jobs that this is kept for, in order.
        """
        room = self._capacity.empty(last_gpus=now.whole_gpus())
        for needs, gpus, until_ms in self._taken:
            if until_ms is None or until_ms > at_ms:
                room.occupy(needs, gpus)
        for job in reserved:
            room.keep_for(job.job_id, job.needs)
        return room

    def fits_by_ms(self, needs: Needs, now: Room, reserved: Collection[Job]) -> int | None:
        """By when there is surely room, beside what reserved jobs need; None when nobody knows."""
        ends = {until_ms for _, _, until_ms in self._taken if until_ms is not None}
        moments = sorted(ends | {self._now_ms})

        def fits(at_ms: int) -> bool:
            return not self.room_at(at_ms, now, reserved).shortages(needs)

        place = bisect_left(moments, True, key=fits)
        return moments[place] if place < len(moments) else None
