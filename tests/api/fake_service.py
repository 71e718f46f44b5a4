"""A scheduler's service in memory: small, and true in what the API and the client can see of it."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import foundations
from atlas_scheduler.api.logs import FARTHEST
from atlas_scheduler.core.access import Sharing
from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.core.time_index import TimeIndex
from atlas_scheduler.execs import BUFFER_BYTES, Execs, Running, Tunnels
from atlas_scheduler.job_files import PackedArchive
from atlas_scheduler.store.log_search import search_log
from atlas_scheduler.store.log_times import times_of
from atlas_scheduler.telemetry import Standing, Telemetry
from foundations.bundle_listing import digest_of, distinct, parse_listing
from foundations.decimation import decimate
from foundations.errors import (
    AmbiguousJob,
    BundleRejected,
    InvalidRequest,
    JobConflict,
    NotFound,
    SchedulerError,
    TooLarge,
)
from foundations.log_times import TimeMarks
from foundations.models import (
    API_VERSION,
    FINAL_STATES,
    SYSTEM_PREFIX,
    Accepted,
    ArrayView,
    ArtifactView,
    BundleView,
    Change,
    Cleared,
    DeletedProject,
    DiskView,
    EngineView,
    EnvironmentsView,
    EnvironmentView,
    ExecInput,
    ExecView,
    ExpiredJob,
    FileDiff,
    FileList,
    FilesReceived,
    FileView,
    GarbageView,
    GpuView,
    HostView,
    ImagesView,
    ImageView,
    JobDetail,
    JobPage,
    JobsStopped,
    JobState,
    JobView,
    Leftover,
    LogMatches,
    LogSearch,
    LogTimes,
    LogTimesRange,
    MetricPoint,
    MetricSeries,
    MetricSummary,
    MissingFile,
    MissingFiles,
    NewArray,
    NewExec,
    NewQueueSettings,
    NewRecords,
    NewSchedule,
    NoteView,
    PauseView,
    ProjectDisk,
    ProjectView,
    PrunedEnvironments,
    PrunedImages,
    QueueChange,
    QueueView,
    ReadinessView,
    RetentionRule,
    RetentionView,
    SchedulerInfo,
    ScheduleView,
    SourceDiff,
    StopJobs,
    StopRefusal,
    Submission,
    TerminalSize,
    TunnelView,
    Waiting,
)
from foundations.models.arrays import read_indices
from foundations.provenance import Provenance
from tests.api.echo_session import EchoSession
from tests.api.fake_tokens import FakeTokens
from tests.store.listings import unframed

if TYPE_CHECKING:
    from atlas_scheduler.service import Service

MOMENT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
LOG_PIECE_BYTES = 1000
BUNDLE = b"a packed directory"
DIGEST = f"sha256:{hashlib.sha256(BUNDLE).hexdigest()}"


@dataclass
class _Job:
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


def _has_key(job: _Job, submission: Submission) -> bool:
    """Whether a job that goes on has the unique key of a submission."""
    has_key = submission.unique is not None and job.submission.unique == submission.unique
    return has_key and job.state not in FINAL_STATES


class FakeMachine:
    """A machine with two processors and one GPU, which a job holds."""

    def __init__(self) -> None:
        self.problem: Exception | None = None

    async def host(self) -> HostView:
        if self.problem is not None:
            raise self.problem
        return HostView(
            at=MOMENT,
            hostname="gpu-box",
            cpus=2,
            cpu_percent=12.5,
            load_average=[0.5, 0.25, 0.125],
            memory_used_bytes=3_000_000_000,
            memory_total_bytes=8_000_000_000,
            disk_used_bytes=1_000_000_000,
            disk_free_bytes=3_000_000_000,
            disk_total_bytes=4_000_000_000,
            gpus=[
                GpuView(
                    id="GPU-1",
                    index=0,
                    name="Tesla T4",
                    utilization_percent=97.0,
                    memory_used_bytes=15_000_000_000,
                    memory_total_bytes=16_000_000_000,
                    job_id="45540b52-ffe2-44ab-9838-db467d3499c0",
                )
            ],
        )

    async def disk(self) -> DiskView:
        if self.problem is not None:
            raise self.problem
        return DiskView(
            at=MOMENT,
            complete=True,
            archives_bytes=3_000_000,
            bundles_bytes=2_000_000,
            work_dirs_bytes=0,
            environments_bytes=0,
            database_bytes=100_000,
            projects=[
                ProjectDisk(name="digits", jobs=2, archive_bytes=3_000_000, bundle_bytes=2_000_000)
            ],
        )


class FakeShelf:
    """One environment, until it is pruned."""

    def __init__(self) -> None:
        self.ready = [
            EnvironmentView(
                key="3f2a" * 8,
                base="atlas-ce/worker:latest",
                python="3.11.2",
                packages=["numpy==2.1.0"],
                size_bytes=80_000_000,
                created_at=MOMENT,
                used_at=MOMENT,
            )
        ]

    async def view(self) -> EnvironmentsView:
        return EnvironmentsView(
            environments=self.ready,
            size_bytes=sum(one.size_bytes for one in self.ready),
            wheels_bytes=1_000,
            max_bytes=20_000_000_000,
        )

    async def prune(self, *, unused_days: float, by: str) -> PrunedEnvironments:
        kept = self.ready if unused_days else []
        gone = [one for one in self.ready if one not in kept]
        self.ready = kept
        return PrunedEnvironments(
            removed=len(gone), freed_bytes=sum(one.size_bytes for one in gone), in_use=0
        )


class FakeImages:
    """One built image, until it is pruned."""

    def __init__(self) -> None:
        self.built = [
            ImageView(
                key="3f2a" * 4,
                tag=f"atlas-build/abcd1234:{'3f2a' * 4}",
                dockerfile="Dockerfile",
                base="python:3.11-slim",
                size_bytes=70_000_000,
                created_at=MOMENT,
                used_at=MOMENT,
            )
        ]

    async def view(self) -> ImagesView:
        size_bytes = sum(one.size_bytes for one in self.built)
        return ImagesView(images=self.built, size_bytes=size_bytes, max_bytes=50_000_000_000)

    async def prune(self, *, unused_days: float, by: str) -> PrunedImages:
        kept = self.built if unused_days else []
        gone = [one for one in self.built if one not in kept]
        self.built = kept
        freed_bytes = sum(one.size_bytes for one in gone)
        return PrunedImages(removed=len(gone), freed_bytes=freed_bytes, in_use=0)


class FakeService:
    """Jobs in a dict, logs as bytes, changes in a list. Use it from its event loop only.

    Everything in it is the owner's, who alone asks.
    """

    sharing = Sharing.EVERYONE_READS

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
        self.archive_tag: str | None = None
        """Raised by `info` and in the middle of archives."""
        self.submissions = 0
        self._jobs: dict[str, _Job] = {}
        self._keys: dict[str, str] = {}
        self._arrays: dict[str, ArrayView] = {}
        self._schedules: dict[str, ScheduleView] = {}
        self._changes: list[Change] = []
        self._new_names: dict[str, str] = {}
        self._descriptions: dict[str, str] = {}
        self._rules: dict[str, RetentionRule | None] = {}
        self._queue = QueueView(max_running_jobs=1)
        self._queue_changes: list[QueueChange] = []
        self._deleted: dict[str, _Job] = {}
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

    async def measurements(self) -> str:
        standing = Standing(
            states={}, slots=0, gpus=0, gpus_in_use=0, engine="fake", engine_answers=True,
            free_bytes=None,
        )  # fmt: skip
        return self.telemetry.text(standing)

    async def readiness(self) -> ReadinessView:
        return ReadinessView(ready=self.is_ready, database=self.is_ready, engine=True)

    # -- what happens to jobs

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

    # -- what the API calls

    async def info(self) -> SchedulerInfo:
        if self.broken is not None:
            raise self.broken
        return SchedulerInfo(
            version=foundations.__version__,
            api_version=API_VERSION,
            instance="0123abcd",
            pid=1,
            home="/home/someone/.foundations",
            engine=EngineView(name="fake", isolated=False, available=True),
            queue=self._queue,
            last_seq=self._next_seq() - 1,
        )

    async def projects(self, *, user: str | None = None) -> list[ProjectView]:
        names = {self._project(job) for job in self._jobs.values()}
        return [self._project_view(name) for name in sorted(names)]

    async def rename_project(self, name: str, new_name: str, *, by: str) -> ProjectView:
        self._require_project(name)
        self._new_names[name] = new_name
        return self._project_view(new_name)

    async def describe_project(self, name: str, description: str, *, by: str) -> ProjectView:
        self._require_project(name)
        self._descriptions[name] = description
        return self._project_view(name)

    async def set_retention(self, name: str, rule: RetentionRule | None, *, by: str) -> ProjectView:
        self._require_project(name)
        self._rules[name] = rule
        return self._project_view(name)

    async def garbage(self) -> GarbageView:
        return GarbageView(
            at=MOMENT,
            jobs=[
                ExpiredJob(
                    job_id=job_id,
                    project=self._project(job),
                    finished_at=MOMENT,
                    reason="kept no longer",
                    archive_bytes=1000,
                )
                for job_id, job in self._jobs.items()
                if job.state in FINAL_STATES and self._rules.get(self._project(job)) is not None
            ],
            leftovers=[Leftover(kind="upload", name="ab.part", size_bytes=10)],
        )

    async def prune_environments(self, *, unused_days: float, by: str) -> PrunedEnvironments:
        return await self.environments.prune(unused_days=unused_days, by=by)

    async def prune_images(self, *, unused_days: float, by: str) -> PrunedImages:
        return await self.images.prune(unused_days=unused_days, by=by)

    async def collect_garbage(self, *, by: str) -> GarbageView:
        found = await self.garbage()
        for one in found.jobs:
            self.forget(one.job_id)
        return found

    async def delete_project(self, name: str, *, by: str) -> DeletedProject:
        self._require_project(name)
        found = [job for job in self._jobs.values() if self._project(job) == name]
        if any(job.state not in FINAL_STATES for job in found):
            raise JobConflict(f"Project `{name}` has jobs that have not ended.")
        for job in found:
            self.forget(job.job_id)
        return DeletedProject(name=name, jobs=len(found))

    def _require_project(self, name: str) -> None:
        if all(self._project(job) != name for job in self._jobs.values()):
            raise NotFound(f"There is no project `{name}`.")

    def _project(self, job: _Job) -> str:
        name = job.submission.spec.project
        return self._new_names.get(name, name)

    def _project_view(self, name: str) -> ProjectView:
        description = self._descriptions.get(name, "")
        rule = self._rules.get(name)
        shown = None if rule is None else RetentionView(**rule.model_dump())
        return ProjectView(
            name=name, created_at=MOMENT, jobs=1, description=description, retention=shown
        )

    async def restore_project(self, name: str, *, by: str) -> DeletedProject:
        found = [one for one in self._deleted.values() if self._project(one) == name]
        if not found:
            raise NotFound(f"There is no deleted project `{name}` that can still be restored.")
        for job in found:
            await self.restore(job.job_id, by=by)
        return DeletedProject(name=name, jobs=len(found))

    async def queue_settings(self) -> QueueView:
        return self._queue

    async def set_queue_settings(self, wanted: NewQueueSettings, *, by: str) -> QueueView:
        given = wanted.model_dump(exclude_defaults=True)
        return self._change_queue("QueueChanged", **given)

    async def pause_queue(self, project: str | None, *, by: str) -> QueueView:
        if project is not None:
            self._require_project(project)
            pauses = [PauseView(by=by, at=MOMENT, project=project)]
            return self._change_queue("QueuePaused", project, paused_projects=pauses)
        return self._change_queue("QueuePaused", paused=PauseView(by=by, at=MOMENT))

    async def resume_queue(self, project: str | None, *, by: str) -> QueueView:
        if project is not None:
            self._require_project(project)
            return self._change_queue("QueueResumed", project, paused_projects=[])
        return self._change_queue("QueueResumed", paused=None)

    def _change_queue(self, event: str, project: str | None = None, **changed: Any) -> QueueView:
        self._queue = self._queue.model_copy(update=changed)
        change = QueueChange(seq=self._next_seq(), at=MOMENT, event=event, project=project)
        self._queue_changes.append(change)
        self.announce()
        return self._queue

    def _next_seq(self) -> int:
        return len(self._changes) + len(self._queue_changes) + 1

    async def move(
        self,
        refs: Sequence[str],
        place: str,
        other: str | None,
        *,
        by: str,
        filter: str | None = None,
        only_of: str | None = None,
    ) -> list[JobView]:
        if (place in ("before", "after")) != (other is not None):
            raise InvalidRequest(f"`{place}` and `other` do not fit.")
        if other is not None:
            await self.resolve(other)
        found = [self._waiting(await self.resolve(ref)) for ref in refs]
        for job in found:
            self.happen(job.job_id, "Moved")
        return [self._view(job) for job in found]

    async def set_priority(self, ref: str, priority: int, *, by: str) -> JobView:
        job = self._waiting(await self.resolve(ref))
        job.priority = priority
        return self._view(job)

    async def start_exec(self, ref: str, wanted: NewExec, *, by: str) -> ExecView:
        job_id = await self.resolve(ref)
        if self._jobs[job_id].state is not JobState.RUNNING:
            raise JobConflict(f"Job `{job_id}` is {self._jobs[job_id].state}.")
        self.echoes.append(EchoSession())
        running = Running(job_id, self.echoes[-1], buffer_bytes=self.exec_buffer_bytes)
        self.execs.add(running)
        return ExecView(exec_id=running.exec_id, job_id=job_id, command=list(wanted.command))

    def exec_output(self, exec_id: str, offset: int) -> AsyncIterator[bytes]:
        return self.execs.find(exec_id).output(offset)

    async def write_exec(self, exec_id: str, piece: ExecInput) -> None:
        await self.execs.find(exec_id).give(piece)

    async def resize_exec(self, exec_id: str, size: TerminalSize) -> None:
        await self.execs.find(exec_id).resize(size)

    async def end_exec(self, exec_id: str) -> None:
        await self.execs.end(exec_id)

    async def open_tunnel(self, ref: str, port: int, *, by: str) -> TunnelView:
        job_id = await self.resolve(ref)
        if self._jobs[job_id].state is not JobState.RUNNING:
            raise JobConflict(f"Job `{job_id}` is {self._jobs[job_id].state}.")
        self.tunnels.check()
        self.echoes.append(EchoSession())
        running = Running(job_id, self.echoes[-1], buffer_bytes=self.exec_buffer_bytes)
        self.tunnels.add(running)
        return TunnelView(tunnel_id=running.exec_id, job_id=job_id, port=port)

    def read_tunnel(self, tunnel_id: str, offset: int) -> AsyncIterator[bytes]:
        return self.tunnels.find(tunnel_id).output(offset)

    async def write_tunnel(self, tunnel_id: str, piece: ExecInput) -> None:
        await self.tunnels.find(tunnel_id).give(piece)

    async def close_tunnel(self, tunnel_id: str) -> None:
        await self.tunnels.end(tunnel_id)

    async def hold(self, ref: str, *, by: str) -> JobView:
        job = self._waiting(await self.resolve(ref))
        job.held_by = by
        return self._view(job)

    async def release(self, ref: str, *, by: str) -> JobView:
        job = self._waiting(await self.resolve(ref))
        job.held_by = None
        return self._view(job)

    def _waiting(self, job_id: str) -> _Job:
        job = self._jobs[job_id]
        if job.state is not JobState.QUEUED:
            raise JobConflict(f"Job `{job_id}` is {job.state} and does not wait.")
        return job

    async def clear_queue(
        self,
        project: str | None,
        *,
        by: str,
        filter: str | None = None,
        only_of: str | None = None,
    ) -> Cleared:
        if filter == "nonsense":
            raise InvalidRequest("The filter is not valid at column 1.")
        cleared = [
            job_id
            for job_id, job in self._jobs.items()
            if job.state is JobState.QUEUED and project in (None, job.submission.spec.project)
        ]
        for job_id in cleared:
            self._jobs[job_id].reason = f"stopped by {by}"
            self._move(job_id, "StopRequested", JobState.STOPPED)
        return Cleared(removed=len(cleared), job_ids=cleared)

    async def has_bundle(self, digest: str) -> bool:
        return digest in self.bundles

    async def receive_bundle(
        self, digest: str, stream: AsyncIterator[bytes], *, size_bytes: int | None = None
    ) -> BundleView:
        if (size_bytes or 0) > self.max_bundle_bytes:
            raise TooLarge(f"The bundle is larger than {self.max_bundle_bytes} bytes.")
        data = bytearray()
        self.incoming += 1
        self.announce()
        try:
            async for chunk in stream:
                data += chunk
                if len(data) > self.max_bundle_bytes:
                    raise TooLarge(f"The bundle is larger than {self.max_bundle_bytes} bytes.")
        finally:
            self.incoming -= 1
            self.announce()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise BundleRejected("The upload is not what its digest says.")
        self.bundles[digest] = bytes(data)
        return BundleView(digest=digest, size_bytes=len(data))

    async def declare_bundle(self, digest: str, listing: bytes) -> MissingFiles:
        if digest_of(listing) != digest:
            raise BundleRejected("The listing is not what its digest says.")
        missing = [
            MissingFile(sha256=sha256, size_bytes=size_bytes)
            for sha256, size_bytes in distinct(parse_listing(listing).files.values()).items()
            if sha256 not in self.blobs
        ]
        if not missing:
            self.bundles[digest] = listing
        return MissingFiles(missing=missing)

    async def receive_files(self, stream: AsyncIterator[bytes]) -> FilesReceived:
        self.incoming += 1
        self.announce()
        try:
            found = unframed(b"".join([piece async for piece in stream]))
        finally:
            self.incoming -= 1
            self.announce()
        for name, _, content in found:
            if hashlib.sha256(content).hexdigest() != name:
                raise BundleRejected("A file is not what its digest says.")
            self.blobs[name] = content
        return FilesReceived(files=len(found))

    async def submit(
        self,
        submission: Submission,
        *,
        idempotency_key: str | None,
        bounds: Bounds | None = None,
    ) -> Accepted:
        self.submissions += 1
        if idempotency_key is not None and idempotency_key in self._keys:
            return self._accepted(self._jobs[self._keys[idempotency_key]])
        holder = next((job for job in self._jobs.values() if _has_key(job, submission)), None)
        if holder is not None:
            return self._accepted(holder, existed=True)
        if submission.bundle not in self.bundles:
            raise NotFound(f"Bundle {submission.bundle} is not here. Upload it first.")
        job = _Job(str(uuid.uuid4()), submission, priority=submission.spec.priority)
        job.held_by = submission.spec.user if submission.hold else None
        self._jobs[job.job_id] = job
        if idempotency_key is not None:
            self._keys[idempotency_key] = job.job_id
        self._move(job.job_id, "Submitted", JobState.QUEUED)
        return self._accepted(job)

    def _accepted(self, job: _Job, *, existed: bool = False) -> Accepted:
        return Accepted.model_validate({**dict(self._view(job)), "existed": existed})

    async def submit_array(
        self, wanted: NewArray, *, idempotency_key: str | None, bounds: Bounds | None = None
    ) -> ArrayView:
        if idempotency_key is not None and idempotency_key in self._keys:
            return await self.array(self._keys[idempotency_key])
        array_id = str(uuid.uuid4())
        indices = read_indices(wanted.indices)
        for _ in indices:
            await self.submit(wanted.submission, idempotency_key=None)
        self._arrays[array_id] = ArrayView(
            array_id=array_id,
            project=wanted.submission.spec.project,
            indices=wanted.indices,
            size=len(indices),
            max_at_once=wanted.max_at_once,
            submitted_at=MOMENT,
            states={JobState.QUEUED: len(indices)},
        )
        if idempotency_key is not None:
            self._keys[idempotency_key] = array_id
        return self._arrays[array_id]

    async def array(self, ref: str) -> ArrayView:
        if len(ref) < 4:
            raise InvalidRequest(f"`{ref}` is too short: give 4 characters or more.")
        found = [one for array_id, one in self._arrays.items() if array_id.startswith(ref)]
        if not found:
            raise NotFound(f"There is no array `{ref}`.")
        return found[0]

    async def create_schedule(
        self,
        wanted: NewSchedule,
        *,
        by: str,
        idempotency_key: str | None,
        bounds: Bounds | None = None,
    ) -> ScheduleView:
        if idempotency_key is not None and idempotency_key in self._keys:
            return self._schedules[self._keys[idempotency_key]]
        if wanted.cron == "nonsense":
            raise InvalidRequest("`nonsense` has 1 fields.")
        schedule_id = str(uuid.uuid4())
        self._schedules[schedule_id] = ScheduleView(
            schedule_id=schedule_id,
            project=wanted.submission.spec.project,
            cron=wanted.cron,
            time_zone=wanted.time_zone,
            overlap=wanted.overlap,
            spec=wanted.submission.spec,
            bundle=wanted.submission.bundle,
            created_by=by,
            created_at=MOMENT,
            next_at=MOMENT,
        )
        if idempotency_key is not None:
            self._keys[idempotency_key] = schedule_id
        return self._schedules[schedule_id]

    async def schedules(self) -> list[ScheduleView]:
        return list(self._schedules.values())

    async def schedule(self, ref: str) -> ScheduleView:
        if len(ref) < 4:
            raise InvalidRequest(f"`{ref}` is too short: give 4 characters or more.")
        found = [one for key, one in self._schedules.items() if key.startswith(ref)]
        if not found:
            raise NotFound(f"There is no schedule `{ref}`.")
        return found[0]

    async def pause_schedule(self, ref: str, *, by: str) -> ScheduleView:
        return await self._change_schedule(ref, paused_by=by, next_at=None)

    async def resume_schedule(self, ref: str, *, by: str) -> ScheduleView:
        return await self._change_schedule(ref, paused_by=None, next_at=MOMENT)

    async def _change_schedule(self, ref: str, **changed: Any) -> ScheduleView:
        view = (await self.schedule(ref)).model_copy(update=changed)
        self._schedules[view.schedule_id] = view
        return view

    async def delete_schedule(self, ref: str, *, by: str) -> None:
        del self._schedules[(await self.schedule(ref)).schedule_id]

    async def jobs(
        self,
        *,
        project: str | None = None,
        states: Sequence[JobState] | None = None,
        filter: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        offset: int | None = None,
        user: str | None = None,
    ) -> JobPage:
        if cursor is not None and not cursor.isdecimal():
            raise InvalidRequest(f"`{cursor}` is no cursor.")
        found = [
            job
            for job in reversed(self._jobs.values())
            if project in (None, job.submission.spec.project)
            and (not states or job.state in states)
        ]
        start = int(cursor or offset or 0)
        end = start + limit
        if offset is not None:
            return JobPage(jobs=[self._view(job) for job in found[start:end]], total=len(found))
        return JobPage(
            jobs=[self._view(job) for job in found[start:end]],
            next_cursor=str(end) if end < len(found) else None,
        )

    async def resolve(self, ref: str) -> str:
        if len(ref) < 4:
            raise InvalidRequest(f"`{ref}` is too short: give 4 characters or more.")
        found = [job_id for job_id in self._jobs if job_id.startswith(ref)]
        if not found:
            raise NotFound(f"There is no job `{ref}`.")
        if len(found) > 1:
            raise AmbiguousJob(f"`{ref}` fits {len(found)} jobs.")
        return found[0]

    async def job(self, ref: str) -> JobDetail:
        job = self._jobs[await self.resolve(ref)]
        return JobDetail(
            **self._view(job).model_dump(),
            spec=job.submission.spec,
            bundle=job.submission.bundle,
            bundle_size_bytes=len(self.bundles[job.submission.bundle]),
            log_size_bytes=len(job.log),
            history=[change for change in self._changes if change.job_id == job.job_id],
        )

    async def provenance(self, ref: str) -> Provenance:
        return Provenance(origin=self._jobs[await self.resolve(ref)].submission.origin)

    async def stop(self, ref: str, *, by: str) -> JobView:
        job = self._jobs[await self.resolve(ref)]
        if job.state in FINAL_STATES:
            raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be stopped")
        job.reason = f"stopped by {by}"
        waits = job.state is JobState.QUEUED
        self._move(job.job_id, "StopRequested", JobState.STOPPED if waits else JobState.STOPPING)
        return self._view(job)

    async def stop_jobs(
        self, which: StopJobs, *, by: str, only_of: str | None = None
    ) -> JobsStopped:
        if which.filter == "nonsense":
            raise InvalidRequest("The filter is not valid at column 1.")
        going = [one for one, job in self._jobs.items() if job.state not in FINAL_STATES]
        refs = list(which.jobs) or going
        if which.at_most is not None and len(refs) > which.at_most:
            raise JobConflict(f"The filter takes {len(refs)} jobs by now.")
        done: dict[str, list[str]] = {"stopped": [], "stopping": []}
        refused = []
        for ref in refs:
            try:
                job = await self.stop(ref, by=by)
            except SchedulerError as error:
                refused.append(StopRefusal(job=ref, error=error.code, message=error.message))
            else:
                done[job.state].append(job.job_id)
        return JobsStopped(**done, refused=refused)

    async def restore(self, ref: str, *, by: str) -> JobView:
        found = [job_id for job_id in self._deleted if job_id.startswith(ref)]
        if not found:
            raise NotFound(f"There is no deleted job `{ref}` that can be restored.")
        job = self._jobs[found[0]] = self._deleted.pop(found[0])
        self.happen(job.job_id, "Restored")
        return self._view(job)

    async def delete(self, ref: str, *, by: str) -> None:
        job = self._jobs[await self.resolve(ref)]
        if job.state not in FINAL_STATES:
            raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be deleted")
        self.forget(job.job_id)

    async def tag(self, ref: str, tags: Mapping[str, str], *, by: str) -> JobView:
        job = self._jobs[await self.resolve(ref)]
        job.tags |= tags
        self.happen(job.job_id, "Tagged")
        return self._view(job)

    async def untag(self, ref: str, keys: Sequence[str], *, by: str) -> JobView:
        job = self._jobs[await self.resolve(ref)]
        for key in keys:
            if key not in job.tags:
                raise NotFound(f"Job `{job.job_id}` has no tag `{key}`.")
        for key in keys:
            del job.tags[key]
        return self._view(job)

    async def note(self, ref: str, text: str, *, by: str) -> NoteView:
        job = self._jobs[await self.resolve(ref)]
        job.notes.append(NoteView(number=len(job.notes) + 1, author=by, at=MOMENT, text=text))
        return job.notes[-1]

    async def notes(self, ref: str) -> list[NoteView]:
        return self._jobs[await self.resolve(ref)].notes

    async def metrics(self, ref: str, *, system: bool = False) -> list[MetricSummary]:
        job = self._jobs[await self.resolve(ref)]
        return [
            MetricSummary(
                name=name, last=values[-1], min=min(values), max=max(values), count=len(values)
            )
            for name, values in job.metrics.items()
            if name.startswith(SYSTEM_PREFIX) == system
        ]

    async def metric(
        self, ref: str, name: str, *, stretches: int | None, start: int, limit: int
    ) -> MetricSeries:
        job = self._jobs[await self.resolve(ref)]
        if name not in job.metrics:
            raise NotFound(f"Job `{job.job_id}` has no metric `{name}`. It has: none")
        values = job.metrics[name]
        end = start + limit
        chosen = range(start, min(end, len(values)))
        positions = list(chosen) if stretches is None else decimate(values, stretches)
        return MetricSeries(
            name=name,
            count=len(values),
            points=[
                MetricPoint(position=place, step=place, value=values[place], at=MOMENT)
                for place in positions
            ],
            decimated=stretches is not None and len(positions) < len(values),
            next_position=end if stretches is None and end < len(values) else None,
        )

    def log_size(self, job_id: str) -> int:
        return len(self._jobs[job_id].log)

    async def search_log(self, ref: str, search: LogSearch) -> LogMatches:
        job = self._jobs[await self.resolve(ref)]
        with tempfile.NamedTemporaryFile() as file:
            file.write(job.log)
            file.flush()
            return search_log(Path(file.name), search)

    async def log_times(self, ref: str, part: LogTimesRange) -> LogTimes:
        job = self._jobs[await self.resolve(ref)]
        index = TimeIndex(100, job.log_marks)
        return times_of(part, index, job_id=job.job_id, size_bytes=len(job.log))

    async def read_log(
        self, job_id: str, offset: int, *, follow: bool, length: int | None = None
    ) -> AsyncIterator[bytes]:
        job = self._jobs[job_id]
        stop = FARTHEST if length is None else offset + length
        with self._follower():
            while True:
                changed = self._changed
                ended = not follow or job.state in FINAL_STATES
                while offset < min(len(job.log), stop):
                    piece = bytes(job.log[offset : min(offset + LOG_PIECE_BYTES, stop)])
                    offset += len(piece)
                    yield piece
                if ended or offset >= stop:
                    return
                await changed.wait()

    def record(self, job_id: str) -> None:
        """Let a job record something."""
        self._recorded.add(job_id)
        self.announce()

    async def changes(
        self,
        since: int,
        *,
        job_id: str | None = None,
        follow: bool,
        queue: bool = False,
        records: bool = False,
        host: bool = False,
    ) -> AsyncIterator[Change | QueueChange | NewRecords | HostView | None]:
        if host and follow:
            yield await self.machine.host()
        async for one in self._follow(since, job_id, follow, queue, records):
            yield one

    async def _follow(
        self, since: int, job_id: str | None, follow: bool, queue: bool, records: bool
    ) -> AsyncIterator[Change | QueueChange | NewRecords | None]:
        with self._follower():
            while True:
                changed = self._changed
                told = [*self._changes, *(self._queue_changes if queue else ())]
                for change in sorted(told, key=lambda one: one.seq):
                    if change.seq <= since:
                        continue
                    since = change.seq
                    if job_id is None or (isinstance(change, Change) and change.job_id == job_id):
                        yield change
                if records and self._recorded:
                    yield NewRecords(job_ids=sorted(self._recorded))
                    self._recorded.clear()
                if not follow:
                    return
                try:
                    async with asyncio.timeout(self.heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield None

    async def archive(self, ref: str) -> PackedArchive:
        job_id = await self.resolve(ref)
        return PackedArchive(job_id, self.archive_tag, self._pack(job_id))

    async def tensorboard_logs(
        self, ref: str, *, since_seconds: int
    ) -> tuple[str, Iterator[bytes]]:
        job_id = await self.resolve(ref)
        return job_id, iter([f"logs of {job_id} since {since_seconds}".encode()])

    def _pack(self, job_id: str) -> Iterator[bytes]:
        for number in range(20):
            if number == 10 and self.broken is not None:
                raise self.broken
            yield f"{job_id} {number}\n".encode() * 1000

    async def artifacts(self, ref: str) -> list[ArtifactView]:
        job = self._jobs[await self.resolve(ref)]
        return [
            ArtifactView(key=key, path=name, size_bytes=path.stat().st_size, saved_at=MOMENT)
            for key, (name, path) in job.artifacts.items()
        ]

    async def source_diff(self, ref: str, other: str) -> SourceDiff:
        old = self._jobs[await self.resolve(ref)]
        new = self._jobs[await self.resolve(other)]
        same = old.submission.bundle == new.submission.bundle
        files = [] if same else [FileDiff(path="main.py", change="changed", omitted="binary")]
        return SourceDiff(job_id=old.job_id, other_id=new.job_id, files=files)

    async def files(self, ref: str) -> FileList:
        job = self._jobs[await self.resolve(ref)]
        return FileList(
            job_id=job.job_id,
            files=[
                FileView(path=f"artifacts/{name}", kind="artifact", size_bytes=path.stat().st_size)
                for name, path in job.artifacts.values()
            ],
        )

    async def open_file(self, ref: str, path: str) -> BinaryIO:
        job = self._jobs[await self.resolve(ref)]
        for name, place in job.artifacts.values():
            if path == f"artifacts/{name}":
                return place.open("rb")
        raise NotFound(f"Job {job.job_id} has no file {path!r}.")

    async def open_artifact(self, ref: str, key: str) -> tuple[ArtifactView, BinaryIO]:
        job = self._jobs[await self.resolve(ref)]
        if key not in job.artifacts:
            raise NotFound(f"Job {job.job_id} has no artifact `{key}`.")
        name, path = job.artifacts[key]
        return ArtifactView(key=key, path=name, size_bytes=0, saved_at=MOMENT), path.open("rb")

    def _follower(self) -> _Counted:
        return _Counted(self)

    def _view(self, job: _Job) -> JobView:
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


class _Counted:
    """Counts a follower for as long as it reads."""

    def __init__(self, service: FakeService) -> None:
        self._service = service

    def __enter__(self) -> None:
        self._service.followers += 1
        self._service.announce()

    def __exit__(self, *_: object) -> None:
        self._service.followers -= 1
        self._service.announce()


def as_service(fake: FakeService) -> Service:
    """Pass the fake where the real one is asked for."""
    return cast("Service", fake)
