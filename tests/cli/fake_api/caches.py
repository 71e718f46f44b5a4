"""What the scheduler keeps for later: environments, images and garbage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from foundations.models import GarbageView, PrunedEnvironments, PrunedImages
from tests.cli.fake_api.replies import Route, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _environments(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(scheduler.environments)


def _prune_environments(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    unused_days = json.loads(request.content)["unused_days"]
    in_use = len(scheduler.environments.environments)
    return json_of(PrunedEnvironments(removed=2, freed_bytes=round(unused_days), in_use=in_use))


def _images(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(scheduler.images)


def _prune_images(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    unused_days = json.loads(request.content)["unused_days"]
    in_use = len(scheduler.images.images)
    return json_of(PrunedImages(removed=3, freed_bytes=round(unused_days), in_use=in_use))


def _garbage(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(scheduler.garbage)


def _collect_garbage(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    collected, scheduler.garbage = scheduler.garbage, GarbageView(at=scheduler.begin)
    return json_of(collected)


ROUTES: list[Route] = [
    ("GET", "/environments", _environments),
    ("POST", "/environments/prune", _prune_environments),
    ("GET", "/images", _images),
    ("POST", "/images/prune", _prune_images),
    ("GET", "/garbage", _garbage),
    ("POST", "/garbage", _collect_garbage),
]
