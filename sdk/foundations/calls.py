"""Every request to a scheduler as data, and how to read its answer; nothing is sent here.

`read(call, status, body)` gives the value of an answer or raises what it means.
"""

from __future__ import annotations

import json as json_text
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from foundations.answers import read as read
from foundations.errors import InvalidRequest
from foundations.lazy_models import models

T = TypeVar("T")
Topic = Literal["queue", "records", "host"]
"""What the change feed can tell beside what happens to jobs."""
PREFIX = "/api/v1"
"""Where the API begins on every server."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how to read its answer."""

    method: str
    path: str
    """Below `PREFIX`, quoted."""
    parse: Callable[[int, bytes], T]
    """Makes the value of an answer's status and body; raises ValueError when it cannot."""
    params: tuple[tuple[str, str], ...] = ()
    json: Any = None
    """The body, when it is JSON."""
    body: bytes | None = None
    """The body, when it is bytes already."""
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: tuple[int, ...] = (200,)
    """Statuses that are not errors."""

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice has no other effect than sending it once."""
        return self.method in ("GET", "HEAD") or "Idempotency-Key" in self.headers

    def content(self) -> bytes | None:
        """Return the body to send.

        Raises:
            InvalidRequest: JSON cannot express it.
        """
        if self.json is None:
            return self.body
        try:
            return json_text.dumps(self.json, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as error:
            raise InvalidRequest(f"The request cannot be written as JSON: {error}") from error

    def all_headers(self) -> dict[str, str]:
        """Return the headers to send."""
        kind = {} if self.json is None else {"Content-Type": "application/json"}
        return {**kind, **self.headers}


def as_json(call: Call[Any]) -> Call[Any]:
    """Return the same call, whose answer is read as plain JSON."""
    return replace(call, parse=lambda _, body: json_text.loads(body))


# -- the scheduler


def health() -> Call[None]:
    """Ask for a sign of life."""
    return Call("GET", "/health", _healthy)


def info() -> Call[models.SchedulerInfo]:
    """Ask who answers and how it stands."""
    return Call("GET", "/info", _info)


def host() -> Call[models.HostView]:
    """Ask how busy the scheduler's machine is."""
    return Call("GET", "/host", lambda _, body: models.HostView.model_validate_json(body))


def disk() -> Call[models.DiskView]:
    """Ask what the scheduler's home takes on the disk."""
    return Call("GET", "/disk", lambda _, body: models.DiskView.model_validate_json(body))


def environments() -> Call[models.EnvironmentsView]:
    """Ask which environments jobs share, and what they take."""
    return Call(
        "GET",
        "/environments",
        lambda _, body: models.EnvironmentsView.model_validate_json(body),
    )


def prune_environments(*, unused_days: float = 0) -> Call[models.PrunedEnvironments]:
    """Remove environments that no job uses now, and none used for so many days."""
    return Call(
        "POST",
        "/environments/prune",
        lambda _, body: models.PrunedEnvironments.model_validate_json(body),
        json={"unused_days": unused_days},
    )


def projects() -> Call[list[models.ProjectView]]:
    """Ask for every project."""
    return Call(
        "GET",
        "/projects",
        lambda _, body: [models.ProjectView.model_validate(one) for one in json_text.loads(body)],
    )


def rename_project(name: str, new_name: str) -> Call[models.ProjectView]:
    """Give a project another name."""
    return Call("POST", f"{_project(name)}/rename", _project_view, json={"new_name": new_name})


def describe_project(name: str, description: str) -> Call[models.ProjectView]:
    """Say what a project is about."""
    path = f"{_project(name)}/description"
    return Call("PUT", path, _project_view, json={"description": description})


def set_retention(name: str, rule: models.RetentionRule | None) -> Call[models.ProjectView]:
    """Set what a project keeps of its jobs; None leaves it to the server's settings."""
    body = None if rule is None else rule.model_dump(mode="json", exclude_none=True)
    return Call("PUT", f"{_project(name)}/retention", _project_view, json={"rule": body})


def delete_project(name: str) -> Call[models.DeletedProject]:
    """Delete a project whose jobs have all ended, with them."""
    return Call("DELETE", _project(name), _deleted_project)


