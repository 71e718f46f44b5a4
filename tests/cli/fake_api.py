"""The HTTP side of the scheduler in memory."""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx

from atlas_scheduler.core.filters import FilterError, parse
from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.moves import reorder
from atlas_scheduler.core.time_index import TimeIndex
from atlas_scheduler.store.log_search import search_log
from atlas_scheduler.store.log_times import times_of
from foundations.bundle_listing import digest_of, distinct, parse_listing
from foundations.decimation import decimate
from foundations.errors import InvalidRequest, JobConflict, NotFound, SchedulerError, TooMany
from foundations.exec_frames import EXIT, STDERR, STDOUT, frame
from foundations.models import (
    API_VERSION,
    FINAL_STATES,
    HOLDING_STATES,
    BundleView,
    CallerView,
    Cleared,
    DeletedProject,
    EngineView,
    ExecView,
    FileList,
    FilesReceived,
    FileView,
    GarbageView,
    JobPage,
    JobsStopped,
    JobState,
    LogSearch,
    LogTimesRange,
    MetricPoint,
    MetricSeries,
    MissingFile,
    MissingFiles,
    MoveJobs,
    NewArray,
    NewSchedule,
    NewSecret,
    NewToken,
    NoteView,
    PauseView,
    ProjectView,
    PrunedEnvironments,
    PrunedImages,
    QueueView,
    ReadinessView,
    RetentionView,
    Role,
    SchedulerInfo,
    SetRetention,
    SourceDiff,
    StopRefusal,
    Submission,
    TunnelView,
)
from foundations.provenance import Provenance
from tests.store import naive_filter
from tests.store.listings import unframed

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeJob, FakeScheduler


def answer(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    """Answer one request as the API says."""
    try:
        if scheduler.on_request is not None:
            scheduler.on_request(request)
        for method, pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, request.url.path.removeprefix("/api/v1"))
            if request.method == method and match is not None:
                return handle(scheduler, request, *match.groups())
        raise NotFound(f"No such route: {request.method} {request.url.path}")
    except SchedulerError as error:
        body = {"error": error.code, "message": error.message}
        headers = {}
        if isinstance(error, TooMany):
            headers["Retry-After"] = f"{error.retry_after_seconds:.0f}"
        return httpx.Response(error.status, json=body, headers=headers)


def _health(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"status": "ok"})


