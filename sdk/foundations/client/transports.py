"""What carries requests: sockets, tunnels by ssh, and TLS with the certificates that are believed.

The transports of the two clients are made here, each pair side by side.
"""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

import anyio
import httpcore
import httpx

from foundations.transport import handshake
from foundations.transport.address import Address
from foundations.transport.trust import Trust
from foundations.transport.unix_sockets import UnixSockets

if TYPE_CHECKING:
    from foundations.ssh.place import SshPlace

CONNECT_SECONDS = 5.0


class _UnixTransport(httpx.HTTPTransport):
    """httpx's transport with sockets that are closed also when they could not be connected."""

    def __init__(self, path: str) -> None:
        super().__init__(verify=handshake.context())
        self._pool = httpcore.ConnectionPool(uds=path, network_backend=UnixSockets())


class _PinnedTransport(httpx.BaseTransport):
    """httpx's transport that believes one certificate, which it asks for before the first use."""

    def __init__(self, address: Address, fingerprint: str) -> None:
        self._address = address
        self._fingerprint = fingerprint
        self._asking = threading.Lock()
        self._made: httpx.HTTPTransport | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._asking:
            if self._made is None:
                context = _pinned(self._address, self._fingerprint)
                self._made = httpx.HTTPTransport(verify=context)
        return self._made.handle_request(request)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()


class _AsyncPinnedTransport(httpx.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(self, address: Address, fingerprint: str) -> None:
        self._address = address
        self._fingerprint = fingerprint
        self._asking = anyio.Lock()
        self._made: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        from anyio.to_thread import run_sync

        async with self._asking:
            if self._made is None:
                context = await run_sync(_pinned, self._address, self._fingerprint)
                self._made = httpx.AsyncHTTPTransport(verify=context)
        return await self._made.handle_async_request(request)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()


class _TunnelTransport(httpx.HTTPTransport):
    """httpx's transport through a tunnel by ssh."""

    def __init__(self, place: SshPlace, timeout_seconds: float) -> None:
        from foundations.ssh.sockets import TunnelSockets  # not at the top: few need it

        super().__init__(verify=handshake.context())
        sockets = TunnelSockets(place, timeout_seconds=timeout_seconds)
        self._pool = httpcore.ConnectionPool(uds=sockets.path, network_backend=sockets)


class _AsyncTunnelTransport(httpx.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self, place: SshPlace, timeout_seconds: float) -> None:
        from foundations.ssh.sockets import AsyncTunnelSockets

        super().__init__(verify=handshake.context())
        sockets = AsyncTunnelSockets(place, timeout_seconds=timeout_seconds)
        self._pool = httpcore.AsyncConnectionPool(uds=sockets.path, network_backend=sockets)


def blocking(address: Address, trust: Trust, timeout_seconds: float) -> httpx.BaseTransport | None:
    """Return what carries requests; None is httpx's own, which knows proxies."""
    if address.ssh is not None:
        return _TunnelTransport(address.ssh, timeout_seconds)
    if address.socket is not None:
        return _UnixTransport(address.socket)
    if address.is_tls and trust.fingerprint is not None:
        return _PinnedTransport(address, trust.fingerprint)
    return httpx.HTTPTransport(verify=verification(address, trust)) if address.is_local else None


def for_asyncio(
    address: Address, trust: Trust, timeout_seconds: float
) -> httpx.AsyncBaseTransport | None:
    """The same for asyncio."""
    if address.ssh is not None:
        return _AsyncTunnelTransport(address.ssh, timeout_seconds)
    if address.is_tls and trust.fingerprint is not None:
        return _AsyncPinnedTransport(address, trust.fingerprint)
    if not address.is_local:
        return None
    verify = verification(address, trust)
    return httpx.AsyncHTTPTransport(uds=address.socket, verify=verify)


def verification(address: Address, trust: Trust) -> ssl.SSLContext | bool:
    """Return how certificates are verified: a context, or True for httpx's choice of authorities.

    Without TLS a context that trusts nobody does, and needs no time.
    """
    if not address.is_tls:
        return handshake.context()
    return True if trust.ca is None else handshake.context_of_file(trust.ca)


def _pinned(address: Address, fingerprint: str) -> ssl.SSLContext:
    try:
        return handshake.pinned_context(address, fingerprint, timeout_seconds=CONNECT_SECONDS)
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error
