"""A made-up trace of jobs for one machine with GPUs, and how well a way of queueing uses it.

Its shape is that of shared GPU machines: most jobs are small and short, and most of the GPU time
goes to the few that are neither. Jobs need 1, 2, 4 or 8 GPUs (70, 12, 10 and 8 of 100), and last a
log-normal time (median 10 minutes, sigma 1.6, at most a day). They come at random (exponential
pauses) with 1.2 times the work that the machine can do, so that there always is a queue.

Time limits, where jobs have them, are as people write them: 1 to 10 times as long as the job runs
(log-uniform), rounded up to a number that one would say, at most a week.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Limits
from atlas_scheduler.core.playing import Played, play
from foundations.models import JobState

GPUS = tuple(f"gpu-{number}" for number in range(8))
SIZES, SHARES = (1, 2, 4, 8), (70, 12, 10, 8)
MEDIAN_MS, SIGMA, LONGEST_MS = 600_000, 1.6, 86_400_000
LOAD = 1.2
MOST_TOO_LONG = 10.0
MINUTE_MS = 60_000
SPOKEN_MS = [
    MINUTE_MS * minutes
    for hours in (0.25, 0.5, 1, 2, 4, 6, 8, 12, 24, 36, 48, 72, 96, 120, 168)
    for minutes in [round(60 * hours)]
]
"""Time limits that people write."""

Limited = Literal["none", "half", "all"]
"""Which jobs have a time limit."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Jobs as they come, and how long each lasts."""

    jobs: Sequence[Job]
    lasts_ms: dict[str, int]

    limits_ms: Sequence[int]
    """The time limit of each job, where it has one."""

    @property
    def span_ms(self) -> int:
        """From the beginning to the last arrival."""
        return self.jobs[-1].submitted_at_ms

    def played(self, *, backfill_ms: int, limited: Limited = "none") -> Played:
        """Let the queue work it off.

        Args:
            backfill_ms: as the setting; with 0 nobody passes anybody, as in a strict queue.
            limited: which jobs have a time limit.
        """
        capacity = Capacity(len(GPUS), GPUS, backfill_ms=backfill_ms)
        every = {"none": 0, "half": 2, "all": 1}[limited]
        arrivals = list(self.jobs)
        for place in range(0, len(arrivals) if every else 0, every or 1):
            limits = Limits(time_ms=self.limits_ms[place])
            arrivals[place] = replace(arrivals[place], limits=limits)
        return play([], [], capacity, self._lasts, now_ms=0, arrivals=arrivals)

    def utilisation(self, played: Played) -> float:
        """Which part of the GPU time was used while jobs came, in percent."""
        used = sum(
            job.num_gpus * max(0, min(end, self.span_ms) - start)
            for job in self.jobs
            for start in [played.starts[job.job_id]]
            for end in [start + self.lasts_ms[job.job_id]]
        )
        return 100 * used / (len(GPUS) * self.span_ms)

    def waits_minutes(self, played: Played) -> list[float]:
        """How long each job waited."""
        return [(played.starts[job.job_id] - job.submitted_at_ms) / 60_000 for job in self.jobs]

    def _lasts(self, job: Job) -> int:
        return self.lasts_ms[job.job_id]


def make_trace(count: int, *, seed: int) -> Trace:
    """Make up a trace; the same seed makes the same one."""
    chance = Random(seed)
    sizes = chance.choices(SIZES, SHARES, k=count)
    lasts = [
        min(LONGEST_MS, max(1_000, round(MEDIAN_MS * chance.lognormvariate(0, SIGMA))))
        for _ in range(count)
    ]
    work_ms = statistics.fmean(a * b for a, b in zip(sizes, lasts, strict=True))
    pause_ms = work_ms / (len(GPUS) * LOAD)
    at_ms, jobs = 0.0, []
    first = Job("", "bench", JobState.QUEUED, order=1)
    for number, size in enumerate(sizes, start=1):
        at_ms += chance.expovariate(1 / pause_ms)
        jobs.append(
            replace(
                first,
                job_id=f"job-{number}",
                order=number,
                num_gpus=size,
                submitted_at_ms=round(at_ms),
            )
        )
    limits = [_limit_ms(duration, chance) for duration in lasts]
    return Trace(jobs, dict(zip((job.job_id for job in jobs), lasts, strict=True)), limits)


def _limit_ms(lasts_ms: int, chance: Random) -> int:
    wanted = lasts_ms * MOST_TOO_LONG ** chance.random()
    return next((limit for limit in SPOKEN_MS if limit >= wanted), SPOKEN_MS[-1])
