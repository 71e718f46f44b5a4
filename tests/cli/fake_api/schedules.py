"""Submissions that are made again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from foundations.errors import InvalidRequest
from foundations.models import NewSchedule
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _create_schedule(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = NewSchedule.model_validate_json(request.read())
    if wanted.cron == "nonsense":
        raise InvalidRequest("`nonsense` has 1 fields. Five are needed.")
    key = request.headers["Idempotency-Key"]
    if key not in scheduler.keys:
        scheduler.keys[key] = scheduler.add_schedule(wanted)
    return json_of(scheduler.schedule(scheduler.keys[key]), status=201)


def _schedules(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_list(list(scheduler.schedules.values()))


def _schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_of(scheduler.schedule(ref))


def _pause_schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_of(scheduler.change_schedule(ref, paused_by="ada", next_at=None))


def _resume_schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_of(scheduler.change_schedule(ref, paused_by=None, next_at=scheduler.begin))


def _delete_schedule(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    del scheduler.schedules[scheduler.schedule(ref).schedule_id]
    return httpx.Response(204)


ROUTES: list[Route] = [
    ("POST", "/schedules", _create_schedule),
    ("GET", "/schedules", _schedules),
    ("GET", "/schedules/([^/]+)", _schedule),
    ("DELETE", "/schedules/([^/]+)", _delete_schedule),
    ("POST", "/schedules/([^/]+)/pause", _pause_schedule),
    ("POST", "/schedules/([^/]+)/resume", _resume_schedule),
]