def restore_project(name: str) -> Call[models.DeletedProject]:
    """Undo the deletion of a project."""
    return Call("POST", f"{_project(name)}/restore", _deleted_project)


# -- what may go


def garbage() -> Call[models.GarbageView]:
    """Ask what would go now."""
    return Call("GET", "/garbage", _garbage_view)


def collect_garbage() -> Call[models.GarbageView]:
    """Let go of jobs that are kept no longer, and of files that nothing needs."""
    return Call("POST", "/garbage", _garbage_view)


# -- the queue


def queue_settings() -> Call[models.QueueView]:
    """Ask how the queue is run, and what is paused."""
    return Call("GET", "/queue", _queue_view)


def set_queue_settings(
    max_running_jobs: int | None = None, **others: Any
) -> Call[models.QueueView]:
    """Change how the queue is run; `others` are fields of `NewQueueSettings`.

    What is not given is left out, so that an older server understands it.
    """
    wanted = {"max_running_jobs": max_running_jobs, **others}
    given = {name: value for name, value in wanted.items() if value is not None}
    return Call("PUT", "/queue", _queue_view, json=given)


def clear_queue(project: str | None = None, *, filter: str | None = None) -> Call[models.Cleared]:
    """Stop every job that waits, or those of a project or that a filter takes."""
    # What is not asked for is left out, so that an older server understands it.
    chosen = {} if filter is None else {"filter": filter}
    return Call(
        "POST",
        "/queue/clear",
        lambda _, body: models.Cleared.model_validate_json(body),
        json={"project": project, **chosen},
    )


def pause_queue(project: str | None = None) -> Call[models.QueueView]:
    """Start nothing any more, in all projects or in one."""
    return Call("POST", "/queue/pause", _queue_view, json={"project": project})


def resume_queue(project: str | None = None) -> Call[models.QueueView]:
    """Take a pause back."""
    return Call("POST", "/queue/resume", _queue_view, json={"project": project})


def move(
    refs: Iterable[str], place: models.MovePlace, *, other: str | None = None
) -> Call[list[models.JobView]]:
    """Move jobs that wait, among those of their priority."""
    return Call(
        "POST",
        "/queue/move",
        lambda _, body: [models.JobView.model_validate(one) for one in json_text.loads(body)],
        json={"jobs": list(refs), "place": place, "other": other},
    )


# -- bundles


def has_bundle(digest: str) -> Call[bool]:
    """Ask whether a bundle is there."""
    path = f"/bundles/{quote(digest, safe='')}"
    return Call("HEAD", path, lambda status, _: status == 200, expected=(200, 404))


def upload_bundle(digest: str, *, size_bytes: int) -> Call[models.BundleView]:
    """Send a bundle; its body is the packed file."""
    return Call(
        "PUT",
        f"/bundles/{quote(digest, safe='')}",
        lambda _, body: models.BundleView.model_validate_json(body),
        headers={"Content-Type": "application/gzip", "Content-Length": str(size_bytes)},
        expected=(201,),
    )


def declare_bundle(digest: str, listing: bytes) -> Call[models.MissingFiles]:
    """Say what is in a bundle, and ask which of its files are missing; without any it is there."""
    return Call(
        "PUT",
        f"/bundles/{quote(digest, safe='')}/files",
        lambda _, body: models.MissingFiles.model_validate_json(body),
        body=listing,
        headers={"Content-Type": "application/json"},
    )


def send_files() -> Call[models.FilesReceived]:
    """Send files of bundles; the body is that of `foundations.packs`."""
    return Call(
        "POST",
        "/bundles/files",
        lambda _, body: models.FilesReceived.model_validate_json(body),
        headers={"Content-Type": "application/octet-stream"},
    )


# -- jobs


def submit(
    submission: models.Submission, *, idempotency_key: str | None = None
) -> Call[models.Accepted]:
    """Submit a job. What has its default is left out, so that an older server understands it."""
    return Call(
        "POST",
        "/jobs",
        lambda _, body: models.Accepted.model_validate_json(body),
        json=submission.model_dump(mode="json", exclude_defaults=True),
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
        expected=(200, 201),
    )


