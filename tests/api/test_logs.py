"""The log endpoint: bytes from an offset, followed to the end of the job."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from atlas_scheduler.api import Door, end_followers
from tests.api.fake_service import FakeService

pytestmark = pytest.mark.anyio

UNCHECKED = {"x-unchecked": "1"}


@pytest.mark.parametrize(
    ("offset", "start", "body"),
    [
        (0, 0, b"\xff\x000123456789"),
        (2, 2, b"0123456789"),
        (12, 12, b""),
        (1000, 1000, b""),
        (-3, 9, b"789"),
        (-12, 0, b"\xff\x000123456789"),
        (-1000, 0, b"\xff\x000123456789"),
    ],
)
async def test_a_log_is_read_from_any_byte(
    http: httpx.AsyncClient,
    service: FakeService,
    job_id: str,
    offset: int,
    start: int,
    body: bytes,
) -> None:
    service.write_log(job_id, b"\xff\x000123456789")
    answer = await http.get(f"/jobs/{job_id[:8]}/logs", params={"offset": offset})
    assert answer.content == body
    assert answer.headers["X-Log-Offset"] == str(start)
    assert answer.headers["X-Job-Id"] == job_id
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("follow", ["true", "false"])
async def test_no_more_is_read_than_was_asked_for(
    http: httpx.AsyncClient, service: FakeService, job_id: str, follow: str
) -> None:
    service.write_log(job_id, b"0123456789" * 500)
    params: dict[str, Any] = {"offset": 3, "length": 1500, "follow": follow}
    answer = await http.get(f"/jobs/{job_id}/logs", params=params)
    assert answer.content == (b"0123456789" * 500)[3:1503]


async def test_a_log_is_searched_by_pages(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.write_log(job_id, b"one\ntwo\nthree\ntwo\n")
    params: dict[str, Any] = {"pattern": "TWO", "ignore_case": "true", "context": 1, "limit": 1}
    first = (await http.get(f"/jobs/{job_id}/logs/matches", params=params)).json()
    assert [(one["text"], one["matches"]) for one in first["lines"]] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    assert (first["offsets"], first["next_offset"], first["ended"]) == ([4], 14, False)
    params["offset"] = first["next_offset"]
    rest = (await http.get(f"/jobs/{job_id}/logs/matches", params=params)).json()
    assert (rest["offsets"], rest["ended"]) == ([14], True)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "pattern"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "(", "regex": "true"}, "The pattern cannot be used"),
        ({"pattern": "x", "limit": "0"}, "limit"),
        ({"pattern": "x", "contxt": "1"}, "contxt"),
    ],
)
async def test_a_search_that_cannot_be_done_is_refused(
    http: httpx.AsyncClient, job_id: str, params: dict[str, str], message: str
) -> None:
    answer = await http.get(f"/jobs/{job_id}/logs/matches", params=params)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_times_are_those_of_the_part_that_is_asked_for(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    for second in range(10):
        service.write_log(job_id, b"line %d\n" % second, at_ms=1_000 * second)
    url = f"/jobs/{job_id[:8]}/logs/times"
    whole = (await http.get(url)).json()
    assert (whole["job_id"], whole["size_bytes"], whole["resolution_ms"]) == (job_id, 70, 100)
    assert whole["offsets"] == list(range(0, 70, 7))
    assert whole["times_ms"] == list(range(0, 10_000, 1_000))
    middle = (await http.get(url, params={"offset": 15, "end": 22})).json()
    assert (middle["offsets"], middle["times_ms"]) == ([14, 21], [2_000, 3_000])
    few = (await http.get(url, params={"limit": 4})).json()
    assert few["offsets"] == [0, 21, 42, 63]
    since = (await http.get(url, params={"since_ms": 3_001, "limit": 1})).json()
    assert (since["offsets"], since["times_ms"]) == ([28], [4_000])
    later = (await http.get(url, params={"since_ms": 9_001})).json()
    assert later["offsets"] == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"offset": "-1"}, "offset"),
        ({"since_ms": "yesterday"}, "since_ms"),
        ({"limit": "0"}, "limit"),
        ({"from": "1"}, "from"),
    ],
)
async def test_times_that_cannot_be_asked_for_are_refused(
    http: httpx.AsyncClient, job_id: str, params: dict[str, str], message: str
) -> None:
    answer = await http.get(f"/jobs/{job_id}/logs/times", params=params)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_a_followed_log_ends_with_its_job(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.write_log(job_id, b"one ")
    url = f"/jobs/{job_id}/logs?follow=true"
    async with http.stream("GET", url, headers=UNCHECKED) as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"one "
        service.write_log(job_id, b"two ")
        assert await anext(pieces) == b"two "
        service.write_log(job_id, b"three")
        service.finish(job_id)
        assert [piece async for piece in pieces] == [b"three"]


async def test_following_a_final_job_ends_at_once(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.write_log(job_id, b"all")
    service.finish(job_id)
    answer = await http.get(f"/jobs/{job_id}/logs", params={"follow": "true"})
    assert answer.content == b"all"


@pytest.mark.parametrize("path", ["/jobs/{job_id}/logs?follow=true", "/changes"])
async def test_a_follower_that_goes_away_is_freed_at_once(
    http: httpx.AsyncClient, service: FakeService, job_id: str, path: str
) -> None:
    service.write_log(job_id, b"one")
    url = path.format(job_id=job_id)
    async with http.stream("GET", url, headers=UNCHECKED) as answer:
        await anext(answer.aiter_raw())
        assert service.followers == 1
    await service.until(lambda: service.followers == 0)


async def test_a_follower_that_reads_nothing_is_freed_too(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.write_log(job_id, b"x" * 1_000_000)
    url = f"/jobs/{job_id}/logs?follow=true"
    async with http.stream("GET", url, headers=UNCHECKED):
        await service.until(lambda: service.followers == 1)
    await service.until(lambda: service.followers == 0)


async def test_followers_end_in_good_order_when_the_server_is_to_stop(
    http: httpx.AsyncClient, app: FastAPI, service: FakeService, job_id: str
) -> None:
    service.write_log(job_id, b"so far")
    url = f"/jobs/{job_id}/logs?follow=true"
    async with http.stream("GET", url, headers=UNCHECKED) as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"so far"
        end_followers(app)
        assert [piece async for piece in pieces] == []
    assert service.followers == 0
    late = await http.get(url)
    assert late.content == b"so far"[: len(late.content)]
    assert (await http.get(f"/jobs/{job_id}/logs")).content == b"so far"


async def test_a_reader_is_freed_on_servers_that_say_so_by_failing_to_send(
    app: FastAPI, service: FakeService, job_id: str
) -> None:
    service.write_log(job_id, b"so far")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": f"/api/v1/jobs/{job_id}/logs",
        "query_string": b"follow=true",
        "headers": [(b"host", b"atlas")],
    }
    received = False

    async def receive() -> Any:
        nonlocal received
        if received:
            await anyio.sleep_forever()
        received = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise BrokenPipeError

    with anyio.fail_after(10):
        await Door(app, tokens=None)(scope, receive, send)
    assert service.followers == 0
