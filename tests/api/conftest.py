"""The API over a fake service, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from atlas_scheduler.api import Door, create_app
from atlas_scheduler.store.db import Database
from foundations.models import JobSpec, Submission
from tests.api.fake_service import BUNDLE, DIGEST, FakeService, as_service
from tests.api.guarded import Guarded, guarded
from tests.api.in_memory import InMemory
from tests.api.schema import Contract


@pytest.fixture
def service() -> FakeService:
    fake = FakeService()
    fake.bundles[DIGEST] = BUNDLE
    return fake


@pytest.fixture
def app(service: FakeService) -> FastAPI:
    return create_app(as_service(service))


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract(create_app(as_service(FakeService())).openapi())


@pytest.fixture
async def http(app: FastAPI, contract: Contract) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client; every answer that it reads whole is checked against OpenAPI."""

    async def check(answer: httpx.Response) -> None:
        if "x-unchecked" not in answer.request.headers:
            await answer.aread()
            contract.check(answer)

    async with httpx.AsyncClient(
        transport=InMemory(Door(app, tokens=None)),
        base_url="http://atlas/api/v1",
        event_hooks={"response": [check]},
    ) as client:
        yield client


@pytest.fixture
async def door(app: FastAPI, tmp_path: Path) -> AsyncIterator[Guarded]:
    """The application behind a door that asks for tokens."""
    async with (
        await Database.open(tmp_path / "tokens.db") as database,
        guarded(app, database) as opened,
    ):
        yield opened


@pytest.fixture
def submission() -> Submission:
    return Submission(spec=JobSpec(project="cats", params={"lr": 0.1}), bundle=DIGEST)


@pytest.fixture
async def job_id(service: FakeService, submission: Submission) -> str:
    return (await service.submit(submission, idempotency_key=None)).job_id
