"""A scheduler's API, served to the clients by a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from foundations.client import Client
from tests.api.served import Served
from tests.foundations.twins import SUBMISSION


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "atlas.sock"


@pytest.fixture
def served(socket_path: Path) -> Iterator[Served]:
    with Served(socket_path, tcp=True) as server:
        yield server


@pytest.fixture
def job_id(served: Served) -> str:
    with Client(served.url) as client:
        return client.submit(SUBMISSION).job_id
