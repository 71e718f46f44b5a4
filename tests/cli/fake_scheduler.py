"""A scheduler in memory that behaves as the API says, behind the real client."""

from __future__ import annotations

import io
import itertools
import json
import re
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from foundations.client import Client
from foundations.errors import (
    AmbiguousJob,
    InvalidRequest,
    JobConflict,
    NotFound,
    SchedulerError,
)
from foundations.models import (
    API_VERSION,
    FINAL_STATES,
    HOLDING_STATES,
    ArtifactView,
    BundleView,
    Change,
    Cleared,
    EngineView,
    JobDetail,
    JobPage,
    JobSpec,
    JobState,
    JobView,
    MetricSummary,
    ProjectView,
    QueueSettings,
    SchedulerInfo,
    Submission,
    Waiting,
)

BEGIN = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
PATIENCE_SECONDS = 20.0
"""A follower that nobody serves gives up after this, so that a broken test ends."""


@dataclass
class FakeJob:
    """One job, and what it left."""

    job_id: str
    spec: JobSpec
    bundle: str
    state: JobState = JobState.QUEUED
    reason: str | None = None
    exit_code: int | None = None
    submitted_at: datetime = BEGIN
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log: bytes = b""
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)


class FakeScheduler:
    """Accepts jobs; they run when a test says so, or at once when `run` is set."""

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.bundles: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.keys: dict[str, str] = {}
        self.max_running_jobs = 1
        self.engine_problem: str | None = None
        self.run: Callable[[FakeScheduler, FakeJob], None] | None = finish_at_once
        self.on_request: Callable[[httpx.Request], None] | None = None
        """Called before each request is answered; may raise what a test wants to happen there."""
        self.lose_answer: Callable[[httpx.Request], bool] | None = None
        """Whether the connection breaks after a request was carried out."""
        self._changes: list[Change] = []
        self._news = threading.Condition()
        self._ticks = itertools.count(1)
        self._closed = False

    def client(self, url: str = "http://fake") -> Client:
        return Client(url, transport=httpx.MockTransport(self._answer))

    def close(self) -> None:
        """Let followers that are still there go."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    # -- what a test lets happen

    def add(self, job_id: str | None = None, **fields: Any) -> FakeJob:
        """Put in a job that was submitted earlier."""
        spec = fields.pop("spec", None) or JobSpec(project=fields.pop("project", "demo"))
        job = FakeJob(job_id or str(uuid.uuid4()), spec, "sha256:" + "0" * 64, **fields)
        with self._news:
            self.jobs[job.job_id] = job
            self._note(job, "Submitted")
        return job

    def start(self, job: FakeJob) -> None:
        self.move(job, JobState.STARTING, "Claimed")
        job.started_at = self._now()
        self.move(job, JobState.RUNNING, "Started")

    def print(self, job: FakeJob, data: bytes) -> None:
        with self._news:
            job.log += data
            self._news.notify_all()

    def finish(self, job: FakeJob, exit_code: int = 0) -> None:
        job.exit_code = exit_code
        job.reason = f"exit code {exit_code}" if exit_code else None
        self.move(job, JobState.FAILED if exit_code else JobState.COMPLETED, "Exited")

    def move(self, job: FakeJob, state: JobState, event: str) -> None:
        with self._news:
            job.state = state
            if state in FINAL_STATES:
                job.finished_at = self._now()
            self._note(job, event)

    def _note(self, job: FakeJob, event: str) -> None:
        self._changes.append(
            Change(
                seq=len(self._changes) + 1,
                at=self._now(),
                job_id=job.job_id,
                project=job.spec.project,
                event=event,
                state=job.state,
            )
        )
        self._news.notify_all()

    def _now(self) -> datetime:
        return BEGIN + timedelta(seconds=next(self._ticks))

    # -- HTTP

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.on_request is not None:
            self.on_request(request)
        answer = self._route(request)
        if self.lose_answer is not None and self.lose_answer(request):
            raise httpx.ReadError("connection reset", request=request)
        return answer

    def _route(self, request: httpx.Request) -> httpx.Response:
        try:
            for method, pattern, handle in _ROUTES:
                match = re.fullmatch(pattern, request.url.path.removeprefix("/api/v1"))
                if request.method == method and match is not None:
                    return handle(self, request, *match.groups())
            raise NotFound(f"No such route: {request.method} {request.url.path}")
        except SchedulerError as error:
            body = {"error": error.code, "message": error.message}
            return httpx.Response(error.status, json=body)

    def _health(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"status": "ok"})

    def _info(self, request: httpx.Request) -> httpx.Response:
        states = [job.state for job in self.jobs.values()]
        engine = EngineView(
            name="docker",
            version="27.0",
            isolated=True,
            available=self.engine_problem is None,
            problem=self.engine_problem,
        )
        return _json(
            SchedulerInfo(
                version="0.1.0",
                api_version=API_VERSION,
                instance="00c0ffee",
                pid=4711,
                home="/home/someone/.foundations",
                engine=engine,
                queue=QueueSettings(max_running_jobs=self.max_running_jobs),
                states={state: states.count(state) for state in set(states)},
            )
        )

    def _has_bundle(self, request: httpx.Request, digest: str) -> httpx.Response:
        return httpx.Response(200 if digest in self.bundles else 404)

    def _upload(self, request: httpx.Request, digest: str) -> httpx.Response:
        self.bundles[digest] = request.read()
        self.uploads.append(digest)
        view = BundleView(digest=digest, size_bytes=len(self.bundles[digest]))
        return _json(view, status=201)

    def _submit(self, request: httpx.Request) -> httpx.Response:
        submission = Submission.model_validate_json(request.read())
        if submission.bundle not in self.bundles:
            raise NotFound(f"Bundle {submission.bundle} is not here. Upload it first.")
        key = request.headers.get("Idempotency-Key", str(uuid.uuid4()))
        if key not in self.keys:
            self.keys[key] = str(uuid.uuid4())
            job = FakeJob(self.keys[key], submission.spec, submission.bundle)
            with self._news:
                self.jobs[job.job_id] = job
                self._note(job, "Submitted")
        job = self.jobs[self.keys[key]]
        answer = _json(self._view(job), status=201)
        if self.run is not None:
            self.run(self, job)
        return answer

    def _list(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        states = params.get_list("state")
        found = [
            job
            for job in reversed(self.jobs.values())
            if params.get("project") in (None, job.spec.project)
            and (not states or job.state in states)
        ]
        start, limit = int(params.get("cursor", "0")), int(params["limit"])
        cursor = str(start + limit) if start + limit < len(found) else None
        views = [self._view(job) for job in found[start : start + limit]]
        return _json(JobPage(jobs=views, next_cursor=cursor))

    def _job(self, request: httpx.Request, ref: str) -> httpx.Response:
        return _json(self._detail(self._resolve(ref)))

    def _stop(self, request: httpx.Request, ref: str) -> httpx.Response:
        job = self._resolve(ref)
        if job.state in FINAL_STATES:
            raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be stopped")
        job.reason = "stopped by someone"
        if job.state is JobState.QUEUED:
            self.move(job, JobState.STOPPED, "StopRequested")
        else:
            self.move(job, JobState.STOPPING, "StopRequested")
            answer = _json(self._view(job), status=202)
            self.move(job, JobState.STOPPED, "Exited")
            return answer
        return _json(self._view(job), status=202)

    def _delete(self, request: httpx.Request, ref: str) -> httpx.Response:
        job = self._resolve(ref)
        if job.state not in FINAL_STATES:
            raise JobConflict(f"Job `{job.job_id}` has not ended")
        del self.jobs[job.job_id]
        return httpx.Response(204)

    def _logs(self, request: httpx.Request, ref: str) -> httpx.Response:
        job = self._resolve(ref)
        offset = int(request.url.params["offset"])
        start = offset if offset >= 0 else max(0, len(job.log) + offset)
        follow = request.url.params["follow"] == "true"
        headers = {"X-Job-Id": job.job_id, "X-Log-Offset": str(start)}
        return httpx.Response(200, headers=headers, content=self._log(job, start, follow=follow))

    def _log(self, job: FakeJob, offset: int, *, follow: bool) -> Iterator[bytes]:
        while True:
            with self._news:
                while follow and len(job.log) <= offset and job.state not in FINAL_STATES:
                    if self._closed or not self._news.wait(PATIENCE_SECONDS):
                        return
                piece = job.log[offset:]
            if not piece:
                return
            offset += len(piece)
            yield piece

    def _feed(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        return httpx.Response(
            200,
            headers={"Content-Type": "text/event-stream"},
            content=self._events(int(params["since"]), params.get("job")),
        )

    def _events(self, since: int, job_id: str | None) -> Iterator[bytes]:
        while True:
            with self._news:
                while len(self._changes) <= since:
                    if self._closed or not self._news.wait(PATIENCE_SECONDS):
                        return
                changes, since = self._changes[since:], len(self._changes)
            for change in changes:
                if job_id in (None, change.job_id):
                    yield f"id: {change.seq}\ndata: {change.model_dump_json()}\n\n".encode()

    def _artifacts(self, request: httpx.Request, ref: str) -> httpx.Response:
        return _json_list(self._detail(self._resolve(ref)).artifacts)

    def _artifact(self, request: httpx.Request, ref: str, key: str) -> httpx.Response:
        return httpx.Response(200, content=iter([self._resolve(ref).artifacts[key]]))

    def _archive(self, request: httpx.Request, ref: str) -> httpx.Response:
        job = self._resolve(ref)
        packed = io.BytesIO()
        files = {
            "source/main.py": b"print(1)\n",
            "source/data/x.csv": b"1,2\n",
            "job.log": job.log,
            "job.json": b"{}",
            **{f"artifacts/{key}": content for key, content in job.artifacts.items()},
        }
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, content in files.items():
                member = tarfile.TarInfo(f"{job.job_id}/{path}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return httpx.Response(200, content=iter([packed.getvalue()]))

    def _queue(self, request: httpx.Request) -> httpx.Response:
        return _json(QueueSettings(max_running_jobs=self.max_running_jobs))

    def _set_queue(self, request: httpx.Request) -> httpx.Response:
        self.max_running_jobs = json.loads(request.read())["max_running_jobs"]
        return self._queue(request)

    def _clear(self, request: httpx.Request) -> httpx.Response:
        project = json.loads(request.read())["project"]
        removed = []
        for job in self.jobs.values():
            if job.state is JobState.QUEUED and project in (None, job.spec.project):
                self.move(job, JobState.STOPPED, "StopRequested")
                removed.append(job.job_id)
        return _json(Cleared(removed=len(removed), job_ids=removed))

    def _projects(self, request: httpx.Request) -> httpx.Response:
        names = dict.fromkeys(job.spec.project for job in self.jobs.values())
        views = []
        for name in names:
            states = [job.state for job in self.jobs.values() if job.spec.project == name]
            counts = {state: states.count(state) for state in dict.fromkeys(states)}
            views.append(
                ProjectView(
                    name=name,
                    created_at=BEGIN,
                    jobs=len(states),
                    states=counts,
                    last_submitted_at=BEGIN,
                )
            )
        return _json_list(views)

    # -- views

    def _resolve(self, ref: str) -> FakeJob:
        if len(ref) < 4:
            raise InvalidRequest(f"`{ref}` is too short")
        found = [job for job_id, job in self.jobs.items() if job_id.startswith(ref)]
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
            "cpus": spec.cpus,
            "ram_gb": spec.ram_gb,
            "submitted_at": job.submitted_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
            "duration_seconds": seconds,
            "parameters": job.parameters,
            "metrics": job.metrics,
            "tags": spec.tags,
            "waiting": self._waiting(job),
        }

    def _waiting(self, job: FakeJob) -> Waiting | None:
        if job.state is not JobState.QUEUED:
            return None
        queue = [one.job_id for one in self.jobs.values() if one.state is JobState.QUEUED]
        running = sum(one.state in HOLDING_STATES for one in self.jobs.values())
        reason = self.engine_problem or (
            f"{running} job is running, and max_running_jobs is {self.max_running_jobs}"
        )
        return Waiting(reason=reason, position=queue.index(job.job_id) + 1)

    def _view(self, job: FakeJob) -> JobView:
        return JobView(**self._fields(job))

    def _detail(self, job: FakeJob) -> JobDetail:
        return JobDetail(
            **self._fields(job),
            spec=job.spec,
            bundle=job.bundle,
            bundle_size_bytes=1234,
            log_size_bytes=len(job.log),
            archived=job.state in FINAL_STATES,
            metric_series=[
                MetricSummary(name=name, last=value, count=1) for name, value in job.metrics.items()
            ],
            artifacts=[
                ArtifactView(key=key, path=key, size_bytes=len(content), saved_at=BEGIN)
                for key, content in job.artifacts.items()
            ],
            history=[change for change in self._changes if change.job_id == job.job_id],
        )


def finish_at_once(scheduler: FakeScheduler, job: FakeJob) -> None:
    """Run a job to its good end as soon as it is submitted."""
    scheduler.start(job)
    scheduler.print(job, b"No user requirements found.\n")
    scheduler.finish(job)


def _json(model: Any, *, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=model.model_dump(mode="json"))


def _json_list(models: list[Any]) -> httpx.Response:
    return httpx.Response(200, json=[model.model_dump(mode="json") for model in models])


_S = FakeScheduler
_ROUTES: list[tuple[str, str, Callable[..., httpx.Response]]] = [
    ("GET", "/health", _S._health),
    ("GET", "/info", _S._info),
    ("HEAD", "/bundles/([^/]+)", _S._has_bundle),
    ("PUT", "/bundles/([^/]+)", _S._upload),
    ("POST", "/jobs", _S._submit),
    ("GET", "/jobs", _S._list),
    ("GET", "/jobs/([^/]+)", _S._job),
    ("POST", "/jobs/([^/]+)/stop", _S._stop),
    ("DELETE", "/jobs/([^/]+)", _S._delete),
    ("GET", "/jobs/([^/]+)/logs", _S._logs),
    ("GET", "/jobs/([^/]+)/archive", _S._archive),
    ("GET", "/jobs/([^/]+)/artifacts", _S._artifacts),
    ("GET", "/jobs/([^/]+)/artifacts/(.+)", _S._artifact),
    ("GET", "/changes", _S._feed),
    ("GET", "/queue", _S._queue),
    ("PUT", "/queue", _S._set_queue),
    ("POST", "/queue/clear", _S._clear),
    ("GET", "/projects", _S._projects),
]