def _info(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    states = [job.state for job in scheduler.jobs.values()]
    engine = EngineView(
        name="docker",
        version="27.0",
        isolated=True,
        available=scheduler.engine_problem is None,
        problem=scheduler.engine_problem,
    )
    return _json(
        SchedulerInfo(
            version="0.1.0",
            api_version=API_VERSION,
            instance="00c0ffee",
            pid=4711,
            home="/home/someone/.foundations",
            engine=engine,
            queue=_queue_view(scheduler),
            states={state: states.count(state) for state in set(states)},
            slots_taken=sum(state in HOLDING_STATES for state in states),
            delete_grace_seconds=10,
            storage=scheduler.storage,
        )
    )


def _host(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(scheduler.host)


def _disk(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(scheduler.disk)


def _environments(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(scheduler.environments)


def _readiness(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    found = ReadinessView(ready=scheduler.is_ready, database=scheduler.is_ready, engine=False)
    return _json(found, status=200 if found.ready else 503)


def _measurements(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="atlas_jobs 1.0\n")


def _prune_environments(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    unused_days = json.loads(request.content)["unused_days"]
    in_use = len(scheduler.environments.environments)
    return _json(PrunedEnvironments(removed=2, freed_bytes=round(unused_days), in_use=in_use))


def _images(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(scheduler.images)


def _prune_images(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    unused_days = json.loads(request.content)["unused_days"]
    in_use = len(scheduler.images.images)
    return _json(PrunedImages(removed=3, freed_bytes=round(unused_days), in_use=in_use))


def _secrets(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[_secret(*one) for one in sorted(scheduler.secrets)])


def _set_secret(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    wanted = NewSecret.model_validate_json(request.content)
    scheduler.secrets[name, wanted.shared] = wanted.value.get_secret_value()
    return httpx.Response(200, json=_secret(name, wanted.shared))


def _delete_secret(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    shared = request.url.params.get("shared") == "true"
    if scheduler.secrets.pop((name, shared), None) is None:
        raise NotFound(f"There is no secret of yours named `{name}`.")
    return httpx.Response(204)


def _secret(name: str, shared: bool) -> dict[str, Any]:
    return {"name": name, "shared": shared, "set_at": "2026-03-14T09:26:53Z"}


def _whoami(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(CallerView(user="ada", role=Role.ADMIN, source="unix socket"))


def _tokens(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json_list(scheduler.tokens.views())


def _create_token(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = NewToken.model_validate_json(request.read())
    return _json(scheduler.tokens.make(wanted, by="ada"), status=201)


def _rotate_token(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    old = scheduler.tokens.views()[-1]
    wanted = NewToken(name=ref, user=old.user, role=old.role)
    made = scheduler.tokens.make(wanted, by="ada", rotated_from=old.token_id)
    return _json(made, status=201)


def _revoke_token(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json_list(scheduler.tokens.end(ref, by="ada"))


def _has_bundle(scheduler: FakeScheduler, request: httpx.Request, digest: str) -> httpx.Response:
    return httpx.Response(200 if digest in scheduler.bundles else 404)


def _upload(scheduler: FakeScheduler, request: httpx.Request, digest: str) -> httpx.Response:
    scheduler.bundles[digest] = request.read()
    scheduler.uploads.append(digest)
    view = BundleView(digest=digest, size_bytes=len(scheduler.bundles[digest]))
    return _json(view, status=201)


def _declare(scheduler: FakeScheduler, request: httpx.Request, digest: str) -> httpx.Response:
    if not scheduler.knows_listings:
        raise NotFound(f"No such route: {request.method} {request.url.path}")
    data = request.read()
    assert digest_of(data) == digest
    missing = [
        MissingFile(sha256=sha256, size_bytes=size_bytes)
        for sha256, size_bytes in distinct(parse_listing(data).files.values()).items()
        if sha256 not in scheduler.files
    ]
    if not missing:
        scheduler.bundles[digest] = data
    return _json(MissingFiles(missing=missing, encodings=scheduler.encodings))


def _send_files(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    body, encoding = request.read(), request.headers.get("Content-Encoding")
    scheduler.files_encoded.append(encoding)
    files = unframed(body if encoding is None else gzip.decompress(body))
    found = {name: content for name, _, content in files}
    scheduler.files_sent += found
    if not scheduler.files_are_lost:
        scheduler.files |= found
    return _json(FilesReceived(files=len(found)))


def _submit(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    submission = Submission.model_validate_json(request.read())
    if submission.bundle not in scheduler.bundles:
        raise NotFound(f"Bundle {submission.bundle} is not here. Upload it first.")
    key = request.headers.get("Idempotency-Key", str(uuid.uuid4()))
    holder = scheduler.holder(submission)
    if holder is not None and submission.unique and submission.unique.if_exists == "skip":
        return _json(scheduler.accepted(holder, existed=True))
    if key not in scheduler.keys:
        scheduler.keys[key] = str(uuid.uuid4())
        job = scheduler.add(scheduler.keys[key], spec=submission.spec, bundle=submission.bundle)
        job.submission = submission
        job.priority = submission.spec.priority
        job.held_by = submission.spec.user if submission.hold else None
        job.provenance = Provenance(origin=submission.origin)
        if holder is not None:
            scheduler.move(holder, JobState.STOPPED, "StopRequested")
    job = scheduler.jobs[scheduler.keys[key]]
    answer = _json(scheduler.accepted(job, replaced=holder and holder.job_id), status=201)
    if scheduler.run is not None:
        scheduler.run(scheduler, job)
    return answer


def _submit_array(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = NewArray.model_validate_json(request.read())
    if wanted.submission.bundle not in scheduler.bundles:
        raise NotFound(f"Bundle {wanted.submission.bundle} is not here. Upload it first.")
    key = request.headers["Idempotency-Key"]
    if key not in scheduler.keys:
        scheduler.keys[key] = scheduler.add_array(wanted)
    return _json(scheduler.array_view(scheduler.keys[key]), status=201)


def _array(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json(scheduler.array_view(ref))


def _create_schedule(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = NewSchedule.model_validate_json(request.read())
    if wanted.cron == "nonsense":
        raise InvalidRequest("`nonsense` has 1 fields. Five are needed.")
    key = request.headers["Idempotency-Key"]
    if key not in scheduler.keys:
        scheduler.keys[key] = scheduler.add_schedule(wanted)
    return _json(scheduler.schedule(scheduler.keys[key]), status=201)


def _schedules(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json_list(list(scheduler.schedules.values()))


def _schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json(scheduler.schedule(ref))


def _pause_schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json(scheduler.change_schedule(ref, paused_by="ada", next_at=None))


def _resume_schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json(scheduler.change_schedule(ref, paused_by=None, next_at=scheduler.begin))


def _delete_schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    del scheduler.schedules[scheduler.schedule(ref).schedule_id]
    return httpx.Response(204)


def _list(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    params = request.url.params
    states = params.get_list("state")
    found = [
        job
        for job in _filtered(list(scheduler.jobs.values()), params.get("filter", ""))
        if params.get("project") in (None, job.spec.project) and (not states or job.state in states)
    ]
    by_place = "offset" in params
    start = int(params["offset"] if by_place else params.get("cursor", "0"))
    end = start + int(params["limit"])
    views = [scheduler.view(job) for job in found[start:end]]
    if by_place:
        return _json(JobPage(jobs=views, total=len(found)))
    return _json(JobPage(jobs=views, next_cursor=str(end) if end < len(found) else None))


def _filtered(jobs: list[FakeJob], text: str) -> list[FakeJob]:
    try:
        query = parse(text)
    except FilterError as error:
        raise InvalidRequest(str(error)) from error
    plain = [
        naive_filter.Job(
            number,
            {
                BuiltIn.ID: job.job_id,
                BuiltIn.STATE: job.state,
                BuiltIn.PROJECT: job.spec.project,
                BuiltIn.ARRAY: None if job.array is None else job.array.array_id,
                BuiltIn.ARRAY_INDEX: None if job.array is None else job.array.index,
                BuiltIn.SCHEDULE: job.schedule_id,
            },
            parameters=job.parameters,
            metrics=job.metrics,
            tags=job.spec.tags,
        )
        for number, job in enumerate(jobs)
    ]
    return [jobs[number] for number in naive_filter.search(plain, query, now_ms=0)]


def _job(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json(scheduler.detail(scheduler.resolve(ref)))


def _provenance(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json(scheduler.resolve(ref).provenance)


def _stop(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state in FINAL_STATES:
        raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be stopped")
    job.reason = "stopped by someone"
    if job.state is JobState.QUEUED:
        scheduler.move(job, JobState.STOPPED, "StopRequested")
    else:
        scheduler.move(job, JobState.STOPPING, "StopRequested")
        answer = _json(scheduler.view(job), status=202)
        if job.local_run and job.local_run.interactive:
            return answer  # a session goes on
        scheduler.move(job, JobState.STOPPED, "Exited")
        return answer
    return _json(scheduler.view(job), status=202)


def _delete(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state not in FINAL_STATES:
        raise JobConflict(f"Job `{job.job_id}` has not ended")
    scheduler.deleted[job.job_id] = scheduler.jobs.pop(job.job_id)
    return httpx.Response(204)


def _logs(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    offset = int(request.url.params["offset"])
    start = offset if offset >= 0 else max(0, len(job.log) + offset)
    follow = request.url.params["follow"] == "true"
    headers = {"X-Job-Id": job.job_id, "X-Log-Offset": str(start)}
    pieces = _log(scheduler, job, start, follow=follow)
    if "length" in request.url.params:
        pieces = iter([b"".join(pieces)[: int(request.url.params["length"])]])
    return httpx.Response(200, headers=headers, content=pieces)


def _log_matches(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    with tempfile.NamedTemporaryFile() as file:
        file.write(job.log)
        file.flush()
        found = search_log(Path(file.name), LogSearch.model_validate(dict(request.url.params)))
    return httpx.Response(200, content=found.model_dump_json())


def _log_times(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    part = LogTimesRange.model_validate(dict(request.url.params))
    index = TimeIndex(100, job.log_marks)
    found = times_of(part, index, job_id=job.job_id, size_bytes=len(job.log))
    return httpx.Response(200, content=found.model_dump_json())


def _log(scheduler: FakeScheduler, job: FakeJob, offset: int, *, follow: bool) -> Iterator[bytes]:
    while True:
        with scheduler.news:
            while follow and len(job.log) <= offset and job.state not in FINAL_STATES:
                if scheduler.closed or not scheduler.news.wait(scheduler.patience_seconds):
                    return
            piece = job.log[offset:]
        if not piece:
            return
        offset += len(piece)
        yield piece


def _feed(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    params = request.url.params
    return httpx.Response(
        200,
        headers={"Content-Type": "text/event-stream"},
        content=_events(scheduler, request, int(params["since"]), params.get("job")),
    )


def _events(
    scheduler: FakeScheduler, request: httpx.Request, since: int, job_id: str | None
) -> Iterator[bytes]:
    silence_seconds = request.extensions["timeout"]["read"] or math.inf
    while True:
        with scheduler.news:
            while len(scheduler.changes) <= since:
                if scheduler.closed:
                    return
                if not scheduler.news.wait(min(silence_seconds, scheduler.patience_seconds)):
                    if silence_seconds < scheduler.patience_seconds:
                        raise httpx.ReadTimeout("no news in time", request=request)
                    return
            changes, since = scheduler.changes[since:], len(scheduler.changes)
        for change in changes:
            if job_id in (None, change.job_id):
                yield f"id: {change.seq}\ndata: {change.model_dump_json()}\n\n".encode()


def _artifacts(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json_list(scheduler.detail(scheduler.resolve(ref)).artifacts)


def _artifact(
    scheduler: FakeScheduler, request: httpx.Request, ref: str, key: str
) -> httpx.Response:
    job = scheduler.resolve(ref)
    if key in job.lost_artifacts:
        raise NotFound(f"Job `{job.job_id}` has no artifact file `{key}`.")
    return httpx.Response(200, content=iter([job.artifacts[key]]))


def _files(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    files = [
        FileView(path=f"artifacts/{key}", kind="artifact", size_bytes=len(content))
        for key, content in job.artifacts.items()
    ]
    return _json(FileList(job_id=job.job_id, files=files))


def _file(scheduler: FakeScheduler, request: httpx.Request, ref: str, path: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    key = path.removeprefix("artifacts/")
    if key not in job.artifacts:
        raise NotFound(f"Job {job.job_id} has no file {path!r}.")
    return httpx.Response(200, content=iter([job.artifacts[key]]))


def _tag(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    job.tags |= json.loads(request.read())["tags"]
    return _json(scheduler.view(job))


def _untag(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    for key in request.url.params.get_list("key"):
        if key not in job.tags:
            known = ", ".join(job.tags) or "none"
            raise NotFound(f"Job `{job.job_id}` has no tag `{key}`. It has: {known}")
        del job.tags[key]
    return _json(scheduler.view(job))


def _note(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    text = json.loads(request.read())["text"]
    note = NoteView(number=len(job.notes) + 1, author="ada", at=scheduler.begin, text=text)
    job.notes.append(note)
    return _json(note, status=201)


def _notes(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return _json_list(scheduler.resolve(ref).notes)


def _metrics(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    is_system = request.url.params.get("system") == "true"
    return _json_list(job.system if is_system else scheduler.summaries(job))


def _metric(
    scheduler: FakeScheduler, request: httpx.Request, ref: str, name: str
) -> httpx.Response:
    points = scheduler.resolve(ref).series[unquote(name)]
    params = request.url.params
    if "points" in params:
        chosen = decimate([value for _, value in points], int(params["points"]))
        end = len(points)
    else:
        start = int(params["start"])
        end = min(start + int(params["limit"]), len(points))
        chosen = list(range(start, end))
    series = MetricSeries(
        name=unquote(name),
        count=len(points),
        points=[
            MetricPoint(
                position=place,
                step=points[place][0],
                value=points[place][1],
                at=scheduler.begin + timedelta(seconds=10 * place),
            )
            for place in chosen
        ],
        decimated="points" in params and len(chosen) < len(points),
        next_position=end if end < len(points) else None,
    )
    return _json(series)


def _tensorboard(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.logs is None:
        raise NotFound(f"Job {job.job_id} has no TensorBoard logs.")
    files = {f"logs/{path}": content for path, content in job.logs.items()}
    return httpx.Response(200, content=iter([_packed(job, files)]))


def _archive(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state is JobState.QUEUED:
        raise NotFound(f"Job {job.job_id} has no archive.")
    files = {
        "source/main.py": b"print(1)\n",
        "source/data/x.csv": b"1,2\n",
        "job.log": job.log,
        "job.json": b"{}",
        **{f"artifacts/{key}": content for key, content in job.artifacts.items()},
    }
    return httpx.Response(200, content=iter([_packed(job, files)]))


def _packed(job: FakeJob, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{job.job_id}/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _source_diff(
    scheduler: FakeScheduler, request: httpx.Request, ref: str, other: str
) -> httpx.Response:
    pair = scheduler.resolve(ref).job_id, scheduler.resolve(other).job_id
    return _json(SourceDiff(job_id=pair[0], other_id=pair[1], files=scheduler.file_diffs))


def _queue(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(_queue_view(scheduler))


def _queue_view(scheduler: FakeScheduler) -> QueueView:
    pauses = [PauseView(by="ada", at=scheduler.begin, project=one) for one in scheduler.paused]
    return QueueView(
        max_running_jobs=scheduler.max_running_jobs,
        **scheduler.queue_settings,
        paused=next((one for one in pauses if one.project is None), None),
        paused_projects=[one for one in pauses if one.project is not None],
    )


def _pause(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    scheduler.paused[json.loads(request.read())["project"]] = None
    return _queue(scheduler, request)


def _resume(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    scheduler.paused.pop(json.loads(request.read())["project"], None)
    return _queue(scheduler, request)


def _move(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = MoveJobs.model_validate_json(request.read())
    moved = [_waiting(scheduler, ref).job_id for ref in wanted.jobs]
    other = None if wanted.other is None else scheduler.resolve(wanted.other).job_id
    queued = [
        Job(job.job_id, job.spec.project, job.state, place)
        for place, job in enumerate(scheduler.jobs.values())
        if job.state is JobState.QUEUED
    ]
    orders = reorder(queued, moved, wanted.place, other)
    line = sorted(queued, key=lambda job: orders.get(job.job_id, job.order))
    in_line = {job.job_id: scheduler.jobs[job.job_id] for job in line}
    scheduler.jobs = {**in_line, **{k: v for k, v in scheduler.jobs.items() if k not in in_line}}
    return _json_list([scheduler.view(scheduler.jobs[job_id]) for job_id in moved])


def _priority(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = _waiting(scheduler, ref)
    job.priority = json.loads(request.read())["priority"]
    return _json(scheduler.view(job))


def _hold(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = _waiting(scheduler, ref)
    job.held_by = "ada"
    return _json(scheduler.view(job))


def _release(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = _waiting(scheduler, ref)
    job.held_by = None
    return _json(scheduler.view(job))


def _waiting(scheduler: FakeScheduler, ref: str) -> FakeJob:
    job = scheduler.resolve(ref)
    if job.state is not JobState.QUEUED:
        raise JobConflict(f"Job `{job.job_id}` is {job.state} and does not wait.")
    return job


def _restore(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    if ref not in scheduler.deleted:
        if ref in scheduler.jobs:
            raise JobConflict(f"Job `{ref}` is not deleted.")
        raise NotFound("A deletion can be undone for 10 s.")
    scheduler.jobs[ref] = scheduler.deleted.pop(ref)
    return _json(scheduler.view(scheduler.jobs[ref]))


def _restore_project(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    back = [job for job in scheduler.deleted.values() if job.spec.project == name]
    if not back:
        raise NotFound(f"There is no deleted project `{name}` that can still be restored.")
    for job in back:
        scheduler.jobs[job.job_id] = scheduler.deleted.pop(job.job_id)
    return _json(DeletedProject(name=name, jobs=len(back)))


def _set_queue(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.read())
    scheduler.max_running_jobs = asked.pop("max_running_jobs", scheduler.max_running_jobs)
    scheduler.queue_settings |= asked
    return _queue(scheduler, request)


def _stop_jobs(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.read())
    jobs = list(scheduler.jobs.values())
    if "filter" in asked:
        taken = [job for job in _filtered(jobs, asked["filter"]) if job.state not in FINAL_STATES]
        refs = [job.job_id for job in taken]
        if len(refs) > asked.get("at_most", len(refs)):
            raise JobConflict(f"The filter takes {len(refs)} jobs by now. None was stopped.")
    else:
        refs = asked["jobs"]
    answer = JobsStopped(stopped=[], stopping=[])
    for ref in refs:
        try:
            waits = scheduler.resolve(ref).state is JobState.QUEUED
            _stop(scheduler, request, ref)
        except SchedulerError as error:
            refusal = StopRefusal(job=ref, error=error.code, message=error.message)
            answer.refused.append(refusal)
        else:
            (answer.stopped if waits else answer.stopping).append(ref)
    return _json(answer)


def _clear(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.read())
    project = asked["project"]
    removed = []
    for job in _filtered(list(scheduler.jobs.values()), asked.get("filter", "")):
        if job.state is JobState.QUEUED and project in (None, job.spec.project):
            scheduler.move(job, JobState.STOPPED, "StopRequested")
            removed.append(job.job_id)
    return _json(Cleared(removed=len(removed), job_ids=removed))


def _projects(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json_list(_project_views(scheduler))


def _project_views(scheduler: FakeScheduler, wanted: str | None = None) -> list[ProjectView]:
    names = dict.fromkeys(job.spec.project for job in scheduler.jobs.values())
    views = []
    for name in (name for name in names if wanted in (None, name)):
        states = [job.state for job in scheduler.jobs.values() if job.spec.project == name]
        counts = {state: states.count(state) for state in dict.fromkeys(states)}
        views.append(
            ProjectView(
                name=name,
                created_at=scheduler.begin,
                jobs=len(states),
                states=counts,
                last_submitted_at=scheduler.begin,
                description=scheduler.descriptions.get(name, ""),
                retention=scheduler.rules.get(name),
            )
        )
    return views


def _rename_project(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    new_name = json.loads(request.read())["new_name"]
    for job in _jobs_of(scheduler, name):
        job.spec = job.spec.model_copy(update={"project": new_name})
    (view,) = _project_views(scheduler, new_name)
    return _json(view)


def _describe_project(
    scheduler: FakeScheduler, request: httpx.Request, name: str
) -> httpx.Response:
    _jobs_of(scheduler, name)
    scheduler.descriptions[name] = json.loads(request.read())["description"]
    (view,) = _project_views(scheduler, name)
    return _json(view)


def _set_retention(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    _jobs_of(scheduler, name)
    rule = SetRetention.model_validate_json(request.read()).rule
    limited = rule is not None and (rule.keep_last or rule.keep_days)
    scheduler.rules[name] = RetentionView(**rule.model_dump()) if rule and limited else None
    (view,) = _project_views(scheduler, name)
    return _json(view)


def _garbage(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return _json(scheduler.garbage)


def _collect_garbage(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    collected, scheduler.garbage = scheduler.garbage, GarbageView(at=scheduler.begin)
    return _json(collected)


def _delete_project(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    jobs = _jobs_of(scheduler, name)
    if any(job.state not in FINAL_STATES for job in jobs):
        raise JobConflict(f"Project `{name}` has jobs that have not ended")
    for job in jobs:
        scheduler.deleted[job.job_id] = scheduler.jobs.pop(job.job_id)
    return _json(DeletedProject(name=name, jobs=len(jobs)))


def _jobs_of(scheduler: FakeScheduler, project: str) -> list[FakeJob]:
    found = [job for job in scheduler.jobs.values() if job.spec.project == project]
    if not found:
        raise NotFound(f"There is no project `{project}`.")
    return found


def _json(model: Any, *, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=model.model_dump(mode="json"))


def _json_list(models: list[Any]) -> httpx.Response:
    return httpx.Response(200, json=[model.model_dump(mode="json") for model in models])


def _start_exec(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state is not JobState.RUNNING:
        raise JobConflict(
            f"Job `{job.job_id}` is {job.state}: only a job that runs has commands beside it."
        )
    command = json.loads(request.read())["command"]
    return _json(ExecView(exec_id="e1", job_id=job.job_id, command=command), status=201)


def _exec_output(scheduler: FakeScheduler, request: httpx.Request, _: str) -> httpx.Response:
    """Say what every command says here, and exit with 4."""
    written = frame(STDOUT, b"out\xff\n") + frame(STDERR, b"err\n") + frame(EXIT, b"4")
    rest = written[int(request.url.params["offset"]) :]
    return httpx.Response(200, stream=httpx.ByteStream(rest))


JOB_PORT = 8888
"""The one port that jobs listen at here."""


def _open_tunnel(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    port = int(request.url.path.split("/")[-2])
    if port != JOB_PORT:
        raise JobConflict(f"No process of the job listens at port {port} now.")
    return _json(TunnelView(tunnel_id="t1", job_id=job.job_id, port=port), status=201)


def _read_tunnel(scheduler: FakeScheduler, request: httpx.Request, _: str) -> httpx.Response:
    """Send what every job sends here."""
    rest = (frame(STDOUT, b"hello") + frame(EXIT, b"0"))[int(request.url.params["offset"]) :]
    return httpx.Response(200, stream=httpx.ByteStream(rest))


def _done(scheduler: FakeScheduler, request: httpx.Request, _: str) -> httpx.Response:
    return httpx.Response(204)


_ROUTES: list[tuple[str, str, Callable[..., httpx.Response]]] = [
    ("GET", "/health", _health),
    ("GET", "/info", _info),
    ("GET", "/host", _host),
    ("GET", "/disk", _disk),
    ("GET", "/caller", _whoami),
    ("GET", "/tokens", _tokens),
    ("POST", "/tokens", _create_token),
    ("POST", "/tokens/([^/]+)/rotate", _rotate_token),
    ("DELETE", "/tokens/([^/]+)", _revoke_token),
    ("GET", "/healthz", _readiness),
    ("GET", "/metrics", _measurements),
    ("GET", "/environments", _environments),
    ("POST", "/environments/prune", _prune_environments),
    ("GET", "/images", _images),
    ("POST", "/images/prune", _prune_images),
    ("GET", "/secrets", _secrets),
    ("PUT", "/secrets/([^/]+)", _set_secret),
    ("DELETE", "/secrets/([^/]+)", _delete_secret),
    ("HEAD", "/bundles/([^/]+)", _has_bundle),
    ("PUT", "/bundles/([^/]+)", _upload),
    ("PUT", "/bundles/([^/]+)/files", _declare),
    ("POST", "/bundles/files", _send_files),
    ("POST", "/jobs", _submit),
    ("GET", "/jobs", _list),
    ("GET", "/jobs/([^/]+)", _job),
    ("GET", "/jobs/([^/]+)/provenance", _provenance),
    ("POST", "/jobs/stop", _stop_jobs),
    ("POST", "/jobs/([^/]+)/stop", _stop),
    ("DELETE", "/jobs/([^/]+)", _delete),
    ("GET", "/jobs/([^/]+)/logs", _logs),
    ("GET", "/jobs/([^/]+)/logs/matches", _log_matches),
    ("GET", "/jobs/([^/]+)/logs/times", _log_times),
    ("GET", "/jobs/([^/]+)/archive", _archive),
    ("GET", "/jobs/([^/]+)/tensorboard", _tensorboard),
    ("GET", "/jobs/([^/]+)/artifacts", _artifacts),
    ("GET", "/jobs/([^/]+)/artifacts/(.+)", _artifact),
    ("GET", "/jobs/([^/]+)/files", _files),
    ("GET", "/jobs/([^/]+)/files/(.+)", _file),
    ("POST", "/jobs/([^/]+)/execs", _start_exec),
    ("GET", "/execs/([^/]+)/output", _exec_output),
    ("POST", "/execs/([^/]+)/input", _done),
    ("PUT", "/execs/([^/]+)/terminal", _done),
    ("DELETE", "/execs/([^/]+)", _done),
    ("POST", "/jobs/([^/]+)/ports/[0-9]+/tunnels", _open_tunnel),
    ("GET", "/tunnels/([^/]+)/output", _read_tunnel),
    ("POST", "/tunnels/([^/]+)/input", _done),
    ("DELETE", "/tunnels/([^/]+)", _done),
    ("POST", "/jobs/([^/]+)/tags", _tag),
    ("DELETE", "/jobs/([^/]+)/tags", _untag),
    ("POST", "/jobs/([^/]+)/notes", _note),
    ("GET", "/jobs/([^/]+)/notes", _notes),
    ("GET", "/jobs/([^/]+)/metrics", _metrics),
    ("GET", "/jobs/([^/]+)/metrics/(.+)", _metric),
    ("GET", "/jobs/([^/]+)/diff/([^/]+)", _source_diff),
    ("GET", "/changes", _feed),
    ("GET", "/queue", _queue),
    ("PUT", "/queue", _set_queue),
    ("POST", "/queue/clear", _clear),
    ("POST", "/queue/pause", _pause),
    ("POST", "/queue/resume", _resume),
    ("POST", "/queue/move", _move),
    ("PUT", "/jobs/([^/]+)/priority", _priority),
    ("POST", "/jobs/([^/]+)/hold", _hold),
    ("POST", "/jobs/([^/]+)/release", _release),
    ("POST", "/jobs/([^/]+)/restore", _restore),
    ("POST", "/projects/([^/]+)/restore", _restore_project),
    ("POST", "/arrays", _submit_array),
    ("GET", "/arrays/([^/]+)", _array),
    ("POST", "/schedules", _create_schedule),
    ("GET", "/schedules", _schedules),
    ("GET", "/schedules/([^/]+)", _schedule),
    ("DELETE", "/schedules/([^/]+)", _delete_schedule),
    ("POST", "/schedules/([^/]+)/pause", _pause_schedule),
    ("POST", "/schedules/([^/]+)/resume", _resume_schedule),
    ("GET", "/projects", _projects),
    ("POST", "/projects/([^/]+)/rename", _rename_project),
    ("PUT", "/projects/([^/]+)/description", _describe_project),
    ("PUT", "/projects/([^/]+)/retention", _set_retention),
    ("GET", "/garbage", _garbage),
    ("POST", "/garbage", _collect_garbage),
    ("DELETE", "/projects/([^/]+)", _delete_project),
]
