"""A service on a real database, with nobody who acts on what it decides."""

from __future__ import annotations

import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.home import Home
from foundations.models import QueueSettings
from tests.engine.fake_nvml import FakeNvml
from tests.service.onlooker import Onlooker
from tests.store.samples import lay_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(lay_database(tmp_path / "scheduler.db")) as opened:
        yield opened


@asynccontextmanager
async def service_on(
    home: Home, database: Database, *, clock_ms: Callable[[], int] | None = None
) -> AsyncIterator[Service]:
    """Open a service; without a clock its own moves on by a second at each look."""
    ticks = itertools.count(1_000_000, 1_000)
    service = Service(
        database=database,
        home=home,
        instance="0123abcd",
        queue=QueueSettings(max_running_jobs=1),
        engine=EngineState(name="process"),
        clock_ms=clock_ms or (lambda: next(ticks)),
    )
    service.shell = Onlooker()
    try:
        yield service
    finally:
        await service.close()
        service.bundles.close()


@pytest.fixture
async def service(tmp_path: Path, database: Database) -> AsyncIterator[Service]:
    async with service_on(Home(tmp_path), database) as opened:
        yield opened


@pytest.fixture
def stuck(nvml: FakeNvml) -> Iterator[None]:
    """A driver that does not answer while the test runs."""
    leave = threading.Event()
    nvml.hold = leave.wait
    yield
    leave.set()
