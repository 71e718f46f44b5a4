"""Requests about jobs."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from foundations.calls.call import Call, given, job_path, nothing
from foundations.lazy_models import models


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
            *given("project", project),
            *(("state", str(state)) for state in states),
            *given("filter", filter),
            ("limit", str(limit)),
            *given("cursor", cursor),
            *given("offset", None if offset is None else str(offset)),
        ),
    )


def job(ref: str) -> Call[models.JobDetail]:
    """Ask for everything about one job."""
    return Call("GET", job_path(ref), lambda _, body: models.JobDetail.model_validate_json(body))


def provenance(ref: str) -> Call[models.Provenance]:
    """Ask where a job comes from and what it ran on, with the diff."""
    return Call(
        "GET",
        f"{job_path(ref)}/provenance",
        lambda _, body: models.Provenance.model_validate_json(body),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the reader of a log must know of its job."""

    state: str
    log_size_bytes: int


def standing(ref: str) -> Call[Standing]:
    """Ask for a job, and take only how it stands from the answer."""
    return Call("GET", job_path(ref), _standing)


def stop(ref: str) -> Call[models.JobView]:
    """Ask a job to end."""
    return Call("POST", f"{job_path(ref)}/stop", _job_view, expected=(202,))


def stop_jobs(
    refs: Iterable[str] = (),
    *,
    filter: str | None = None,
    project: str | None = None,
    at_most: int | None = None,
) -> Call[models.JobsStopped | None]:
    """Ask several jobs to end. None is the answer of a server that knows no such request."""
    chosen = {"jobs": list(refs), "filter": filter, "project": project, "at_most": at_most}
    return Call(
        "POST",
        "/jobs/stop",
        lambda status, body: _jobs_stopped(body) if status == 200 else None,
        json={key: value for key, value in chosen.items() if value not in (None, [])},
        # An older server takes the path for that of a job called `stop`, which has other methods.
        expected=(200, 404, 405),
    )


def delete(ref: str) -> Call[None]:
    """Delete a job that has ended."""
    return Call("DELETE", job_path(ref), nothing, expected=(204,))


def restore(ref: str) -> Call[models.JobView]:
    """Undo the deletion of a job."""
    return Call("POST", f"{job_path(ref)}/restore", _job_view)


def set_priority(ref: str, priority: int) -> Call[models.JobView]:
    """Change the priority of a job that waits."""
    return Call("PUT", f"{job_path(ref)}/priority", _job_view, json={"priority": priority})


def hold(ref: str) -> Call[models.JobView]:
    """Keep a job that waits from being chosen."""
    return Call("POST", f"{job_path(ref)}/hold", _job_view)


def release(ref: str) -> Call[models.JobView]:
    """Let a held job have its turn."""
    return Call("POST", f"{job_path(ref)}/release", _job_view)


def tag(ref: str, tags: Mapping[str, str]) -> Call[models.JobView]:
    """Give a job tags."""
    return Call("POST", f"{job_path(ref)}/tags", _job_view, json={"tags": dict(tags)})


def untag(ref: str, keys: Iterable[str]) -> Call[models.JobView]:
    """Take tags from a job."""
    params = tuple(("key", key) for key in keys)
    return Call("DELETE", f"{job_path(ref)}/tags", _job_view, params=params)


def note(ref: str, text: str) -> Call[models.NoteView]:
    """Add a note to a job."""
    return Call(
        "POST",
        f"{job_path(ref)}/notes",
        lambda _, body: models.NoteView.model_validate_json(body),
        json={"text": text},
        expected=(201,),
    )


def notes(ref: str) -> Call[list[models.NoteView]]:
    """Ask for the notes of a job."""
    return Call(
        "GET",
        f"{job_path(ref)}/notes",
        lambda _, body: [models.NoteView.model_validate(one) for one in json_text.loads(body)],
    )


def _standing(status: int, body: bytes) -> Standing:
    found = json_text.loads(body)
    return Standing(state=str(found["state"]), log_size_bytes=int(found["log_size_bytes"]))


def _jobs_stopped(body: bytes) -> models.JobsStopped:
    return models.JobsStopped.model_validate_json(body)


def _job_view(status: int, body: bytes) -> models.JobView:
    return models.JobView.model_validate_json(body)
