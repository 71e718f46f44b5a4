"""What those are told who watch over a server: measurements, and whether it can work."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from foundations.models import NewToken, Role, TokenLimits
from tests.api.fake_service import FakeService
from tests.api.guarded import Guarded, bearer
from tests.api.shared_scheduler import shared_scheduler

pytestmark = pytest.mark.anyio


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """Values of a series by their labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_requests_are_counted_by_the_template_of_their_route(
    http: httpx.AsyncClient, job_id: str
) -> None:
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id[:8]}", "/jobs/nothere", "/not/a/route"):
        await http.get(path)
    answer = await http.get("http://atlas/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    counted = samples(answer.text, "atlas_http_requests_total")
    assert counted["GET", "/api/v1/jobs/{ref}", "200"] == 2
    assert counted["GET", "/api/v1/jobs/{ref}", "404"] == 1
    assert counted["GET", "none", "404"] == 1
    assert samples(answer.text, "atlas_http_answer_seconds_count")["GET", "none"] == 1


async def test_requests_that_are_not_let_in_are_counted_by_why(tmp_path: Path) -> None:
    async with shared_scheduler(tmp_path) as shared:
        door = shared.door
        limits = TokenLimits(requests_per_minute=4, submits_per_minute=1)
        wanted = NewToken(name="mia", user="mia", role=Role.SUBMIT, limits=limits)
        mia = bearer((await door.tokens.create(wanted, by="root")).secret)
        theirs = await shared.submit(shared.bob)

        async def status(who: dict[str, str], method: str, path: str, body: object = None) -> int:
            return (await shared.ask(who, method, path, body)).status_code

        assert await status({}, "GET", "/jobs") == 401
        assert await status(bearer("wrong"), "GET", "/jobs") == 401
        assert await status({**shared.bob, "Host": "evil.example"}, "GET", "/jobs") == 403
        assert await status({**shared.bob, "Origin": "https://evil"}, "GET", "/jobs") == 403
        await shared.submit(mia)
        assert await status(mia, "POST", "/jobs", shared.submission()) == 429
        assert await status(mia, "POST", f"/jobs/{theirs}/stop") == 403
        assert await status(mia, "GET", "/tokens") == 403
        assert await status(mia, "GET", "/jobs") == 429

        text = await shared.service.measurements()
    counted = samples(text, "atlas_http_refusals_total")
    assert counted == {
        ("token", "401"): 2,
        ("host", "403"): 1,
        ("page", "403"): 1,
        ("owner", "403"): 1,
        ("role", "403"): 1,
        ("submits", "429"): 1,
        ("requests", "429"): 1,
    }


async def test_a_method_that_is_made_up_makes_no_series(http: httpx.AsyncClient) -> None:
    await http.request("BREW", "/coffee", headers={"x-unchecked": "yes"})
    counted = samples((await http.get("http://atlas/metrics")).text, "atlas_http_requests_total")
    assert {labels[0] for labels in counted} == {"none"}


async def test_followers_are_counted_while_they_read(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    async with http.stream("GET", "/changes", headers={"x-unchecked": "yes"}) as feed:
        assert await anext(feed.aiter_raw())
        assert samples(await service.measurements(), "atlas_followers") == {(): 1}
    async with http.stream("GET", "/changes?follow=false") as feed:
        await feed.aread()
    assert samples(await service.measurements(), "atlas_followers") == {(): 0}


async def test_who_is_ready_says_so_by_the_status(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    ready = await http.get("http://atlas/healthz")
    assert (ready.status_code, ready.json()) == (
        200,
        {"ready": True, "database": True, "engine": True},
    )
    service.is_ready = False
    assert (await http.get("http://atlas/healthz")).status_code == 503


async def test_readiness_needs_no_token_and_measurements_do(door: Guarded) -> None:
    assert (await door.http.get("http://atlas/healthz")).status_code == 200
    for path in ("/healthz/", "//healthz", "/healthz/../metrics", "/metrics", "/api/v1/healthz"):
        assert (await door.http.get(f"http://atlas{path}")).status_code == 401
    secret = bearer(await door.secret(Role.READ))
    assert (await door.http.get("http://atlas/metrics", headers=secret)).status_code == 200
