"""The client for code that blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from foundations import calls
from foundations.beside.tunnel_verbs import TunnelVerbs
from foundations.bundles.upload import Upload
from foundations.calls import Call
from foundations.client import exchange, transports
from foundations.errors import Unreachable
from foundations.lazy_models import models
from foundations.transport.address import Address
from foundations.transport.reconnection import PATIENCE, Patience
from foundations.transport.repetition import Told, in_turn
from foundations.transport.trust import SYSTEM, Trust

if TYPE_CHECKING:
    from foundations.bundles.packs import Item, Sent

T = TypeVar("T")


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
        timeout_seconds: float = exchange.ANSWER_SECONDS,
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
            transport = transports.blocking(self._address, trust, timeout_seconds)
        options = exchange.options(self._address, token, timeout_seconds)
        if transport is None:
            options["verify"] = transports.verification(self._address, trust)
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
        return self._in_turn(lambda: exchange.read(call, self._begin(call), self._address))

    def upload_bundle(
        self, digest: str, path: str | Path, *, watch: Callable[[int], None] | None = None
    ) -> models.BundleView:
        """Upload a packed bundle, in constant memory.

        Args:
            digest: what `foundations.bundles.bundle.pack` returned.
            path: the packed file.
            watch: told how many bytes were sent so far.

        Raises:
            BundleError: the file became shorter meanwhile.
            BundleRejected, TooLarge, StorageFull: the scheduler does not take it.
        """

        def send() -> models.BundleView:
            with Upload(digest, path, watch) as upload:
                return self._send_body(upload.call, iter(upload.piece, b""))

        return self._in_turn(send)

    def send_files(
        self, items: Sequence[Item], sent: Sent | None = None, *, gzip: bool = False
    ) -> models.FilesReceived:
        """Send files of a bundle that `declare_bundle` has named, in constant memory.

        Args:
            items: one of `foundations.bundles.packs.packs`.
            sent: adds up what is sent, over several of these, before compression.
            gzip: whether the scheduler takes it compressed; done only where a network is between.

        Raises:
            BundleError: a file changed since it was listed.
            BundleRejected, TooLarge, StorageFull: the scheduler does not take it.
            TooMany: it does not take it now; `bundles.delivery` asks anew what is missing.
        """
        from foundations.bundles import packs  # not at the top: most commands send no files

        pieces, gzip = packs.body(items, sent or packs.Sent()), gzip and not self._address.socket
        call = calls.bundles.send_files(gzip=gzip)
        return self._send_body(call, packs.compressed(pieces) if gzip else pieces)

    @contextmanager
    def open(self, call: Call[None], *, silence_seconds: float | None) -> Iterator[httpx.Response]:
        """Send a call, and give its answer as soon as that begins."""
        answer = self._in_turn(lambda: self._opened(call, exchange.patient(silence_seconds)))
        with exchange.speaking(self._address, self._trust), closing(answer):
            yield answer

    def _opened(self, call: Call[None], waits: httpx.Timeout) -> httpx.Response:
        answer = self._begin(call, stream=True, waits=waits)
        if answer.status_code in call.expected:
            return answer
        with exchange.speaking(self._address, self._trust), closing(answer):
            answer.read()
            raise exchange.refusal(answer, self._address)

    def _in_turn(self, send: Callable[[], T]) -> T:
        return in_turn(send, self.patience, self.deferred)

    def _send_body(self, call: Call[T], content: Iterator[bytes]) -> T:
        """Send what is read as it goes out, and wait for the answer however long it takes."""
        answer = self._try(call, content=content, waits=exchange.patient(None))
        return exchange.read(call, answer, self._address)

    def _begin(
        self, call: Call[Any], *, stream: bool = False, waits: httpx.Timeout | None = None
    ) -> httpx.Response:
        """Send a call, and once more when its idle connection was closed at that moment."""
        revive, self.revive = self.revive, None
        try:
            return self._try(call, stream=stream, waits=waits)
        except Unreachable as error:
            if not exchange.is_worth_repeating(call, error):
                raise
        if revive is not None:
            revive()
        return self._try(call, stream=stream, waits=waits)

    def _try(
        self,
        call: Call[Any],
        *,
        content: Iterator[bytes] | None = None,
        stream: bool = False,
        waits: httpx.Timeout | None = None,
    ) -> httpx.Response:
        with exchange.speaking(self._address, self._trust):
            request = exchange.request(self._http, call, content=content, waits=waits)
            return self._http.send(request, stream=stream)
