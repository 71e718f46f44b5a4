"""Writes to test the database with."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

from atlas_scheduler.store import meta
from atlas_scheduler.store.db import Database, Work

DEADLINE_SECONDS = 20


def put(key: str, value: object = 1) -> Work[None]:
    return lambda conn: meta.set_setting(conn, key, value)


def keys(conn: sqlite3.Connection) -> list[str]:
    return [row["key"] for row in conn.execute("SELECT key FROM settings ORDER BY key")]


class Gate:
    """A write that holds the writer's thread until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()

    def __call__(self, conn: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.leave.wait(DEADLINE_SECONDS)

    async def hold(self, database: Database) -> asyncio.Future[None]:
        held = database.write(self)
        await asyncio.to_thread(self.entered.wait, DEADLINE_SECONDS)
        return held


def queue_up(database: Database, *works: Work[object]) -> list[asyncio.Future[object]]:
    """Start writes behind a gate, so that they share the next commit."""
    return [database.write(work) for work in works]
