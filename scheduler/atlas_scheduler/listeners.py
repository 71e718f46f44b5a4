"""The server's listeners: sockets bound before anything starts, and one HTTP server for each."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from atlas_scheduler.core.listening import ListenAddress
from atlas_scheduler.served_certificate import ServedCertificate
from foundations.errors import ConfigError
from foundations.home import Home

GRACEFUL_SHUTDOWN_SECONDS = 2
"""Time that open requests, such as log followers, get when the server stops."""
HEAD_DEADLINE_SECONDS = 20
"""Time in which the head of a request must have come by TCP, from its first byte or from the
connection on, so that slow senders cannot hold connections."""
MOST_CONNECTIONS = 800
"""Open at once at each TCP listener; whoever comes then is asked to come later."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """A TCP socket that is bound, and does not listen yet."""

    address: ListenAddress
    """With the port that the system chose."""
    socket: socket.socket


@contextmanager
def bound(addresses: Sequence[ListenAddress]) -> Iterator[list[Bound]]:
    """Bind sockets to all addresses, or to none.

    Raises:
        ConfigError: an address is taken or is none of this machine's.
    """
    with ExitStack() as sockets:
        yield [_bind(address, sockets) for address in addresses]


def _bind(address: ListenAddress, sockets: ExitStack) -> Bound:
    family = socket.AF_INET if address.ip.version == 4 else socket.AF_INET6
    # With its protocol named, asyncio sends each piece of an answer at once (TCP_NODELAY).
    made = sockets.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        made.bind((str(address.ip), address.port))
    except OSError as error:
        raise ConfigError(_why_not(address, error)) from error
    return Bound(replace(address, port=made.getsockname()[1]), made)


def _why_not(address: ListenAddress, error: OSError) -> str:
    where = f"{address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return f"Another program listens on {where}. Stop it, or listen on another port."
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"This machine has no address {address.ip}, so nothing can listen on {where}."
    if error.errno == errno.EACCES:
        return f"Nothing below port 1024 is open to this account. Choose another port for {where}."
    return f"Cannot listen on {where}: {error.strerror}."


def bind_home(home: Home) -> socket.socket:
    """Bind the home's Unix socket, readable and writable by its owner only."""
    home.secure_socket_dir()
    home.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(home.socket))
    finally:
        os.umask(before)
    listener.listen(socket.SOMAXCONN)
    return listener


class Listener(uvicorn.Server):
    """One socket and the application behind it; `serve` runs several as one."""

    def __init__(self, app: ASGIApp, bound_socket: socket.socket, **options: Any) -> None:
        """Prepare to listen.

        Args:
            app: what answers: the application with its door.
            bound_socket: where.
            options: of `uvicorn.Config`, in place of or beside those that all share.
        """
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
                server_header=False,
                # Whoever comes through a proxy could otherwise say that they come from elsewhere.
                proxy_headers=False,
                **options,
            )
        )
        self._socket = bound_socket

    async def run_until_told(self) -> None:
        """Answer requests until `handle_exit`."""
        await self.serve(sockets=[self._socket])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`: they are for all listeners."""
        yield


def listen_by_tcp(app: ASGIApp, where: Bound, certificate: ServedCertificate | None) -> Listener:
    """Begin to listen at a TCP address, by TLS where that is planned.

    Raises:
        ConfigError: another program has the address after all.
    """
    made = Listener(app, where.socket, http=PunctualProtocol, limit_concurrency=MOST_CONNECTIONS)
    if where.address.tls:
        assert certificate is not None, "no plan has TLS without a certificate"
        made.config.load()
        made.config.ssl = certificate.context
    try:
        where.socket.listen(socket.SOMAXCONN)
    except OSError as error:
        raise ConfigError(_why_not(where.address, error)) from error
    return made


async def serve(
    listeners: Sequence[Listener], *, on_ready: Callable[[], None], on_end: Callable[[], None]
) -> None:
    """Answer requests at all listeners until SIGTERM or SIGINT.

    Args:
        listeners: each with a socket of its own.
        on_ready: called once requests are taken.
        on_end: called when the end begins, on the event loop.
    """

    def stop(number: int) -> None:
        on_end()
        for listener in listeners:
            listener.handle_exit(number, None)

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    # uvicorn's own way would send the signal once more afterwards, which ends the process there.
    for number in signals:
        loop.add_signal_handler(number, partial(stop, number))
    try:
        async with asyncio.TaskGroup() as tasks:
            for listener in listeners:
                tasks.create_task(listener.run_until_told())
            on_ready()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


class PunctualProtocol(H11Protocol):
    """HTTP whose clients must say within some time what they want."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent does
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on; what is not the head of a request has deadlines of its own."""
        super().data_received(data)
        if self._waits_for_head():
            self._watch()
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._rest()
        super().connection_lost(exc)

    def _waits_for_head(self) -> bool:
        is_mine = self.transport.get_protocol() is self  # it is another's after an upgrade
        cycle = getattr(self, "cycle", None)  # None until the first request
        return is_mine and (cycle is None or cycle.response_complete)

    def _watch(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_DEADLINE_SECONDS, self._hang_up)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        self._deadline = None
        if self._waits_for_head():
            log.info("hung up on a slow client", peer=self.client[0] if self.client else None)
            self.transport.abort()
