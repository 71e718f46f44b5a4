"""Carries calls to a scheduler and answers back over HTTP: the only file that knows httpx.

`Client` blocks and may be shared by threads; `AsyncClient` is its twin for asyncio. They have the
same methods with the same arguments. Both raise `foundations.errors`: `Unreachable` when nothing
answers, a `SchedulerError` when the scheduler refuses.
"""

from __future__ import annotations

import re
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import foundations
from foundations import answers, calls, handshake
from foundations.address import Address, bearer
from foundations.calls import Call
from foundations.errors import AtlasError, Unreachable
from foundations.lazy_models import models
from foundations.reconnection import PATIENCE, Patience
from foundations.repetition import Told, in_turn, in_turn_async
from foundations.trust import SYSTEM, Trust
from foundations.tunnel_verbs import AsyncTunnelVerbs, TunnelVerbs
from foundations.unix_sockets import UnixSockets
from foundations.upload import Upload

# httpx loads its own command line, with click, rich and pygments, wherever they are installed.
# That takes longer than all the rest of it; a module that is None cannot be imported.
_modules: dict[str, Any] = sys.modules
_hidden = _modules.setdefault("httpx._main", None)
import anyio  # noqa: E402 - after the line above
import httpcore  # noqa: E402 - after the line above
import httpx  # noqa: E402 - after the line above

if _hidden is None:
    del _modules["httpx._main"]

if TYPE_CHECKING:
    from foundations.packs import Item, Sent
    from foundations.ssh_place import SshPlace

T = TypeVar("T")

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
"""Longest wait for an answer."""


