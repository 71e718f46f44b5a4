"""A scheduler in memory that behaves as the API says, behind the real client."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from foundations.client import Client
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import (
    FINAL_STATES,
    HOLDING_STATES,
    SYSTEM_PREFIX,
    Accepted,
    AfterView,
    ArrayPlace,
    ArrayView,
    ArtifactView,
    Change,
    FileDiff,
    GarbageView,
    JobDetail,
    JobSpec,
    JobState,
    JobView,
    MetricSummary,
    NewArray,
    NewSchedule,
    RetentionView,
    ScheduleView,
    StorageView,
    Submission,
    SubmissionCheck,
    Waiting,
)
from foundations.models.arrays import read_indices
from foundations.provenance import Provenance
from foundations.transport.reconnection import PATIENCE
from tests.api.fake_tokens import FakeTokens
from tests.cli import fake_api
from tests.cli.fake_job import BEGIN, FakeJob
from tests.cli.fake_machine import disk, environments, host, images

__all__ = ["BEGIN", "FakeJob", "FakeScheduler", "finish_at_once"]


class FakeScheduler:
    """Accepts jobs; they run when a test says so, or at once when `run` is set."""

    begin = BEGIN
    patience_seconds = 20.0
    """A follower that nobody serves gives up after this, so that a broken test ends."""
    patience = PATIENCE
    """For how long clients go on asking while it does not answer."""

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.bundles: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        """Files of bundles that come one by one, by the digest of each."""
        self.files_sent: list[str] = []
        self.files_are_lost = False
        self.files_encoded: list[str | None] = []
        """The `Content-Encoding` of each request that brought files."""
        self.encodings = ["gzip"]
        """Whether files that were sent are missing all the same."""
        self.knows_checks = True
        """Whether it says before the files come what it would refuse."""
        self.checked: list[SubmissionCheck] = []
        self.knows_listings = True
        """Whether bundles may come file by file."""
        self.uploads: list[str] = []
        self.keys: dict[str, str] = {}
        self.arrays: dict[str, NewArray] = {}
        self.schedules: dict[str, ScheduleView] = {}
        self.max_running_jobs = 1
        self.queue_settings: dict[str, Any] = {}
        """Other settings of the queue, as the last request named them."""
        self.paused: dict[str | None, None] = {}
        """What is paused: projects, and None for the whole queue."""
        self.deleted: dict[str, FakeJob] = {}
        self.engine_problem: str | None = None
        self.storage: StorageView | None = None
        self.garbage = GarbageView(at=datetime.now(UTC))
        """What would go now."""
        self.rules: dict[str, RetentionView | None] = {}
        """What projects keep, by their names."""
        self.run: Callable[[FakeScheduler, FakeJob], None] | None = finish_at_once
        self.on_request: Callable[[httpx.Request], None] | None = None
        """Called before each request is answered; may raise what a test wants to happen there."""
        self.lose_answer: Callable[[httpx.Request], bool] | None = None
        """Whether the connection breaks after a request was carried out."""
        self.changes: list[Change] = []
        self.descriptions: dict[str, str] = {}
        self.file_diffs: list[FileDiff] = []
        """What the source of any two jobs differs in."""
        self.news = threading.Condition()
        self._ticks = itertools.count(1)
        self.closed = False
        self.host = host()
        self.disk = disk()
        self.environments = environments()
        self.is_ready = True
        self.images = images()
        self.tokens = FakeTokens()
        self.secrets: dict[tuple[str, bool], str] = {}

    def client(self, url: str = "http://fake") -> Client:
        return Client(url, transport=httpx.MockTransport(self._serve), patience=self.patience)

    def close(self) -> None:
        """Let followers that are still there go."""
        with self.news:
            self.closed = True
            self.news.notify_all()

    def _serve(self, request: httpx.Request) -> httpx.Response:
        answer = fake_api.answer(self, request)
        if self.lose_answer is not None and self.lose_answer(request):
            raise httpx.ReadError("connection reset", request=request)
        return answer

    # -- what a test lets happen

    def add(self, job_id: str | None = None, **fields: Any) -> FakeJob:
        """Put in a job that was submitted earlier."""
        spec = fields.pop("spec", None) or JobSpec(project=fields.pop("project", "demo"))
        job = FakeJob(job_id or str(uuid.uuid4()), spec, **fields)
        job.tags = {**spec.tags, **job.tags}
        with self.news:
            self.jobs[job.job_id] = job
            self.note(job, "Submitted")
        return job

    def add_array(self, wanted: NewArray) -> str:
        """Put in the jobs of an array, and return its id."""
        array_id = str(uuid.uuid4())
        self.arrays[array_id] = wanted
        spec, bundle = wanted.submission.spec, wanted.submission.bundle
        for index in read_indices(wanted.indices):
            place = ArrayPlace(array_id=array_id, index=index)
            self.add(spec=spec, bundle=bundle, array=place, submission=wanted.submission)
        return array_id

    def add_schedule(self, wanted: NewSchedule) -> str:
        """Put in a schedule, and return its id."""
        schedule_id = str(uuid.uuid4())
        self.schedules[schedule_id] = ScheduleView(
            schedule_id=schedule_id,
            project=wanted.submission.spec.project,
            cron=wanted.cron,
            time_zone=wanted.time_zone,
            overlap=wanted.overlap,
            spec=wanted.submission.spec,
            bundle=wanted.submission.bundle,
            created_by="ada",
            created_at=BEGIN,
            next_at=BEGIN,
        )
        return schedule_id

    def schedule(self, ref: str) -> ScheduleView:
        found = next((one for key, one in self.schedules.items() if key.startswith(ref)), None)
        if found is None:
            raise NotFound(f"There is no schedule '{ref}'.")
        return found

    def change_schedule(self, ref: str, **changed: Any) -> ScheduleView:
        view = self.schedule(ref).model_copy(update=changed)
        self.schedules[view.schedule_id] = view
        return view

    def only_job(self) -> FakeJob:
        (job,) = self.jobs.values()
        return job

    def start(self, job: FakeJob) -> None:
        self.move(job, JobState.STARTING, "Claimed")
        job.started_at = self._now()
        self.move(job, JobState.RUNNING, "Started")

    def print(self, job: FakeJob, data: bytes) -> None:
        with self.news:
            job.log += data
            self.news.notify_all()

    def finish(self, job: FakeJob, exit_code: int = 0) -> None:
        job.exit_code = exit_code
        job.reason = f"exit code {exit_code}" if exit_code else None
        self.move(job, JobState.FAILED if exit_code else JobState.COMPLETED, "Exited")

    def move(self, job: FakeJob, state: JobState, event: str) -> None:
        with self.news:
            job.state = state
            if state in FINAL_STATES:
                job.finished_at = self._now()
            self.note(job, event)

    def note(self, job: FakeJob, event: str) -> None:
        self.changes.append(
            Change(
                seq=len(self.changes) + 1,
                at=self._now(),
                job_id=job.job_id,
                project=job.spec.project,
                event=event,
                state=job.state,
            )
        )
        self.news.notify_all()

    def _now(self) -> datetime:
        return BEGIN + timedelta(seconds=next(self._ticks))

    # -- views

    def array_view(self, ref: str) -> ArrayView:
        array_id = next((one for one in self.arrays if one.startswith(ref)), None)
        if array_id is None:
            raise NotFound(f"There is no array '{ref}'.")
        wanted = self.arrays[array_id]
        members = [job for job in self.jobs.values() if _array_id(job) == array_id]
        states = [job.state for job in members]
        return ArrayView(
            array_id=array_id,
            project=wanted.submission.spec.project,
            indices=wanted.indices,
            size=len(read_indices(wanted.indices)),
            max_at_once=wanted.max_at_once,
            submitted_at=BEGIN,
            states={state: states.count(state) for state in set(states)},
        )

    def resolve(self, ref: str) -> FakeJob:
        if len(ref) < 4:
            raise InvalidRequest(f"`{ref}` is too short")
        found = [
            job
            for job_id, job in self.jobs.items()
            if job_id.startswith(ref)
            or (job.array and ref == f"{job.array.array_id}_{job.array.index}")
        ]
        if not found:
            raise NotFound(f"There is no job `{ref}`.")
        if len(found) > 1:
            raise AmbiguousJob(f"`{ref}` fits {len(found)} jobs")
        return found[0]

    def _fields(self, job: FakeJob) -> dict[str, Any]:
        spec = job.spec
        end = job.finished_at
        seconds = (end - job.started_at).total_seconds() if end and job.started_at else None
        return {
            "job_id": job.job_id,
            "project": spec.project,
            "user": spec.user,
            "state": job.state,
            "reason": job.reason,
            "exit_code": job.exit_code,
            "command": list(spec.command),
            "image": spec.image,
            "num_gpus": spec.num_gpus,
            "priority": job.priority,
            "held_by": job.held_by,
            "cpus": spec.cpus,
            "ram_gb": spec.ram_gb,
            "submitted_at": job.submitted_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
            "duration_seconds": seconds,
            "parameters": job.parameters,
            "metrics": job.metrics,
            "tags": job.tags,
            "waiting": self._waiting(job),
            "local": job.local_run is not None,
            "array": job.array,
            "schedule_id": job.schedule_id,
            "unique_key": job.submission and job.submission.unique and job.submission.unique.key,
        }

    def _waiting(self, job: FakeJob) -> Waiting | None:
        if job.state is not JobState.QUEUED:
            return None
        if job.held_by is not None:
            return Waiting(reason=f"held by {job.held_by}")
        queue = [
            one.job_id
            for one in self.jobs.values()
            if one.state is JobState.QUEUED and one.held_by is None
        ]
        running = sum(one.state in HOLDING_STATES for one in self.jobs.values())
        reason = self.engine_problem or (
            f"{running} running, max_running_jobs is {self.max_running_jobs}"
        )
        blockers = [one.job_id for one in self.jobs.values() if one.state in HOLDING_STATES]
        return Waiting(
            reason=reason,
            position=queue.index(job.job_id) + 1,
            blockers=blockers,
            expected_start_at=self.begin + timedelta(days=1),
        )

    def view(self, job: FakeJob) -> JobView:
        return JobView(**self._fields(job))

    def accepted(self, job: FakeJob, **more: Any) -> Accepted:
        return Accepted(**self._fields(job), **more)

    def holder(self, submission: Submission) -> FakeJob | None:
        """The job that goes on and has the unique key of a submission."""
        for job in self.jobs.values():
            held = job.submission.unique if job.submission else None
            wanted = submission.unique
            if held and wanted and held.key == wanted.key and job.state not in FINAL_STATES:
                return job
        return None

    def summaries(self, job: FakeJob) -> list[MetricSummary]:
        return [
            *(MetricSummary(name=name, last=value, count=1) for name, value in job.metrics.items()),
            *(
                self._summary(name, points)
                for name, points in job.series.items()
                if not name.startswith(SYSTEM_PREFIX)
            ),
        ]

    def _summary(self, name: str, points: list[tuple[float | None, Any]]) -> MetricSummary:
        numbers = [(one, step) for step, one in points if type(one) in (int, float)]
        low = min(numbers, key=lambda pair: pair[0], default=(None, None))
        high = max(numbers, key=lambda pair: pair[0], default=(None, None))
        return MetricSummary(
            name=name,
            last=points[-1][1],
            last_step=points[-1][0],
            min=low[0],
            min_step=low[1],
            max=high[0],
            max_step=high[1],
            count=len(points),
        )

    def _after(self, job: FakeJob) -> list[AfterView]:
        asked = () if job.submission is None else job.submission.after
        others = [(self.resolve(one.job), one.on) for one in asked]
        return [
            AfterView(job_id=other.job_id, on=on, status="open", state=other.state)
            for other, on in others
        ]

    def detail(self, job: FakeJob) -> JobDetail:
        return JobDetail(
            local_run=job.local_run,
            **self._fields(job),
            spec=job.spec,
            bundle=None if job.local_run else job.bundle,
            bundle_size_bytes=1234,
            log_size_bytes=len(job.log),
            archived=job.state in FINAL_STATES,
            metric_series=self.summaries(job),
            system_series=job.system,
            skipped_records=job.skipped_records,
            artifacts=[
                ArtifactView(key=key, path=key, size_bytes=len(content), saved_at=BEGIN)
                for key, content in job.artifacts.items()
            ],
            notes=job.notes,
            after=self._after(job),
            whole_array=None if job.array is None else self.array_view(job.array.array_id),
            history=[change for change in self.changes if change.job_id == job.job_id],
            provenance=_without_diff(job.provenance),
        )


def _array_id(job: FakeJob) -> str | None:
    return None if job.array is None else job.array.array_id


def _without_diff(known: Provenance) -> Provenance:
    document = known.model_dump(exclude={"origin": {"git": {"diff"}}})
    return Provenance.model_validate(document)


def finish_at_once(scheduler: FakeScheduler, job: FakeJob) -> None:
    """Run a job to its good end as soon as it is submitted."""
    scheduler.start(job)
    scheduler.print(job, b"No user requirements found.\n")
    scheduler.finish(job)
