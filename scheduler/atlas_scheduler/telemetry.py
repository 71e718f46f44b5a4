"""What is counted and timed of the server itself, in Prometheus' own form.

No label has text that a user chooses, so that the number of series is bounded: projects and users
are not told apart. What the jobs table knows is asked when somebody looks, and never counted here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

import foundations
from atlas_scheduler.core.job import Job
from foundations.models import JobState

MEDIA_TYPE = CONTENT_TYPE_LATEST
Refusal = Literal["token", "wrong_tokens", "requests", "submits", "role", "owner", "host", "page"]
"""Why a request was refused: its token does not hold, too many such came from there, the token asks
or submits too often, its role or the owner forbids it, the server has another name, a page asks."""
LAG_SECONDS = 0.5
"""How often it is measured how late the event loop is."""
_WAITS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_STARTS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the scheduler stands at the moment somebody looks."""

    states: Mapping[JobState, int]
    slots: int
    gpus: int
    gpus_in_use: float
    engine: str
    engine_answers: bool
    free_bytes: int | None


class Telemetry:
    """All series of one server. Call it on the event loop only."""

    def __init__(self, *, seconds: Callable[[], float] = time.time) -> None:
        """Begin with zeros.

        Args:
            seconds: the time, in seconds since 1970 UTC.
        """
        self._seconds = seconds
        self._claimed: dict[str, tuple[int, float]] = {}
        """By job that starts: its attempt, and when it was chosen."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._make_counters()
        self._make_gauges()

    def _make_counters(self) -> None:
        registry = self.registry
        self.requests = Counter(
            "atlas_http_requests",
            "Requests answered, by the template of their route.",
            ("method", "route", "status"),
            registry=registry,
        )
        self.refusals = Counter(
            "atlas_http_refusals",
            "Requests that were refused for who asks, how often, or by what name.",
            ("status", "reason"),
            registry=registry,
        )
        self.answer_seconds = Histogram(
            "atlas_http_answer_seconds",
            "Time until an answer began.",
            ("method", "route"),
            registry=registry,
        )
        self.queue_wait = Histogram(
            "atlas_job_queue_wait_seconds",
            "Time from a submission to its first start.",
            buckets=_WAITS,
            registry=registry,
        )
        self.start_seconds = Histogram(
            "atlas_job_start_seconds",
            "Time from the choice of a job until it ran: images and environments are made then.",
            buckets=_STARTS,
            registry=registry,
        )
        self.ended = Counter(
            "atlas_jobs_ended", "Jobs that ended since the start.", ("state",), registry=registry
        )
        self.engine_errors = Counter(
            "atlas_engine_errors", "Questions that the engine did not answer.", registry=registry
        )
        self.loop_lag = Histogram(
            "atlas_event_loop_lag_seconds",
            "How much later than asked the event loop woke up.",
            buckets=_LAGS,
            registry=registry,
        )
        self.deliveries = Counter(
            "atlas_hook_deliveries",
            "Tries to tell hooks of the end of a job.",
            ("kind", "outcome"),
            registry=registry,
        )

    def _make_gauges(self) -> None:
        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"atlas_{name}", about, labels, registry=self.registry)

        self.followers = gauge("followers", "Readers of followed logs and of the change feed.")
        self._jobs = gauge("jobs", "Jobs there are, by state.", "state")
        self._slots = gauge("job_slots_in_use", "Jobs that take a slot.")
        self._gpus = gauge("gpus", "GPUs that jobs can get.")
        self._gpus_in_use = gauge("gpus_in_use", "GPUs, and shares of them, that jobs have.")
        self._engine_up = gauge("engine_up", "Whether the engine answered last.", "engine")
        self._free = gauge("disk_free_bytes", "Free space on the disk that is nearest to its mark.")
        build = gauge("build_info", "The version that runs.", "version")
        build.labels(foundations.__version__).set(1)

    # -- what happens

    def moved(self, job: Job) -> None:
        """Take notice of a transition of a job that is durable."""
        now = self._seconds()
        if job.state is JobState.STARTING:
            if self._claimed.get(job.job_id, (0, 0.0))[0] != job.attempt:
                self._claimed[job.job_id] = (job.attempt, now)
                if job.attempt == 1:
                    self.queue_wait.observe(max(0.0, now - job.submitted_at_ms / 1000))
            return
        claimed = self._claimed.pop(job.job_id, None)
        if claimed is not None and job.state is JobState.RUNNING:
            self.start_seconds.observe(max(0.0, now - claimed[1]))
        if job.is_final:
            self.ended.labels(job.state.value).inc()

    def refused(self, status: int, reason: Refusal) -> None:
        """Count a request that was not let in."""
        self.refusals.labels(status, reason).inc()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Count a follower while it reads."""
        self.followers.inc()
        try:
            yield
        finally:
            self.followers.dec()

    async def watch_loop(self) -> None:
        """Measure how late the event loop is, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            asleep_at = clock()
            await asyncio.sleep(LAG_SECONDS)
            self.loop_lag.observe(max(0.0, clock() - asleep_at - LAG_SECONDS))

    # -- what is told

    def text(self, standing: Standing) -> str:
        """Write everything down, in the text format of Prometheus."""
        for state in JobState:
            self._jobs.labels(state.value).set(standing.states.get(state, 0))
        self._slots.set(standing.slots)
        self._gpus.set(standing.gpus)
        self._gpus_in_use.set(standing.gpus_in_use)
        self._engine_up.labels(standing.engine).set(standing.engine_answers)
        if standing.free_bytes is not None:
            self._free.set(standing.free_bytes)
        return generate_latest(self.registry).decode()
