from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.db import Database
from foundations.home import Home
from tests.store.disks import mounted_disk
from tests.store.samples import memory_database


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """An empty database in memory with the newest schema."""
    with closing(memory_database()) as connection:
        yield connection


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted_disk(folder, size_mib=2):
        yield folder


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database in a file."""
    async with await Database.open(tmp_path / "scheduler.db") as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def bundles(home: Home) -> Iterator[Bundles]:
    opened = Bundles(home, boot_id="this boot")
    opened.sweep()
    yield opened
    opened.close()
