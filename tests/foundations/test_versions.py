"""Clients and schedulers that are not of the same version: what works, and what is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import foundations
from atlas_scheduler.api import Door, create_app
from foundations import models
from foundations.client import AsyncClient
from foundations.errors import InvalidRequest, NotFound, Unreachable
from foundations.models import JobSpec, Submission
from foundations.transport import answers
from tests.api.fake_service import BUNDLE, DIGEST, FakeService, as_service

pytestmark = pytest.mark.anyio

SUBMISSION = Submission(spec=JobSpec(project="cats", cpus=2), bundle=DIGEST)
OLDER, NEWER = "0.0.9", "99.1.0"
MAPS = {
    name
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, BaseModel)
    for name, field in model.model_fields.items()
    if "dict[" in str(field.annotation)
}
"""Fields whose keys are anybody's own, such as parameters."""


class Other:
    """ASGI wrapper: a scheduler of another version, whose answers and requests are not ours."""

    def __init__(
        self,
        app: ASGIApp,
        version: str,
        *,
        answer: Callable[[Any], Any] = lambda document: document,
        request: Callable[[Any], Any] = lambda document: document,
    ) -> None:
        self.app = app
        self._version = version
        self._answer = answer
        self._request = request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Message = {}

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Atlas-Version"] = self._version
                del headers["Content-Length"]
                begun.update(message)
                return
            body = message.get("body", b"")
            if body:
                body = json.dumps(self._answer(json.loads(body))).encode()
            if begun:
                await send(dict(begun))
                begun.clear()
            await send({**message, "body": body})

        async def changing() -> Message:
            message = await receive()
            if message.get("body") and "/bundles/" not in scope["path"]:
                body = json.dumps(self._request(json.loads(message["body"]))).encode()
                return {**message, "body": body}
            return message

        await self.app(scope, changing, changed)


@pytest.fixture
def service() -> FakeService:
    found = FakeService()
    found.bundles[DIGEST] = BUNDLE
    return found


def client(service: FakeService, version: str, **changes: Any) -> AsyncClient:
    app = Door(create_app(as_service(service)), tokens=None)
    transport = httpx.ASGITransport(Other(app, version, **changes))
    return AsyncClient("http://atlas", transport=transport)


def with_more(document: Any) -> Any:
    """Add what nobody knows yet to every object of an answer."""
    if isinstance(document, list):
        return [with_more(one) for one in document]
    if not isinstance(document, dict):
        return document
    known = {key: one if key in MAPS else with_more(one) for key, one in document.items()}
    return {**known, "not_known_yet": {"deep": [1, "x", None]}}


async def test_what_a_newer_scheduler_says_beside_is_left_out(service: FakeService) -> None:
    async with client(service, NEWER, answer=with_more) as newer:
        accepted = await newer.submit(SUBMISSION)
        assert (await newer.job(accepted.job_id)).spec.cpus == 2
        assert len((await newer.jobs()).jobs) == 1
        assert (await newer.info()).version == foundations.__version__
        assert (await newer.whoami()).role
        assert await newer.projects()
        await newer.queue_settings()
        await newer.stop(accepted.job_id)


def forget_cpus(document: Any) -> Any:
    """Let a request of ours be one that has a key too many, as for a scheduler without `cpus`."""
    spec = document.get("spec", {})
    if "cpus" in spec:
        spec["processors_of_tomorrow"] = spec.pop("cpus")
    return document


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            OLDER,
            f"The scheduler is version {OLDER}, older than this client "
            f"({foundations.__version__}). Leave that out, or upgrade the scheduler.",
        ),
        (
            NEWER,
            f"The scheduler is version {NEWER}, and this client version "
            f"{foundations.__version__}. Install the same version on both sides.",
        ),
    ],
)
async def test_an_option_that_the_scheduler_does_not_know_is_told_with_the_versions(
    service: FakeService, version: str, expected: str
) -> None:
    async with client(service, version, request=forget_cpus) as other:
        with pytest.raises(InvalidRequest) as caught:
            await other.submit(SUBMISSION)
        plain = Submission(spec=JobSpec(project="cats"), bundle=DIGEST)
        assert (await other.submit(plain)).job_id

    assert caught.value.message == (
        f"`spec.processors_of_tomorrow`: there is no such key. {expected}"
    )


async def test_a_scheduler_of_the_same_version_tells_of_no_versions(service: FakeService) -> None:
    async with client(service, foundations.__version__, request=forget_cpus) as same:
        with pytest.raises(InvalidRequest) as caught:
            await same.submit(SUBMISSION)
    assert caught.value.message == "`spec.processors_of_tomorrow`: there is no such key"


def test_an_operation_that_an_older_scheduler_does_not_have_is_told_with_the_versions() -> None:
    def refused(message: str) -> str:
        body = json.dumps({"error": "not_found", "message": message}).encode()
        error = answers.refusal(404, body, url="http://lab", version=OLDER)
        assert isinstance(error, NotFound)
        return error.message

    assert refused("There is no GET /api/v1/dreams.") == (
        f"There is no GET /api/v1/dreams. The scheduler is version {OLDER}, older than this client "
        f"({foundations.__version__}). Leave that out, or upgrade the scheduler."
    )
    assert refused("There is no job `1234`.") == "There is no job `1234`."


async def test_another_version_of_the_api_is_told_as_such(service: FakeService) -> None:
    def later(document: Any) -> Any:
        return {**document, "api_version": 2}

    async with client(service, NEWER, answer=later) as newer:
        with pytest.raises(Unreachable) as caught:
            await newer.info()
    assert caught.value.message == (
        f"The scheduler at http://atlas is version {NEWER} and this client version "
        f"{foundations.__version__}: its answer cannot be read (HTTP 200). "
        "Install the same version on both sides."
    )


# -- whoever answers in its place


@pytest.fixture
async def moved() -> AsyncIterator[tuple[AsyncClient, list[httpx.Request]]]:
    seen: list[httpx.Request] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(307, headers={"Location": "https://evil.example/api/v1/info"})

    transport = httpx.MockTransport(elsewhere)
    async with AsyncClient("https://lab", token="secret", transport=transport) as found:
        yield found, seen


async def test_a_token_goes_nowhere_else_though_an_answer_says_so(
    moved: tuple[AsyncClient, list[httpx.Request]],
) -> None:
    sender, seen = moved
    with pytest.raises(Unreachable, match="Something that is not an Atlas scheduler answers"):
        await sender.info()
    assert [request.url.host for request in seen] == ["lab"]
    assert seen[0].headers["Authorization"] == "Bearer secret"
