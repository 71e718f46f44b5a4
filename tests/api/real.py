"""A real service over a database of made-up jobs, served on TCP in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from atlas_scheduler.api import Door, create_app
from atlas_scheduler.store.db import Database
from foundations.home import Home
from tests.api.served import Announced
from tests.service.conftest import service_on
from tests.tui import scenes

DEADLINE_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """Where it is, and what it has."""

    url: str
    job_ids: list[str]
    """The newest first."""


@contextmanager
def served(home: Path) -> Iterator[Server]:
    """Serve made-up jobs until this is left."""
    started = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    stop: list[Announced] = []

    async def run() -> None:
        async with (
            await Database.open(home / "scheduler.db") as database,
            service_on(Home(home), database, clock_ms=_now_ms) as service,
        ):
            await database.write(scenes.fill)
            door = Door(create_app(service), tokens=None)
            config = uvicorn.Config(door, lifespan="off", log_config=None, access_log=False)
            stop.append(Announced(config, started))
            await stop[0].serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert started.wait(DEADLINE_SECONDS)
    try:
        ids = [scenes.job_id(number) for number in range(scenes.COUNT)]
        yield Server(f"http://127.0.0.1:{listener.getsockname()[1]}", ids)
    finally:
        stop[0].should_exit = True
        thread.join(DEADLINE_SECONDS)
        listener.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