def submit_array(
    wanted: models.NewArray, *, idempotency_key: str | None = None
) -> Call[models.ArrayView]:
    """Submit an array of jobs."""
    return Call(
        "POST",
        "/arrays",
        _array_view,
        json=wanted.model_dump(mode="json", exclude_defaults=True),
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
        expected=(201,),
    )


def array(ref: str) -> Call[models.ArrayView]:
    """Ask how an array of jobs stands."""
    return Call("GET", _named("arrays", ref, "the id of an array"), _array_view)


def create_schedule(
    wanted: models.NewSchedule, *, idempotency_key: str | None = None
) -> Call[models.ScheduleView]:
    """Submit a job again and again."""
    return Call(
        "POST",
        "/schedules",
        _schedule_view,
        json=wanted.model_dump(mode="json", exclude_defaults=True),
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
        expected=(201,),
    )


def schedules() -> Call[list[models.ScheduleView]]:
    """Ask for every schedule."""
    return Call(
        "GET",
        "/schedules",
        lambda _, body: [models.ScheduleView.model_validate(one) for one in json_text.loads(body)],
    )


def schedule(ref: str) -> Call[models.ScheduleView]:
    """Ask how a schedule stands."""
    return Call("GET", _schedule(ref), _schedule_view)


def pause_schedule(ref: str) -> Call[models.ScheduleView]:
    """Let a schedule submit nothing."""
    return Call("POST", f"{_schedule(ref)}/pause", _schedule_view)


def resume_schedule(ref: str) -> Call[models.ScheduleView]:
    """Let a schedule submit again."""
    return Call("POST", f"{_schedule(ref)}/resume", _schedule_view)


def delete_schedule(ref: str) -> Call[None]:
    """Remove a schedule."""
    return Call("DELETE", _schedule(ref), lambda _, body: None, expected=(204,))


def jobs(
    *,
    project: str | None = None,
    states: Iterable[str] = (),
    filter: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    offset: int | None = None,
) -> Call[models.JobPage]:
    """Ask for one page of jobs, newest first unless the filter says otherwise."""
    return Call(
        "GET",
        "/jobs",
        lambda _, body: models.JobPage.model_validate_json(body),
        params=(
            *_given("project", project),
            *(("state", str(state)) for state in states),
            *_given("filter", filter),
            ("limit", str(limit)),
            *_given("cursor", cursor),
            *_given("offset", None if offset is None else str(offset)),
        ),
    )


def job(ref: str) -> Call[models.JobDetail]:
    """Ask for everything about one job."""
    return Call("GET", _job(ref), lambda _, body: models.JobDetail.model_validate_json(body))


