"""A real HTTP server in a thread, for clients that block and for faults of real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import uvicorn

from atlas_scheduler.api import Door, create_app, end_followers
from tests.api.fake_service import BUNDLE, DIGEST, FakeService, as_service

T = TypeVar("T")
DEADLINE_SECONDS = 10


class Served:
    """Serves a fake service on a Unix socket, and on TCP when asked; a context manager.

    It may be entered again after it was left: the service keeps what it had, as after a restart.
    With the files of a certificate and its key all of that is TLS.
    """

    def __init__(
        self, socket_path: Path, *, tcp: bool = False, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.service = FakeService()
        self.service.bundles[DIGEST] = BUNDLE
        self.url = f"unix://{socket_path}"
        self.tcp_url = ""
        self._path = socket_path
        self._tcp = tcp
        self._tls = tls

    def do(self, act: Callable[[FakeService], T]) -> T:
        """Let something happen to the service, in its own thread."""

        async def run() -> T:
            return act(self.service)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(DEADLINE_SECONDS)

    def until(self, condition: Callable[[FakeService], bool]) -> None:
        """Wait for something that the service can see."""
        wait = self.service.until(lambda: condition(self.service))
        asyncio.run_coroutine_threadsafe(wait, self._loop).result(DEADLINE_SECONDS)

    def __enter__(self) -> Served:
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._started.wait(DEADLINE_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()

    def _stop(self) -> None:
        end_followers(self._app)
        self._server.should_exit = True

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._path.unlink(missing_ok=True)
        sockets = [socket.socket(socket.AF_UNIX)]
        sockets[0].bind(str(self._path))
        if self._tcp:
            sockets.append(socket.create_server(("127.0.0.1", 0)))
            scheme = "http" if self._tls is None else "https"
            self.tcp_url = f"{scheme}://127.0.0.1:{sockets[1].getsockname()[1]}"
        self._app = create_app(as_service(self.service))
        config = uvicorn.Config(
            Door(self._app, tokens=None),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=DEADLINE_SECONDS,
            ssl_certfile=self._tls and self._tls[0],
            ssl_keyfile=self._tls and self._tls[1],
        )
        self._server = Announced(config, self._started)
        await self._server.serve(sockets=sockets)
        for one in sockets:
            one.close()


class Announced(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._announce = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce.set()
