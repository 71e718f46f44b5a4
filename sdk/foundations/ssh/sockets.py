"""Connections through a tunnel by ssh, which is made when it is not there, or no longer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import httpcore

from foundations.home import Home
from foundations.ssh.place import SshPlace
from foundations.ssh.tunnel import CONNECT_SECONDS, Tunnel
from foundations.transport.unix_sockets import UnixSockets


class TunnelSockets(UnixSockets):
    """For code that blocks."""

    def __init__(self, place: SshPlace, *, timeout_seconds: float) -> None:
        """Name the tunnel; nothing is opened yet."""
        self._tunnel = Tunnel(place, Home.default())
        self._seconds = min(CONNECT_SECONDS, timeout_seconds)
        self.path = self._tunnel.socket

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; make the tunnel where nobody listens.

        Raises:
            Unreachable: the tunnel cannot be made.
        """
        try:
            return super().connect_unix_socket(path, timeout, socket_options)
        except httpcore.ConnectError:
            self._tunnel.open(seconds=self._seconds)
        return super().connect_unix_socket(path, timeout, socket_options)


class AsyncTunnelSockets(httpcore.AnyIOBackend):
    """For asyncio."""

    def __init__(self, place: SshPlace, *, timeout_seconds: float) -> None:
        """Name the tunnel; nothing is opened yet."""
        self._tunnel = Tunnel(place, Home.default())
        self._seconds = min(CONNECT_SECONDS, timeout_seconds)
        self.path = self._tunnel.socket

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; make the tunnel where nobody listens.

        Raises:
            Unreachable: the tunnel cannot be made.
        """
        from anyio.to_thread import run_sync  # not at the top: the blocking twin needs no threads

        try:
            return await super().connect_unix_socket(path, timeout, socket_options)
        except httpcore.ConnectError:
            make = partial(self._tunnel.open, seconds=self._seconds)
            await run_sync(make, abandon_on_cancel=True)
        return await super().connect_unix_socket(path, timeout, socket_options)