def provenance(ref: str) -> Call[models.Provenance]:
    """Ask where a job comes from and what it ran on, with the diff."""
    return Call(
        "GET",
        f"{_job(ref)}/provenance",
        lambda _, body: models.Provenance.model_validate_json(body),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the reader of a log must know of its job."""

    state: str
    log_size_bytes: int


def standing(ref: str) -> Call[Standing]:
    """Ask for a job, and take only how it stands from the answer."""
    return Call("GET", _job(ref), _standing)


def stop(ref: str) -> Call[models.JobView]:
    """Ask a job to end."""
    return Call("POST", f"{_job(ref)}/stop", _job_view, expected=(202,))


def delete(ref: str) -> Call[None]:
    """Delete a job that has ended."""
    return Call("DELETE", _job(ref), _nothing, expected=(204,))


def restore(ref: str) -> Call[models.JobView]:
    """Undo the deletion of a job."""
    return Call("POST", f"{_job(ref)}/restore", _job_view)


def set_priority(ref: str, priority: int) -> Call[models.JobView]:
    """Change the priority of a job that waits."""
    return Call("PUT", f"{_job(ref)}/priority", _job_view, json={"priority": priority})


def hold(ref: str) -> Call[models.JobView]:
    """Keep a job that waits from being chosen."""
    return Call("POST", f"{_job(ref)}/hold", _job_view)


def release(ref: str) -> Call[models.JobView]:
    """Let a held job have its turn."""
    return Call("POST", f"{_job(ref)}/release", _job_view)


def tag(ref: str, tags: Mapping[str, str]) -> Call[models.JobView]:
    """Give a job tags."""
    return Call("POST", f"{_job(ref)}/tags", _job_view, json={"tags": dict(tags)})


def untag(ref: str, keys: Iterable[str]) -> Call[models.JobView]:
    """Take tags from a job."""
    params = tuple(("key", key) for key in keys)
    return Call("DELETE", f"{_job(ref)}/tags", _job_view, params=params)


def note(ref: str, text: str) -> Call[models.NoteView]:
    """Add a note to a job."""
    return Call(
        "POST",
        f"{_job(ref)}/notes",
        lambda _, body: models.NoteView.model_validate_json(body),
        json={"text": text},
        expected=(201,),
    )


def notes(ref: str) -> Call[list[models.NoteView]]:
    """Ask for the notes of a job."""
    return Call(
        "GET",
        f"{_job(ref)}/notes",
        lambda _, body: [models.NoteView.model_validate(one) for one in json_text.loads(body)],
    )


def metrics(ref: str, *, system: bool = False) -> Call[list[models.MetricSummary]]:
    """Ask for each metric of a job in a row; with `system` for what the scheduler measured."""
    return Call(
        "GET",
        f"{_job(ref)}/metrics",
        lambda _, body: [models.MetricSummary.model_validate(one) for one in json_text.loads(body)],
        params=(("system", "true"),) if system else (),
    )


def metric(
    ref: str, name: str, *, points: int | None = None, start: int = 0, limit: int = 1000
) -> Call[models.MetricSeries]:
    """Ask for the points of a metric: a page of them, or with `points` those that show its course.

    Args:
        ref: the job.
        name: of the metric.
        points: how many stretches to cut the series into; of each the lowest and highest stay.
        start: first position of the page, from 0.
        limit: most points of the page.
    """
    page = (("start", str(start)), ("limit", str(limit)))
    return Call(
        "GET",
        f"{_job(ref)}/metrics/{_path(name)}",
        lambda _, body: models.MetricSeries.model_validate_json(body),
        params=page if points is None else (("points", str(points)),),
    )


def artifacts(ref: str) -> Call[list[models.ArtifactView]]:
    """Ask for the artifacts of a job."""
    return Call(
        "GET",
        f"{_job(ref)}/artifacts",
        lambda _, body: [models.ArtifactView.model_validate(one) for one in json_text.loads(body)],
    )


def files(ref: str) -> Call[models.FileList]:
    """Ask for the files of a job."""
    return Call(
        "GET",
        f"{_job(ref)}/files",
        lambda _, body: models.FileList.model_validate_json(body),
    )


def source_diff(ref: str, other: str) -> Call[models.SourceDiff]:
    """Ask what differs between the files that two jobs were submitted with."""
    return Call(
        "GET",
        f"{_job(ref)}/diff/{_job(other).rpartition('/')[2]}",
        lambda _, body: models.SourceDiff.model_validate_json(body),
    )


def search_log(ref: str, search: models.LogSearch) -> Call[models.LogMatches]:
    """Ask for the lines of a log that have a pattern."""
    params = tuple(
        (name, _flag(value) if isinstance(value, bool) else str(value))
        for name, value in search.model_dump(exclude_unset=True).items()
    )
    return Call(
        "GET",
        f"{_job(ref)}/logs/matches",
        lambda _, body: models.LogMatches.model_validate_json(body),
        params=params,
    )


def log_times(
    ref: str,
    *,
    offset: int = 0,
    end: int | None = None,
    since_ms: int | None = None,
    limit: int | None = None,
) -> Call[models.LogTimes]:
    """Ask when a part of the log was written: from an offset on, or from a time on."""
    given = (("offset", offset or None), ("end", end), ("since_ms", since_ms), ("limit", limit))
    return Call(
        "GET",
        f"{_job(ref)}/logs/times",
        lambda _, body: models.LogTimes.model_validate_json(body),
        params=tuple((name, str(value)) for name, value in given if value is not None),
    )


# -- streams: their body is read piece by piece


def archive(ref: str) -> Call[None]:
    """Ask for the archive of a job, a tar.gz."""
    return Call("GET", f"{_job(ref)}/archive", _nothing)


def tensorboard_logs(ref: str, *, since: int = 0) -> Call[None]:
    """Ask for the TensorBoard logs of a job, a tar.gz; with `since` only those changed later."""
    return Call("GET", f"{_job(ref)}/tensorboard", _nothing, params=(("since", str(since)),))


def artifact(ref: str, key: str) -> Call[None]:
    """Ask for the bytes of an artifact."""
    return Call("GET", f"{_job(ref)}/artifacts/{_path(key)}", _nothing)


def file(ref: str, path: str) -> Call[None]:
    """Ask for the bytes of a file, by its path in the archive."""
    return Call("GET", f"{_job(ref)}/files/{_path(path)}", _nothing)


def logs(
    ref: str, *, offset: int = 0, follow: bool = False, length: int | None = None
) -> Call[None]:
    """Ask for the log from `offset` on; a negative one counts from the end."""
    params = (
        ("offset", str(offset)),
        ("follow", _flag(follow)),
        *_given("length", None if length is None else str(length)),
    )
    return Call("GET", f"{_job(ref)}/logs", _nothing, params=params)


def changes(
    since: int, *, job: str | None = None, follow: bool = True, also: Iterable[Topic] = ()
) -> Call[None]:
    """Ask for the change feed after `since`, of one job or of all.

    It can tell `also` of the queue itself, of jobs that have new records, and how busy the
    scheduler's machine is.
    """
    more = [(topic, "true") for topic in also]
    params = (("since", str(since)), *_given("job", job), ("follow", _flag(follow)), *more)
    return Call("GET", "/changes", _nothing, params=params)


# -- parts of calls


def _job(ref: str) -> str:
    """Path of a job."""
    if not ref or "/" in ref:
        raise InvalidRequest(f"`{ref}` is not a job id. Give the id or its first characters.")
    return f"/jobs/{_segment(ref)}"


def _project(name: str) -> str:
    """Path of a project."""
    return _named("projects", name, "the name of a project")


def _named(kind: str, ref: str, what: str) -> str:
    """Path of something by its id or name."""
    if not ref or "/" in ref:
        raise InvalidRequest(f"`{ref}` is not {what}.")
    return f"/{kind}/{_segment(ref)}"


def _path(key: str) -> str:
    """Quote a key that may contain slashes."""
    return "/".join(_segment(part) for part in key.split("/"))


def _segment(part: str) -> str:
    """Quote one part of a path, so that `.` and `..` do not climb."""
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


def _given(name: str, value: str | None) -> tuple[tuple[str, str], ...]:
    return () if value is None else ((name, value),)


def _flag(value: object) -> str:
    return "true" if value else "false"


def _nothing(status: int, body: bytes) -> None:
    """Parse of answers whose status says everything, or whose body is a stream."""


def _healthy(status: int, body: bytes) -> None:
    if json_text.loads(body)["status"] != "ok":
        raise ValueError("not a sign of life")


def _info(status: int, body: bytes) -> models.SchedulerInfo:
    found = models.SchedulerInfo.model_validate_json(body)
    if found.api_version != models.API_VERSION:
        raise ValueError(f"version {found.api_version} of the API")
    return found


def _standing(status: int, body: bytes) -> Standing:
    found = json_text.loads(body)
    return Standing(state=str(found["state"]), log_size_bytes=int(found["log_size_bytes"]))


def _queue_view(status: int, body: bytes) -> models.QueueView:
    return models.QueueView.model_validate_json(body)


def _deleted_project(status: int, body: bytes) -> models.DeletedProject:
    return models.DeletedProject.model_validate_json(body)


def _project_view(status: int, body: bytes) -> models.ProjectView:
    return models.ProjectView.model_validate_json(body)


def _schedule(ref: str) -> str:
    """Path of a schedule."""
    return _named("schedules", ref, "the id of a schedule")


def _schedule_view(_: int, body: bytes) -> models.ScheduleView:
    return models.ScheduleView.model_validate_json(body)


def _garbage_view(status: int, body: bytes) -> models.GarbageView:
    return models.GarbageView.model_validate_json(body)


def _array_view(_: int, body: bytes) -> models.ArrayView:
    return models.ArrayView.model_validate_json(body)


def _job_view(status: int, body: bytes) -> models.JobView:
    return models.JobView.model_validate_json(body)
