"""The change feed as server-sent events."""

from __future__ import annotations

import json

import httpx
import pytest

from foundations.models import Change, HostView, Submission
from tests.api.fake_service import FakeService

pytestmark = pytest.mark.anyio

UNCHECKED = {"x-unchecked": "1"}


def seqs(text: str) -> list[int]:
    return [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]


async def test_each_change_is_one_event(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.start(job_id)
    answer = await http.get("/changes", params={"follow": "false"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    first, second, rest = answer.text.split("\n\n")
    assert rest == ""
    id_line, data_line = first.split("\n")
    assert id_line == "id: 1"
    assert second.startswith("id: 2\n")
    change = Change.model_validate(json.loads(data_line.removeprefix("data: ")))
    assert (change.seq, change.job_id, change.event) == (1, job_id, "Submitted")


async def test_a_feed_begins_after_a_change_and_may_be_of_one_job(
    http: httpx.AsyncClient, service: FakeService, submission: Submission, job_id: str
) -> None:
    other = (await service.submit(submission, idempotency_key=None)).job_id
    service.start(job_id)
    once = {"follow": "false"}
    assert seqs((await http.get("/changes", params={**once, "since": 1})).text) == [2, 3]
    assert seqs((await http.get("/changes", params={**once, "job": job_id[:8]})).text) == [1, 3]
    assert seqs((await http.get("/changes", params={**once, "job": other})).text) == [2]
    assert seqs((await http.get("/changes", params={**once, "since": 99})).text) == []


async def test_the_last_event_id_replaces_since(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.start(job_id)
    params, headers = {"follow": "false", "since": "0"}, {"Last-Event-ID": "1"}
    assert seqs((await http.get("/changes", params=params, headers=headers)).text) == [2]
    answer = await http.get("/changes", params=params, headers={"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "`Last-Event-ID`" in answer.json()["message"]


async def test_a_followed_feed_goes_on_with_signs_of_life(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.heartbeat_seconds = 0.01
    async with http.stream("GET", "/changes?since=1", headers=UNCHECKED) as answer:
        pieces = answer.aiter_raw()
        assert (await anext(pieces)).startswith(b":")
        service.start(job_id)
        async for piece in pieces:
            if not piece.startswith(b":"):
                assert piece.startswith(b"id: 2\ndata: {")
                break


async def test_the_queue_and_new_records_are_told_only_to_who_asks(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    await service.pause_queue(None, by="ada")
    service.start(job_id)
    service.record(job_id)
    plain = (await http.get("/changes", params={"follow": "false"})).text
    assert seqs(plain) == [1, 3]
    assert "event:" not in plain
    params = {"follow": "false", "queue": "true", "records": "true", "since": "1"}
    paused, started, recorded, rest = (await http.get("/changes", params=params)).text.split("\n\n")
    assert rest == ""
    assert paused.startswith("id: 2\nevent: queue\ndata: {")
    assert '"QueuePaused"' in paused
    assert started.startswith("id: 3\ndata: {")
    assert recorded == f'event: records\ndata: {{"job_ids":["{job_id}"]}}'


async def test_how_busy_the_machine_is_is_an_event_without_a_place(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    params = {"host": "true", "since": "1"}
    async with http.stream("GET", "/changes", params=params, headers=UNCHECKED) as answer:
        text = (await anext(answer.aiter_raw())).decode()
    event, data, *_ = text.splitlines()
    assert event == "event: host"
    told = HostView.model_validate_json(data.removeprefix("data: "))
    assert told.hostname == (await service.machine.host()).hostname
