"""Tags and notes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from foundations.errors import NotFound
from foundations.models import NoteView
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _tag(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    job.tags |= json.loads(request.read())["tags"]
    return json_of(scheduler.view(job))


def _untag(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    for key in request.url.params.get_list("key"):
        if key not in job.tags:
            known = ", ".join(job.tags) or "none"
            raise NotFound(f"Job `{job.job_id}` has no tag `{key}`. It has: {known}")
        del job.tags[key]
    return json_of(scheduler.view(job))


def _note(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    text = json.loads(request.read())["text"]
    note = NoteView(number=len(job.notes) + 1, author="ada", at=scheduler.begin, text=text)
    job.notes.append(note)
    return json_of(note, status=201)


def _notes(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_list(scheduler.resolve(ref).notes)


ROUTES: list[Route] = [
    ("POST", "/jobs/([^/]+)/tags", _tag),
    ("DELETE", "/jobs/([^/]+)/tags", _untag),
    ("POST", "/jobs/([^/]+)/notes", _note),
    ("GET", "/jobs/([^/]+)/notes", _notes),
]
