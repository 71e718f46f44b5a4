"""What one token may ask for, so that something is left for the others."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from atlas_scheduler.api import Door
from atlas_scheduler.api.penalties import (
    FORGOTTEN_SECONDS,
    LONGEST_DELAY_SECONDS,
    MOST_ADDRESSES,
    MOST_WAITING,
    Penalties,
)
from foundations.errors import TooMany
from foundations.models import NewToken, Role, TokenLimits
from tests.api.guarded import BASE_URL, PEER, bearer
from tests.api.in_memory import InMemory
from tests.api.shared_scheduler import Shared, shared_scheduler

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


async def limited(shared: Shared, **limits: Any) -> dict[str, str]:
    """A token with limits, whose role is `submit`."""
    wanted = NewToken(
        name="limited", user="mia", role=Role.SUBMIT, limits=TokenLimits.model_validate(limits)
    )
    return bearer((await shared.door.tokens.create(wanted, by="root")).secret)


def assert_too_many(answer: httpx.Response, words: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many")
    assert words in answer.json()["message"]
    assert int(answer.headers["Retry-After"]) >= 1


async def test_requests_are_limited_by_the_minute(shared: Shared) -> None:
    mia = await limited(shared, requests_per_minute=2)
    for _ in range(2):
        assert (await shared.ask(mia, "GET", "/health")).status_code == 200

    assert_too_many(await shared.ask(mia, "GET", "/health"), "2 requests a minute")
    assert (await shared.ask(shared.bob, "GET", "/health")).status_code == 200


async def test_submissions_are_limited_by_the_minute(shared: Shared) -> None:
    mia = await limited(shared, submits_per_minute=2)
    await shared.submit(mia)
    await shared.submit(mia)

    answer = await shared.ask(mia, "POST", "/jobs", shared.submission())
    assert_too_many(answer, "2 submissions a minute")
    assert (await shared.ask(mia, "GET", "/jobs")).status_code == 200


async def test_jobs_that_wait_are_limited(shared: Shared) -> None:
    mia = await limited(shared, queued_jobs=3)
    first = await shared.submit(mia)
    array = {"submission": shared.submission(), "indices": "0-2"}
    assert_too_many(await shared.ask(mia, "POST", "/arrays", array), "1 jobs of `mia` wait already")
    array["indices"] = "0-1"
    assert (await shared.ask(mia, "POST", "/arrays", array)).status_code == 201
    answer = await shared.ask(mia, "POST", "/jobs", shared.submission())
    assert_too_many(answer, "3 jobs of `mia` wait already, and 3 may")

    await shared.ask(mia, "POST", f"/jobs/{first}/stop")
    await shared.submit(mia)
    await shared.submit(shared.bob)


async def test_the_jobs_of_a_schedule_are_limited_as_those_of_its_token(shared: Shared) -> None:
    mia = await limited(shared, queued_jobs=1)
    body = {"submission": shared.submission(), "cron": "* * * * *", "overlap": "allow"}
    made = (await shared.ask(mia, "POST", "/schedules", body)).json()
    await shared.submit(mia)
    now_ms = shared.service._clock_ms()
    shared.service._clock_ms = lambda: now_ms + 120_000
    await shared.service.run_schedules()

    found = (await shared.ask(mia, "GET", f"/schedules/{made['schedule_id']}")).json()
    assert found["last_job_id"] is None
    assert found["skipped"] == 1
    assert "1 jobs of `mia` wait already, and 1 may" in found["problem"]


async def test_the_bundles_of_a_user_are_limited_and_count_once(shared: Shared) -> None:
    size_bytes = shared.service.bundles.size_bytes(shared.bundle)
    mia = await limited(shared, stored_gb=1.5 * size_bytes / 10**9)
    await shared.submit(mia)
    await shared.submit(mia)

    other = await shared.another_bundle()
    body = {**shared.submission(), "bundle": other}
    answer = await shared.ask(mia, "POST", "/jobs", body)
    assert_too_many(answer, "The bundles of `mia` take")
    assert (await shared.ask(shared.bob, "POST", "/jobs", body)).status_code == 201


async def test_what_is_sent_and_never_used_is_limited(shared: Shared) -> None:
    mia = await limited(shared, stored_gb=1e-6)
    bodies = [bytes([number]) * 600 for number in range(2)]
    answers = []
    for body in bodies:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        headers = {**mia, "Content-Type": "application/gzip"}
        path = f"/bundles/{digest}"
        answers.append(await shared.door.http.put(path, content=body, headers=headers))

    assert answers[0].json()["error"] == "bundle_rejected"
    assert_too_many(answers[1], "GB of bundles a day")


async def test_followers_are_limited_while_they_follow(shared: Shared) -> None:
    mia = await limited(shared, followers=1)
    await shared.submit(mia)
    async with shared.door.http.stream("GET", "/changes", headers=mia) as first:
        assert first.status_code == 200
        answer = await shared.ask(mia, "GET", "/changes")
        assert_too_many(answer, "This token follows 1 logs and feeds already")

    async with shared.door.http.stream("GET", "/changes", headers=mia) as again:
        assert again.status_code == 200


async def test_tokens_without_limits_have_those_of_the_settings(shared: Shared) -> None:
    shared.door.tokens._limits = TokenLimits(submits_per_minute=1)
    mia = await limited(shared, queued_jobs=5)
    await shared.submit(mia)

    answer = await shared.ask(mia, "POST", "/jobs", shared.submission())
    assert_too_many(answer, "1 submissions a minute")


async def test_an_upload_that_drips_is_given_up(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.api.bundles.IDLE_SECONDS", 0.05)
    monkeypatch.setattr("atlas_scheduler.api.bundles.SLOWEST_BYTES_PER_SECOND", 10**6)
    drops = 0

    async def drip() -> AsyncIterator[bytes]:
        nonlocal drops
        while True:
            yield b"a"
            drops += 1
            await anyio.sleep(0.01)

    digest = f"sha256:{'0' * 64}"
    answer = await shared.door.http.put(f"/bundles/{digest}", content=drip(), headers=shared.bob)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "was slower than 1000000 bytes a second" in answer.json()["message"]
    assert drops > 1


# -- wrong tokens


class Waits:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now_seconds = 1_000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_seconds += seconds

    def penalties(self) -> Penalties:
        return Penalties(clock_seconds=lambda: self.now_seconds, sleep=self.sleep)


async def test_wrong_tokens_wait_longer_each_time_and_right_ones_never(shared: Shared) -> None:
    waits = Waits()
    door = Door(shared.app, tokens=shared.door.tokens, penalties=waits.penalties())
    wrong = bearer(f"atlas_01234567_{'x' * 43}")
    async with httpx.AsyncClient(transport=InMemory(door, peer=PEER), base_url=BASE_URL) as http:
        for _ in range(10):
            assert (await http.get("/health", headers=wrong)).status_code == 401
        assert waits.slept == [0.25, 0.5, 1, 2, 4, 8, 8]
        assert (await http.get("/health", headers=shared.bob)).status_code == 200
        assert (await http.get("/health")).status_code == 401
        assert len(waits.slept) == 7


async def test_an_address_begins_anew_after_a_while() -> None:
    waits = Waits()
    penalties = waits.penalties()
    for _ in range(12):
        await penalties.serve("10.0.0.2")
    assert waits.slept[-1] == LONGEST_DELAY_SECONDS
    before = len(waits.slept)
    await penalties.serve("10.0.0.3")
    waits.now_seconds += FORGOTTEN_SECONDS + 1
    await penalties.serve("10.0.0.2")
    assert len(waits.slept) == before


async def test_a_network_of_ipv6_is_one_address() -> None:
    waits = Waits()
    penalties = waits.penalties()
    for number in range(5):
        await penalties.serve(f"2001:db8::{number}")
    await penalties.serve("2001:db8:0:1::1")
    await penalties.serve("unknown")
    assert waits.slept == [0.25, 0.5]


async def test_only_so_many_of_an_address_wait() -> None:
    turn = anyio.Event()

    async def sleep(_: float) -> None:
        await turn.wait()

    penalties = Penalties(sleep=sleep)
    refused = 0

    async def fail() -> None:
        nonlocal refused
        try:
            await penalties.serve("10.0.0.2")
        except TooMany:
            refused += 1
            turn.set()

    async with anyio.create_task_group() as tasks:
        for _ in range(MOST_WAITING + 4):
            tasks.start_soon(fail)
    assert refused == 1


async def test_addresses_are_forgotten_before_they_fill_the_memory() -> None:
    waits = Waits()
    penalties = waits.penalties()
    for number in range(MOST_ADDRESSES + 10):
        await penalties.serve(f"address {number}")
    assert len(penalties._records) == MOST_ADDRESSES
