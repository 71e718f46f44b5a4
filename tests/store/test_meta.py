"""What the scheduler remembers of itself."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from atlas_scheduler.store import meta
from atlas_scheduler.store.db import Database


@pytest.mark.anyio
async def test_the_id_of_a_scheduler_is_made_once_and_differs_from_others(
    database: Database, conn: sqlite3.Connection
) -> None:
    made = await database.write(meta.instance_id)
    assert await database.write(meta.instance_id) == made
    assert await database.read(meta.instance_id) == made
    assert meta.instance_id(conn) != made
    assert int(made, 16) >= 0


@pytest.mark.parametrize("value", [None, 0, "text", {"max_running_jobs": 3}, [1, "ü"]])
def test_a_setting_is_what_was_last_set(conn: sqlite3.Connection, value: Any) -> None:
    assert meta.get_setting(conn, "queue", default="unset") == "unset"
    assert meta.get_setting(conn, "queue") is None
    meta.set_setting(conn, "queue", "earlier")
    meta.set_setting(conn, "queue", value)
    assert meta.get_setting(conn, "queue", default="unset") == value
