"""A line between a client and a server that can be slow, silent, or cut: a TCP proxy of the tests.

It passes bytes on to a TCP port or a Unix socket.
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

PIECE_BYTES = 65_536
_WAITING_BYTES = 512 * 1024
_Piece = tuple[float, bytes]


class Line:
    """One such line: a context manager; nothing passes any more when it is left."""

    def __init__(
        self,
        target: int | Path,
        *,
        cut_every_bytes: int | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        """Listen on a free port.

        Args:
            target: a port of this machine, or the path of a Unix socket.
            cut_every_bytes: all connections are cut whenever so many more bytes have passed.
            delay_seconds: how late every byte arrives.
        """
        self.cut_every_bytes = cut_every_bytes
        self.delay_seconds = delay_seconds
        self.cuts = 0
        self.up_bytes = 0
        """How much went to the server."""
        self._target = target
        self._passed_bytes = 0
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        # What waits in there when the line is cut is lost: without a bound, tens of megabytes
        # where the line gets no time to pass them on.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self.flow()
        self.cut()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def cut(self) -> None:
        """End every connection there is, in the middle of whatever passes."""
        with self._lock:
            ends, self._ends = self._ends, []
            self.cuts += bool(ends)
            self._passed_bytes = 0
        for end in ends:
            with suppress(OSError):  # the other side was quicker
                if end.family == socket.AF_INET:
                    # So that closing it resets: a sender may wait for room, and hear of no end.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Take no more connections."""
        with suppress(OSError):  # wakes the thread that accepts; it may be done already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def stall(self) -> None:
        """Let nothing pass, and say nothing of it."""
        self._open.clear()

    def flow(self) -> None:
        """Let everything pass again."""
        self._open.set()

    def _begin(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # a method
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends += [near, far]
            self._join(near, far)

    def _join(self, near: socket.socket, far: socket.socket) -> None:
        left = [2]
        for source, drain, up in ((near, far, True), (far, near, False)):
            pieces: queue.Queue[_Piece] = queue.Queue(64)
            self._begin(self._read, source, pieces, up)
            self._begin(self._write, drain, pieces, (near, far), left)

    def _connect(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(str(self._target))
        except OSError:
            far.close()
            raise
        return far

    def _read(self, source: socket.socket, pieces: queue.Queue[_Piece], up: bool) -> None:
        data = b"some"
        while data:
            try:
                data = source.recv(PIECE_BYTES)
            except OSError:
                data = b""
            self._open.wait()
            if up:
                self.up_bytes += len(data)
            pieces.put((time.monotonic() + self.delay_seconds, data))

    def _write(
        self,
        drain: socket.socket,
        pieces: queue.Queue[_Piece],
        both: tuple[socket.socket, socket.socket],
        left: list[int],
    ) -> None:
        data = b"some"
        while data:
            due, data = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            kept = self._allowed(len(data))
            with suppress(OSError):  # cut: what still comes is thrown away
                drain.sendall(data[:kept])
            if kept < len(data):
                self.cut()
        with suppress(OSError):
            drain.shutdown(socket.SHUT_WR)
        with self._lock:
            left[0] -= 1
            if left[0] == 0:
                for end in both:
                    if end in self._ends:
                        self._ends.remove(end)
                    end.close()

    def _allowed(self, size_bytes: int) -> int:
        """Count what passes; return how much of it does before the next cut."""
        with self._lock:
            self._passed_bytes += size_bytes
            if self.cut_every_bytes is None or self._passed_bytes <= self.cut_every_bytes:
                return size_bytes
            return max(0, size_bytes - (self._passed_bytes - self.cut_every_bytes))
