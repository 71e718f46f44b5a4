"""A proxy before Docker's socket that misbehaves on request: real faults of a real engine."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path


def server_error(message: str) -> bytes:
    """An answer of the engine that says what went wrong there."""
    body = json.dumps({"message": message}).encode()
    head = (
        f"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class Proxy:
    """Passes connections on to the engine, until told otherwise."""

    def __init__(self, path: Path, *, upstream: str) -> None:
        self.path = path
        self.lose_reply_to: list[bytes] = []
        """Parts of request lines; the answer to the first request that holds one is lost."""
        self.replies: list[tuple[bytes, bytes]] = []
        """Parts of request lines, and what is answered in the engine's place, each time once."""
        self.cut_logs_after: int | None = None
        """Bytes of a log stream that pass before its connection is cut; each time anew."""
        self.hold_logs_after: bytes | None = None
        """What a log stream may pass on last: after it, neither data nor the end comes through."""
        self.cuts = 0
        self._upstream = upstream
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.up()

    def up(self) -> None:
        """Take connections."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self) -> None:
        """Be away, as an engine that is not running: no socket, all connections gone."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.path.unlink(missing_ok=True)
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_Link(self, client).run, daemon=True).start()

    def _register(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open.update(sockets)

    def _forget(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open.difference_update(sockets)


class _Link:
    """One connection and its counterpart at the engine."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._engine = socket.socket(socket.AF_UNIX)
        self._request = b""
        self._passed = 0

    def run(self) -> None:
        self._engine.connect(self._proxy._upstream)
        self._proxy._register(self._client, self._engine)
        back = threading.Thread(target=self._answers, daemon=True)
        back.start()
        with suppress(OSError):
            while data := self._client.recv(65_536):
                if data.startswith((b"GET ", b"POST ", b"DELETE ", b"HEAD ")):
                    self._request, self._passed = data.partition(b"\r\n")[0], 0
                self._engine.sendall(data)
        self._close()
        back.join()
        self._proxy._forget(self._client, self._engine)
        self._client.close()
        self._engine.close()

    def _answers(self) -> None:
        with suppress(OSError):
            while data := self._engine.recv(65_536):
                reply = self._instead()
                data, goes_on = self._shorten(data) if reply is None else (reply, False)
                self._client.sendall(data)
                if not goes_on:
                    self._proxy.cuts += 1
                    break
        self._close()

    def _instead(self) -> bytes | None:
        """Return what is answered in the engine's place; None passes its own answer on."""
        proxy = self._proxy
        for part in proxy.lose_reply_to:
            if part in self._request:
                proxy.lose_reply_to.remove(part)
                return b""
        for reply in proxy.replies:
            if reply[0] in self._request:
                proxy.replies.remove(reply)
                return reply[1]
        return None

    def _shorten(self, data: bytes) -> tuple[bytes, bool]:
        """Return what of an answer passes, and whether the connection lives on."""
        proxy = self._proxy
        if b"/logs" not in self._request:
            return data, True
        if proxy.hold_logs_after is not None and b"follow=1" in self._request:
            head, found, _ = data.partition(proxy.hold_logs_after)
            if self._passed < 0:
                return b"", True
            if found:
                self._passed = -1
                return head + found, True
        if proxy.cut_logs_after is not None:
            left = proxy.cut_logs_after - self._passed
            self._passed += len(data)
            return data[:left], len(data) < left
        return data, True

    def _close(self) -> None:
        for one in (self._client, self._engine):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
