"""What those are told who watch over a server: measurements, and whether it can work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from atlas_scheduler.store.db import Database
from foundations.models import Role
from tests.api.fake_service import FakeService
from tests.api.guarded import Guarded, bearer, guarded

pytestmark = pytest.mark.anyio


@pytest.fixture
async def door(app: FastAPI, tmp_path: Path) -> AsyncIterator[Guarded]:
    async with (
        await Database.open(tmp_path / "tokens.db") as database,
        guarded(app, database) as opened,
    ):
        yield opened


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