class Client(TunnelVerbs):
    """A scheduler, for code that blocks: a context manager that threads may share."""

    revive: Callable[[], None] | None = None
    """Called when the first request finds nobody, before that is repeated."""
    deferred: Told | None = None
    """Called before each wait for a limit that refuses a request for now."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        trust: Trust = SYSTEM,
        timeout_seconds: float = ANSWER_SECONDS,
        patience: Patience = PATIENCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare to talk to a scheduler; nothing is sent yet.

        Args:
            url: `unix:///path/to/atlas.sock`, `http://host:port`, `https://host:port` or
                `ssh://user@host:port`.
            token: sent with every request, and nowhere else: redirects are not followed.
            trust: who vouches for a scheduler that is reached by https.
            timeout_seconds: longest wait for an answer.
            patience: for how long followers ask again while nothing answers, and any request is
                sent again while it is over a limit.
            transport: replaces the network, for tests.

        Proxies that the environment names are used for other machines only, and not where a
        certificate is pinned.

        Raises:
            ConfigError: the URL or the token cannot be one, or the file of `trust` cannot be read.
        """
        self._address = Address.parse(url)
        self.patience = patience
        self._trust = trust
        if transport is None:
            transport = _transport(self._address, trust, timeout_seconds)
        options = _options(self._address, token, timeout_seconds)
        if transport is None:
            options["verify"] = _verification(self._address, trust)
        self._http = httpx.Client(transport=transport, **options)

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._address.url

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer.

        What is over a limit is sent again after the time that the scheduler names.
        """
        return self._in_turn(lambda: _read(call, self._begin(call), self._address))

    def upload_bundle(
        self, digest: str, path: str | Path, *, watch: Callable[[int], None] | None = None
    ) -> models.BundleView:
        """Upload a packed bundle, in constant memory.

        Args:
            digest: what `foundations.bundle.pack` returned.
            path: the packed file.
            watch: told how many bytes were sent so far.

        Raises:
            BundleError: the file became shorter meanwhile.
            BundleRejected, TooLarge, StorageFull: the scheduler does not take it.
        """

        def send() -> models.BundleView:
            with Upload(digest, path, watch) as upload:
                content = iter(upload.piece, b"")
                request = _request(self._http, upload.call, content=content, waits=_patient(None))
                with _speaking(self._address, self._trust):
                    answer = self._http.send(request)
            return _read(upload.call, answer, self._address)

        return self._in_turn(send)

    def send_files(self, items: Sequence[Item], sent: Sent | None = None) -> models.FilesReceived:
        """Send files of a bundle that `declare_bundle` has named, in constant memory.

        Args:
            items: one of `foundations.packs.packs`.
            sent: adds up what is sent, over several of these.

        Raises:
            BundleError: a file changed since it was listed.
            BundleRejected, TooLarge, StorageFull: the scheduler does not take it.
            TooMany: it does not take it now; `foundations.delivery` asks anew what is missing.
        """
        from foundations import packs  # not at the top: most commands send no files

        call = calls.bundles.send_files()
        content = packs.body(items, sent or packs.Sent())
        request = _request(self._http, call, content=content, waits=_patient(None))
        with _speaking(self._address, self._trust):
            answer = self._http.send(request)
        return _read(call, answer, self._address)

    @contextmanager
    def open(self, call: Call[None], *, silence_seconds: float | None) -> Iterator[httpx.Response]:
        """Send a call, and give its answer as soon as that begins."""
        answer = self._in_turn(lambda: self._opened(call, _patient(silence_seconds)))
        with _speaking(self._address, self._trust), closing(answer):
            yield answer

    def _opened(self, call: Call[None], waits: httpx.Timeout) -> httpx.Response:
        answer = self._begin(call, stream=True, waits=waits)
        if answer.status_code in call.expected:
            return answer
        with _speaking(self._address, self._trust), closing(answer):
            answer.read()
            raise _refusal(answer, self._address)

    def _in_turn(self, send: Callable[[], T]) -> T:
        return in_turn(send, self.patience, self.deferred)

    def _begin(
        self, call: Call[Any], *, stream: bool = False, waits: httpx.Timeout | None = None
    ) -> httpx.Response:
        """Send a call, and once more when its idle connection was closed at that moment."""
        revive, self.revive = self.revive, None
        try:
            with _speaking(self._address, self._trust):
                return self._http.send(_request(self._http, call, waits=waits), stream=stream)
        except Unreachable as error:
            if not _is_worth_repeating(call, error):
                raise
        if revive is not None:
            revive()
        with _speaking(self._address, self._trust):
            return self._http.send(_request(self._http, call, waits=waits), stream=stream)


class AsyncClient(AsyncTunnelVerbs):
    """A scheduler, for asyncio: an async context manager, and the twin of `Client`."""

    deferred: Told | None = None
    """Called before each wait for a limit that refuses a request for now."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        trust: Trust = SYSTEM,
        timeout_seconds: float = ANSWER_SECONDS,
        patience: Patience = PATIENCE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to talk to a scheduler; see `Client`."""
        self._address = Address.parse(url)
        self.patience = patience
        self._trust = trust
        if transport is None:
            transport = _async_transport(self._address, trust, timeout_seconds)
        options = _options(self._address, token, timeout_seconds)
        if transport is None:
            options["verify"] = _verification(self._address, trust)
        self._http = httpx.AsyncClient(transport=transport, **options)

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._address.url

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer."""

        async def send() -> T:
            return _read(call, await self._begin(call), self._address)

        return await self._in_turn(send)

    async def upload_bundle(
        self, digest: str, path: str | Path, *, watch: Callable[[int], None] | None = None
    ) -> models.BundleView:
        """Upload a packed bundle, in constant memory."""
        from anyio.to_thread import run_sync  # not at the top: the blocking twin needs no threads

        async def pieces(upload: Upload) -> AsyncIterator[bytes]:
            while piece := await run_sync(upload.piece):
                yield piece

        async def send() -> models.BundleView:
            with await run_sync(Upload, digest, path, watch) as upload:
                content = pieces(upload)
                request = _request(self._http, upload.call, content=content, waits=_patient(None))
                with _speaking(self._address, self._trust):
                    answer = await self._http.send(request)
            return _read(upload.call, answer, self._address)

        return await self._in_turn(send)

    async def send_files(
        self, items: Sequence[Item], sent: Sent | None = None
    ) -> models.FilesReceived:
        """Send files of a bundle that `declare_bundle` has named, in constant memory."""
        from anyio.to_thread import run_sync  # not at the top: the blocking twin needs no threads

        from foundations import packs

        call = calls.bundles.send_files()
        pieces = packs.body(items, sent or packs.Sent())

        async def content() -> AsyncIterator[bytes]:
            while (piece := await run_sync(next, pieces, None)) is not None:
                yield piece

        request = _request(self._http, call, content=content(), waits=_patient(None))
        with _speaking(self._address, self._trust):
            answer = await self._http.send(request)
        return _read(call, answer, self._address)

    @asynccontextmanager
    async def open(
        self, call: Call[None], *, silence_seconds: float | None
    ) -> AsyncIterator[httpx.Response]:
        """Send a call, and give its answer as soon as that begins."""
        answer = await self._in_turn(lambda: self._opened(call, _patient(silence_seconds)))
        with _speaking(self._address, self._trust):
            async with aclosing(answer):
                yield answer

    async def _opened(self, call: Call[None], waits: httpx.Timeout) -> httpx.Response:
        answer = await self._begin(call, stream=True, waits=waits)
        if answer.status_code in call.expected:
            return answer
        with _speaking(self._address, self._trust):
            async with aclosing(answer):
                await answer.aread()
                raise _refusal(answer, self._address)

    async def _in_turn(self, send: Callable[[], Awaitable[T]]) -> T:
        return await in_turn_async(send, self.patience, self.deferred)

    async def _begin(
        self, call: Call[Any], *, stream: bool = False, waits: httpx.Timeout | None = None
    ) -> httpx.Response:
        try:
            with _speaking(self._address, self._trust):
                request = _request(self._http, call, waits=waits)
                return await self._http.send(request, stream=stream)
        except Unreachable as error:
            if not _is_worth_repeating(call, error):
                raise
        with _speaking(self._address, self._trust):
            request = _request(self._http, call, waits=waits)
            return await self._http.send(request, stream=stream)


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
        from foundations.ssh_sockets import TunnelSockets  # not at the top: few need it

        super().__init__(verify=handshake.context())
        sockets = TunnelSockets(place, timeout_seconds=timeout_seconds)
        self._pool = httpcore.ConnectionPool(uds=sockets.path, network_backend=sockets)


