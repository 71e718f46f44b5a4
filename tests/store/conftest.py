from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from atlas_scheduler.store.db import Database
from tests.store.samples import memory_database


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """An empty database in memory with the newest schema."""
    with closing(memory_database()) as connection:
        yield connection


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database in a file."""
    async with await Database.open(tmp_path / "scheduler.db") as opened:
        yield opened
