"""What a limit refuses for now is asked again later, for as long as the patience says."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.errors import TooMany, Unreachable
from foundations.transport.deferral import Deferral
from foundations.transport.reconnection import Patience
from tests.api.fake_service import DIGEST
from tests.core.profiles import PROPERTY
from tests.foundations.twins import AT_ONCE, Kind, Twin, answering

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("kind", ["blocking", "asyncio"])
PATIENCE = Patience(first_delay_seconds=0.5, deferred_seconds=60)
LIMIT = "This token may do 5 requests a minute. Try again in 20 s."


def refused(seconds: float) -> TooMany:
    return TooMany(LIMIT, retry_after_seconds=seconds)


# -- the policy


def test_it_waits_for_as_long_as_the_scheduler_says() -> None:
    deferral = Deferral(PATIENCE)
    assert deferral.pause_seconds(refused(20), now=1000) == 20
    assert deferral.pause_seconds(refused(7), now=1020) == 7
    assert deferral.pause_seconds(refused(0), now=1027) == 0.5, "not at once, whatever it says"


def test_in_the_end_the_error_says_for_how_long_it_was_tried() -> None:
    deferral = Deferral(PATIENCE)
    deferral.pause_seconds(refused(30), now=1000)
    with pytest.raises(TooMany) as raised:
        deferral.pause_seconds(refused(31), now=1030)
    assert raised.value.message == f"{LIMIT} It was asked for again and again for 30 s."
    assert raised.value.retry_after_seconds == 31


def test_a_wait_that_is_longer_than_the_patience_is_not_begun() -> None:
    with pytest.raises(TooMany) as raised:
        Deferral(PATIENCE).pause_seconds(refused(61), now=1000)
    assert raised.value.message == LIMIT


@PROPERTY
@given(st.lists(st.floats(0, 100), min_size=1))
def test_all_waits_together_are_within_the_patience(asked: list[float]) -> None:
    deferral, now, waited = Deferral(PATIENCE), 1000.0, 0.0
    for seconds in asked:
        try:
            pause = deferral.pause_seconds(refused(seconds), now=now)
        except TooMany:
            break
        assert pause >= seconds
        now += pause
        waited += pause
    assert waited <= 60.001


# -- the clients


class Limited:
    """A scheduler that refuses the first requests."""

    def __init__(self, refusals: int, *, retry_after: str = "0", body: bytes | None = None) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self._left = refusals
        self._retry_after = retry_after
        self._body = body

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.path, request.read()))
        if self._left:
            self._left -= 1
            headers = {"Retry-After": self._retry_after, "X-Atlas-Version": "0.1.0"}
            if self._body is not None:
                return httpx.Response(429, content=self._body)
            told = {"error": "too_many", "message": LIMIT}
            return httpx.Response(429, json=told, headers=headers)
        if request.url.path.endswith("/logs"):
            headers = {"X-Log-Offset": "0", "X-Job-Id": "abcd"}
            return httpx.Response(200, stream=httpx.ByteStream(b"hello\n"), headers=headers)
        if request.method == "PUT":
            return httpx.Response(201, json={"digest": DIGEST, "size_bytes": 5})
        return httpx.Response(200, json={"status": "ok", "version": "0.1.0", "api_version": 1})


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(b"bytes")
    return path


@both
async def test_a_request_over_a_limit_is_sent_again(kind: Kind) -> None:
    scheduler = Limited(2)
    async with Twin(kind, "http://lab:80", network=answering(scheduler)) as client:
        await client.ask("health")
    assert len(scheduler.asked) == 3


@both
async def test_so_is_one_that_changes_something_as_nothing_was_done_yet(kind: Kind) -> None:
    scheduler = Limited(1)
    async with Twin(kind, "http://lab:80", network=answering(scheduler)) as client:
        with pytest.raises(Unreachable):  # what comes then is no list of schedules
            await client.ask("pause_schedule", "abcd")
    assert [method for method, _, _ in scheduler.asked] == ["POST", "POST"]


@both
async def test_an_upload_begins_again_with_its_first_byte(kind: Kind, bundle: Path) -> None:
    scheduler = Limited(1)
    async with Twin(kind, "http://lab:80", network=answering(scheduler)) as client:
        await client.ask("upload_bundle", DIGEST, bundle)
    assert [content for _, _, content in scheduler.asked] == [b"bytes", b"bytes"]


@both
async def test_a_log_over_the_limit_of_followers_is_asked_for_again(kind: Kind) -> None:
    scheduler = Limited(1)
    async with Twin(kind, "http://lab:80", network=answering(scheduler)) as client:
        assert await client.gather("logs", "abcd") == b"hello\n"


@both
async def test_what_the_patience_does_not_reach_for_is_told_at_once(kind: Kind) -> None:
    scheduler = Limited(1, retry_after="3600")
    async with Twin(kind, "http://lab:80", network=answering(scheduler)) as client:
        with pytest.raises(TooMany, match=f"^{re.escape(LIMIT)}$") as raised:
            await client.ask("health")
    assert raised.value.retry_after_seconds == 3600
    assert len(scheduler.asked) == 1


@both
@pytest.mark.parametrize("ask", ["health", "logs"])
async def test_without_patience_nothing_is_sent_again(kind: Kind, ask: str) -> None:
    scheduler = Limited(1, retry_after="1")
    none = Patience(deferred_seconds=0)
    async with Twin(kind, "http://lab:80", network=answering(scheduler), patience=none) as client:
        with pytest.raises(TooMany):
            await (client.ask("health") if ask == "health" else client.gather("logs", "abcd"))
    assert len(scheduler.asked) == 1


@both
async def test_the_refusal_of_something_else_is_not_waited_for(kind: Kind) -> None:
    scheduler = Limited(1, body=b"<h1>Too many requests</h1>")
    async with Twin(kind, "http://lab:80", network=answering(scheduler)) as client:
        with pytest.raises(Unreachable, match=r"not an Atlas scheduler.*\(HTTP 429\)"):
            await client.ask("health")
    assert len(scheduler.asked) == 1


@both
async def test_whoever_asked_is_told_of_each_wait(kind: Kind) -> None:
    told: list[tuple[str, float]] = []
    twin = Twin(kind, "http://lab:80", network=answering(Limited(2)), patience=AT_ONCE)
    async with twin as client:
        client.set("deferred", lambda error, seconds: told.append((error.message, seconds)))
        await client.ask("health")
    assert told == [(LIMIT, 0), (LIMIT, 0)]
