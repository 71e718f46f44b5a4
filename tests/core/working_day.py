"""A queue that is worked off moment by moment, with retries, time limits and jobs of all sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from hypothesis import strategies as st

from atlas_scheduler.core.capacity import Capacity, RunningLimits
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Limits
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.queue import Decision, choose_next
from foundations.models import JobState
from tests.core.queue_jobs import FOUR_GPUS, waiting


@dataclass(frozen=True)
class Seen:
    """A decision, and what it was made about."""

    now_ms: int
    held: list[Job]
    queued: dict[str, Job]
    decision: Decision

    @property
    def picked(self) -> list[Job]:
        """Who starts, with what it gets."""
        picks = self.decision.picks
        return [replace(self.queued[pick.job_id], gpus=pick.gpus) for pick in picks]


@dataclass
class WorkingDay:
    """Jobs that come over time, and how long each attempt of each lasts."""

    capacity: Capacity
    jobs: list[Job] = field(default_factory=list)
    attempts_ms: dict[str, list[int]] = field(default_factory=dict)
    """All but the last fail, and are tried again."""
    starts: dict[str, list[int]] = field(default_factory=dict)

    def pass_by(self) -> Iterator[Seen]:
        """Work all off; ends when nothing is left to do."""
        line, running, now_ms = Line(), dict[str, Job](), 0
        moments: list[tuple[int, int, Job]] = [
            (job.submitted_at_ms, job.order, job) for job in self.jobs
        ]
        self.starts = {job.job_id: [] for job in self.jobs}
        while moments:
            now_ms = moments[0][0]
            while moments and moments[0][0] == now_ms:
                self._happen(heappop(moments)[2], line, running, moments, now_ms)
            held, queued = list(running.values()), {job.job_id: job for job in line}
            decision = choose_next(line, held, self.capacity, now_ms=now_ms)
            yield Seen(now_ms, held, queued, decision)
            for job_id in decision.passed_over:
                line.put(replace(line[job_id], passed_over_at_ms=now_ms))
            for pick in decision.picks:
                job = replace(queued[pick.job_id], state=JobState.RUNNING, gpus=pick.gpus)
                line.drop(pick.job_id)
                running[pick.job_id] = job = replace(job, started_at_ms=now_ms)
                lasts_ms = self.attempts_ms[job.job_id][len(self.starts[job.job_id])]
                self.starts[job.job_id].append(now_ms)
                heappush(moments, (now_ms + lasts_ms, job.order, job))

    def _happen(
        self,
        job: Job,
        line: Line,
        running: dict[str, Job],
        moments: list[tuple[int, int, Job]],
        now_ms: int,
    ) -> None:
        """Let a job come, or come back, or end."""
        if job.state is JobState.QUEUED:
            line.put(job)
            return
        del running[job.job_id]
        if len(self.starts[job.job_id]) < len(self.attempts_ms[job.job_id]):
            again = replace(
                job,
                state=JobState.QUEUED,
                gpus=(),
                started_at_ms=None,
                not_before_ms=now_ms + 5,
                passed_over_at_ms=None,
            )
            line.put(again)
            heappush(moments, (now_ms + 5, job.order, again))


@st.composite
def working_days(draw: st.DrawFn, *, limited: bool = False) -> WorkingDay:
    """Any mix; of the jobs that have a time limit none exceeds it. `limited` limits users too."""
    gpus = FOUR_GPUS[: draw(st.integers(1, 4))]
    limits = RunningLimits(
        each_user=draw(st.sampled_from([None, 1, 2])) if limited else None,
        each_project=draw(st.sampled_from([None, 1, 2])) if limited else None,
    )
    day = WorkingDay(
        Capacity(
            draw(st.integers(1, 5)),
            gpus,
            cpus=4,
            ram_gb=8,
            limits=limits,
            backfill_ms=draw(st.sampled_from([1, 30, 200])),
            grace_ms=draw(st.sampled_from([0, 2])),
            start_ms=draw(st.sampled_from([0, 1])),
        )
    )
    at_ms, sizes = 0, [0, 0.25, 0.5, 1, 1, len(gpus)]
    factors: list[list[int | None]] = [[None, 1, 4], [1, 1, 2, 6]]
    times_too_long = draw(st.sampled_from(factors))
    for number in range(1, draw(st.integers(2, 40)) + 1):
        at_ms += draw(st.sampled_from([0, 0, 1, 7, 20]))
        job = waiting(
            number,
            num_gpus=draw(st.sampled_from(sizes)),
            cpus=draw(st.sampled_from([0, 0, 1, 4])),
            ram_gb=draw(st.sampled_from([0, 0, 3, 8])),
            project=draw(st.sampled_from(["iris", "cats", "dogs"])),
            user=draw(st.sampled_from(["ada", "bob"])),
        )
        attempts_ms = draw(st.lists(st.integers(1, 50), min_size=1, max_size=2))
        too_long = draw(st.sampled_from(times_too_long))
        time_limit = Limits(time_ms=too_long and max(attempts_ms) * too_long)
        day.jobs.append(replace(job, submitted_at_ms=at_ms, limits=time_limit))
        day.attempts_ms[job.job_id] = attempts_ms
    return day