class _AsyncTunnelTransport(httpx.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self, place: SshPlace, timeout_seconds: float) -> None:
        from foundations.ssh_sockets import AsyncTunnelSockets

        super().__init__(verify=handshake.context())
        sockets = AsyncTunnelSockets(place, timeout_seconds=timeout_seconds)
        self._pool = httpcore.AsyncConnectionPool(uds=sockets.path, network_backend=sockets)


# -- what the twins share


def _transport(
    address: Address, trust: Trust, timeout_seconds: float
) -> httpx.BaseTransport | None:
    """Return what carries requests; None is httpx's own, which knows proxies."""
    if address.ssh is not None:
        return _TunnelTransport(address.ssh, timeout_seconds)
    if address.socket is not None:
        return _UnixTransport(address.socket)
    if address.is_tls and trust.fingerprint is not None:
        return _PinnedTransport(address, trust.fingerprint)
    return httpx.HTTPTransport(verify=_verification(address, trust)) if address.is_local else None


def _async_transport(
    address: Address, trust: Trust, timeout_seconds: float
) -> httpx.AsyncBaseTransport | None:
    if address.ssh is not None:
        return _AsyncTunnelTransport(address.ssh, timeout_seconds)
    if address.is_tls and trust.fingerprint is not None:
        return _AsyncPinnedTransport(address, trust.fingerprint)
    if not address.is_local:
        return None
    verify = _verification(address, trust)
    return httpx.AsyncHTTPTransport(uds=address.socket, verify=verify)


def _verification(address: Address, trust: Trust) -> ssl.SSLContext | bool:
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


def _options(address: Address, token: str | None, timeout_seconds: float) -> dict[str, Any]:
    headers = {
        "Accept-Encoding": "identity",
        "User-Agent": f"foundations/{foundations.__version__}",
    }
    if token is not None:
        headers["Authorization"] = bearer(token)
    return {
        "base_url": address.origin + calls.PREFIX,
        "headers": headers,
        "timeout": httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
    }


def _patient(silence_seconds: float | None) -> httpx.Timeout:
    return httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=silence_seconds)


def _request(
    http: httpx.Client | httpx.AsyncClient,
    call: Call[Any],
    *,
    content: Any = None,
    waits: httpx.Timeout | None = None,
) -> httpx.Request:
    return http.build_request(
        call.method,
        http.base_url.join(call.path) if call.at_root else call.path,
        params=call.params,
        content=call.content() if content is None else content,
        headers=call.all_headers(),
        timeout=http.timeout if waits is None else waits,
    )


@contextmanager
def _speaking(address: Address, trust: Trust) -> Iterator[None]:
    """Turn trouble of the connection into words for the user."""
    try:
        yield
    except httpx.RequestError as error:
        if isinstance(error, httpx.ConnectError):
            untrusted = handshake.distrust(error, address, trust)
            if untrusted is not None:
                raise untrusted from error
        reason = _reason(error, by_ssh=bool(address.ssh))
        if isinstance(error, httpx.RemoteProtocolError) and address.url.startswith("http://"):
            reason += "; if it speaks TLS, its URL begins with https://"
        raise Unreachable(address.silence(reason)) from error


def _reason(error: httpx.RequestError, *, by_ssh: bool) -> str:
    # A tunnel takes a connection before it knows whether anybody listens at the other end.
    if by_ssh and isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return "no server listens there, or the connection by ssh broke"
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or "no connection"
    return f"the connection broke: {error}" if str(error) else "the connection broke"


def _is_worth_repeating(call: Call[Any], error: Unreachable) -> bool:
    """Whether an idle connection may just have been closed by the server as it was used again."""
    broken = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
    return call.is_repeatable and isinstance(error.__cause__, broken)


def _read(call: Call[T], answer: httpx.Response, address: Address) -> T:
    return answers.read(call, answer.status_code, answer.content, url=address.url, **_told(answer))


def _refusal(answer: httpx.Response, address: Address) -> AtlasError:
    return answers.refusal(answer.status_code, answer.content, url=address.url, **_told(answer))


def _told(answer: httpx.Response) -> dict[str, str | None]:
    """What the headers say of who answers, and when to ask again."""
    return {
        "version": answer.headers.get("X-Atlas-Version"),
        "retry_after": answer.headers.get("Retry-After"),
    }
