"""What the service in memory knows, and what tests let happen to its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.execs import BUFFER_BYTES, Execs, Tunnels
from atlas_scheduler.telemetry import Telemetry
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.logs.times import TimeMarks
from foundations.models import (
    ArrayView,
    Change,
    JobState,
    JobView,
    NoteView,
    QueueChange,
    QueueView,
    RetentionRule,
    ScheduleView,
    Submission,
    Waiting,
)
from tests.api.echo_session import EchoSession
from tests.api.fake_service.machine import FakeMachine
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.shelves import FakeImages, FakeShelf
from tests.api.fake_tokens import FakeTokens


@dataclass
class FakeJob:
    """One job, and what it left."""

    job_id: str
    submission: Submission
    state: JobState = JobState.QUEUED
    exit_code: int | None = None
    reason: str | None = None
    log: bytearray = field(default_factory=bytearray)
    log_marks: TimeMarks = field(default_factory=TimeMarks)
    artifacts: dict[str, tuple[str, Path]] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    notes: list[NoteView] = field(default_factory=list)
    priority: int = 0
    held_by: str | None = None


class State:
    """Jobs in a dict, logs as bytes, changes in a list. Use it from its event loop only."""

    def __init__(self) -> None:
        self.bundles: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        """Files of bundles, by the digest of each."""
        self.incoming = 0
        """Uploads under way."""
        self.followers = 0
        """Logs and feeds that someone reads at this moment."""
        self.heartbeat_seconds = 15.0
        self.max_bundle_bytes = 10_000_000
        self.broken: Exception | None = None
        """Raised by `info` and in the middle of archives."""
        self.archive_tag: str | None = None
        self.submissions = 0
        self._jobs: dict[str, FakeJob] = {}
        self._keys: dict[str, str] = {}
        self._arrays: dict[str, ArrayView] = {}
        self._schedules: dict[str, ScheduleView] = {}
        self._changes: list[Change] = []
        self._new_names: dict[str, str] = {}
        self._descriptions: dict[str, str] = {}
        self._rules: dict[str, RetentionRule | None] = {}
        self._queue = QueueView(max_running_jobs=1)
        self._queue_changes: list[QueueChange] = []
        self._deleted: dict[str, FakeJob] = {}
        self._recorded: set[str] = set()
        self._changed = asyncio.Event()
        self.environments = FakeShelf()
        self.images = FakeImages()
        self.offered_volumes: dict[str, OfferedVolume] = {}
        self.machine = FakeMachine()
        self.execs = Execs()
        self.tunnels = Tunnels()
        self.tokens = FakeTokens()
        self.telemetry = Telemetry()
        self.is_ready = True
        self.exec_buffer_bytes = BUFFER_BYTES
        self.echoes: list[EchoSession] = []
        """The commands that run beside jobs, or did."""

    def start(self, job_id: str) -> None:
        self._move(job_id, "Started", JobState.RUNNING)

    def write_log(self, job_id: str, data: bytes, *, at_ms: int | None = None) -> None:
        job = self._jobs[job_id]
        if at_ms is not None:
            job.log_marks.add(len(job.log), at_ms)
        job.log += data
        self.announce()

    def finish(self, job_id: str, exit_code: int = 0) -> None:
        self._jobs[job_id].exit_code = exit_code
        self._move(job_id, "Exited", JobState.FAILED if exit_code else JobState.COMPLETED)

    def happen(self, job_id: str, event: str) -> None:
        """Add a change that moves nothing."""
        self._move(job_id, event, self._jobs[job_id].state)

    def save_artifact(self, job_id: str, key: str, path: Path) -> None:
        self._jobs[job_id].artifacts[key] = (path.name, path)

    def measure(self, job_id: str, name: str, *values: float) -> None:
        self._jobs[job_id].metrics.setdefault(name, []).extend(values)

    def record(self, job_id: str) -> None:
        """Let a job record something."""
        self._recorded.add(job_id)
        self.announce()

    def forget(self, job_id: str) -> None:
        self._move(job_id, "Deleted", self._jobs[job_id].state)
        self._deleted[job_id] = self._jobs.pop(job_id)

    def announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that this service can see."""
        async with asyncio.timeout(10):
            while not condition():
                await self._changed.wait()

    async def resolve(self, ref: str) -> str:
        found = meant_by(ref, self._jobs, what="job")
        if len(found) > 1:
            raise AmbiguousJob(f"`{ref}` fits {len(found)} jobs.")
        return found[0]

    def _move(self, job_id: str, event: str, state: JobState) -> None:
        job = self._jobs[job_id]
        job.state = state
        self._changes.append(
            Change(
                seq=self._next_seq(),
                at=MOMENT,
                job_id=job_id,
                project=job.submission.spec.project,
                event=event,
                state=state,
                detail={"text": "line\nand ünïcode"},
            )
        )
        self.announce()

    def _next_seq(self) -> int:
        return len(self._changes) + len(self._queue_changes) + 1

    def _view(self, job: FakeJob) -> JobView:
        spec = job.submission.spec
        queued = job.state is JobState.QUEUED
        return JobView(
            job_id=job.job_id,
            project=spec.project,
            user=spec.user,
            state=job.state,
            reason=job.reason,
            exit_code=job.exit_code,
            command=list(spec.command),
            priority=job.priority,
            held_by=job.held_by,
            submitted_at=MOMENT,
            parameters=spec.params,
            tags=job.tags,
            waiting=Waiting(reason="behind another job", position=1) if queued else None,
        )


def meant_by(ref: str, ids: Iterable[str], *, what: str) -> list[str]:
    """The ids, one at least, that begin like this."""
    if len(ref) < 4:
        raise InvalidRequest(f"`{ref}` is too short: give 4 characters or more.")
    found = [one for one in ids if one.startswith(ref)]
    if not found:
        raise NotFound(f"There is no {what} `{ref}`.")
    return found
