"""Plays a queue through ahead of time, with durations that somebody supposes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.queue import choose_next
from foundations.models import JobState

Lasts = Callable[[Job], int | None]
"""How long (ms) a job is supposed to last; None when nobody knows."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it (times in ms)."""

    starts: dict[str, int]
    passed_over: dict[str, int]
    """When jobs were first marked as passed over."""


def play(
    queued: Iterable[Job],
    holding: Iterable[Job],
    capacity: Capacity,
    lasts: Lasts,
    *,
    now_ms: int,
    arrivals: Sequence[Job] = (),
) -> Played:
    """Start jobs as the queue would, each as soon as it may, until nothing more can start.

    A job that has lasted longer than supposed ends any moment. One of unknown duration keeps what
    it has for ever.

    Args:
        queued: jobs that wait.
        holding: jobs that occupy slots.
        capacity: what there is in all.
        lasts: how long each job lasts.
        now_ms: the time at which this begins.
        arrivals: jobs that come later, at their `submitted_at_ms` and in that order.
    """
    play = _Play(Line(queued), {job.job_id: job for job in holding}, capacity, lasts, now_ms)
    coming = list(reversed(arrivals))
    while coming or play.goes_on:
        play.choose()
        next_ms = play.next_end_ms
        if coming and (next_ms is None or coming[-1].submitted_at_ms <= next_ms):
            play.arrive(coming.pop())
            while coming and coming[-1].submitted_at_ms == play.now_ms:
                play.arrive(coming.pop())
        elif next_ms is None:
            break
        else:
            play.end_next()
    return Played(play.starts, play.passed_over)


class _Play:
    def __init__(
        self, line: Line, running: dict[str, Job], capacity: Capacity, lasts: Lasts, now_ms: int
    ) -> None:
        self.now_ms = now_ms
        self.starts: dict[str, int] = {}
        self.passed_over: dict[str, int] = {}
        self._line = line
        self._running = running
        self._capacity = capacity
        self._lasts = lasts
        self._ends: list[tuple[int, str]] = []
        for job in running.values():
            self._expect_end(job)

    @property
    def goes_on(self) -> bool:
        """Whether jobs wait."""
        return bool(len(self._line))

    @property
    def next_end_ms(self) -> int | None:
        """When the next job ends."""
        return self._ends[0][0] if self._ends else None

    def choose(self) -> None:
        """Start what can start now."""
        running = self._running.values()
        decision = choose_next(self._line, running, self._capacity, now_ms=self.now_ms)
        for job_id in decision.passed_over:
            self._line.put(replace(self._line[job_id], passed_over_at_ms=self.now_ms))
            self.passed_over[job_id] = self.now_ms
        for pick in decision.picks:
            job = self._line[pick.job_id]
            self._line.drop(pick.job_id)
            self.starts[pick.job_id] = self.now_ms
            started = replace(
                job, state=JobState.RUNNING, gpus=pick.gpus, started_at_ms=self.now_ms
            )
            self._running[pick.job_id] = started
            self._expect_end(started)

    def arrive(self, job: Job) -> None:
        """Let a job come."""
        self.now_ms = max(self.now_ms, job.submitted_at_ms)
        self._line.put(job)

    def end_next(self) -> None:
        """Go to the next end, and let every job end that ends then."""
        self.now_ms = self._ends[0][0]
        while self._ends and self._ends[0][0] == self.now_ms:
            del self._running[heappop(self._ends)[1]]

    def _expect_end(self, job: Job) -> None:
        duration_ms = self._lasts(job)
        if duration_ms is None:
            return
        began_ms = self.now_ms if job.started_at_ms is None else job.started_at_ms
        heappush(self._ends, (max(self.now_ms, began_ms + duration_ms), job.job_id))
