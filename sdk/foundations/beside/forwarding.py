"""Ports of this machine that lead into a job, through the API of its scheduler."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundations.errors import AtlasError, ConfigError, JobConflict, Unreachable
from foundations.models import FINAL_STATES, JobDetail, JobState
from foundations.transport.reconnection import Backoff

if TYPE_CHECKING:
    from foundations.client import Client

LOOPBACK = "127.0.0.1"
MOST_AT_ONCE = 40
"""Most connections that are carried at a time; further ones wait until one is closed."""
_PIECE_BYTES = 262_144
_PAUSE_SECONDS = 0.5
_UNDONE = (AtlasError, RuntimeError)
"""What a client raises when the connection, the scheduler or the client itself is gone."""


@dataclass(frozen=True, slots=True)
class ForwardedPort:
    """One port of this machine, and where it leads."""

    address: str
    local_port: int
    port: int
    """The port of the job."""

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.local_port}"


class Forward:
    """Ports that lead into a running job, for as long as the context lasts."""

    def __init__(
        self,
        client: Client,
        ref: str,
        ports: Sequence[tuple[int, int]],
        *,
        address: str = LOOPBACK,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            client: the scheduler; it must stay open meanwhile.
            ref: the job.
            ports: pairs of a port here, 0 for any free one, and a port of the job.
            address: which address of this machine to listen at.
            tell: takes a sentence for each connection that cannot be made.
        """
        self._client = client
        self._ref = ref
        self._wanted = tuple(ports)
        self._address = address
        self._tell = tell
        self.job_id = ref
        """The job's whole id, once it listens."""
        self._listeners: list[socket.socket] = []
        self._open: set[socket.socket] = set()
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._closed = threading.Event()
        self.ports: tuple[ForwardedPort, ...] = ()
        """What listens here."""

    @property
    def local_port(self) -> int:
        """The port of this machine that leads to the first port of the job."""
        return self.ports[0].local_port

    @property
    def url(self) -> str:
        """Where a browser finds the first port of the job."""
        return self.ports[0].url

    def __enter__(self) -> Forward:
        """Listen.

        Raises:
            JobConflict: the job does not run.
            ConfigError: a port of this machine is not free, or may not be taken.
        """
        job = self._client.job(self._ref)
        if job.state is not JobState.RUNNING:
            raise JobConflict(f"Job `{job.job_id}` is {job.state}: only a job that runs has ports.")
        self.job_id = job.job_id
        try:
            for local, _ in self._wanted:
                self._listeners.append(_listen(self._address, local))
        except ConfigError:
            self.close()
            raise
        self.ports = tuple(
            ForwardedPort(self._address, listener.getsockname()[1], port)
            for listener, (_, port) in zip(self._listeners, self._wanted, strict=True)
        )
        for listener, place in zip(self._listeners, self.ports, strict=True):
            self._begin(self._accept, listener, place.port)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and cut every connection."""
        self._closed.set()
        for one in (*self._listeners, *self._open):
            _cut(one)

    def wait(self) -> JobDetail:
        """Wait until the job has ended; a scheduler that is away meanwhile is waited for."""
        while True:
            try:
                found = self._client.wait(self.job_id)
            except Unreachable:
                time.sleep(_PAUSE_SECONDS)
                continue
            assert found.state in FINAL_STATES
            return found

    def _accept(self, listener: socket.socket, port: int) -> None:
        with listener:
            while not self._closed.is_set():
                self._slots.acquire()
                try:
                    connection, _ = listener.accept()
                except OSError:
                    self._slots.release()
                    return
                self._begin(self._carry, connection, port)

    def _carry(self, connection: socket.socket, port: int) -> None:
        try:
            with connection, self._known(connection), suppress(*_UNDONE, OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                tunnel_id = self._tunnel(connection, port)
                if tunnel_id is not None:
                    _Tunnel(self._client, tunnel_id, connection).carry()
        finally:
            self._slots.release()

    @contextmanager
    def _known(self, connection: socket.socket) -> Iterator[None]:
        """Let `close` cut a connection; one that comes later gets no tunnel."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    def _tunnel(self, connection: socket.socket, port: int) -> str | None:
        """Open a tunnel; a scheduler that is away is waited for a while."""
        backoff = Backoff(self._client.patience)
        while not self._closed.is_set():
            try:
                return self._client.open_tunnel(self.job_id, port).tunnel_id
            except Unreachable as error:
                delay_seconds = backoff.lost(time.monotonic())
                if delay_seconds is None:
                    self._refuse(connection, error)
                    break
                self._closed.wait(delay_seconds)
            except AtlasError as error:
                self._refuse(connection, error)
                break
        return None

    def _refuse(self, connection: socket.socket, error: AtlasError) -> None:
        """Reset a connection, so that who made it does not take it for an empty answer."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._tell(error.message)

    def _begin(self, work: Callable[[socket.socket, int], None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()


class _Tunnel:
    """One connection that is carried, by this thread and one more."""

    def __init__(self, client: Client, tunnel_id: str, connection: socket.socket) -> None:
        self._client = client
        self._tunnel_id = tunnel_id
        self._connection = connection
        self._is_over = threading.Event()

    def carry(self) -> None:
        """Carry bytes both ways until both have ended, or one end is gone."""
        sending = threading.Thread(target=self._send, daemon=True)
        sending.start()
        try:
            for piece in self._client.read_tunnel(self._tunnel_id):
                self._connection.sendall(piece)
            self._connection.shutdown(socket.SHUT_WR)
            sending.join()
        finally:
            self._is_over.set()
            _cut(self._connection)
            self._client.close_tunnel(self._tunnel_id)

    def _send(self) -> None:
        offset, piece = 0, b"some"
        try:
            while piece and not self._is_over.is_set():
                piece = self._connection.recv(_PIECE_BYTES)
                self._write(piece, offset=offset)
                offset += len(piece)
        except (*_UNDONE, OSError):
            # One end is gone: whoever reads the other is to learn of it.
            with suppress(*_UNDONE):
                self._client.close_tunnel(self._tunnel_id)

    def _write(self, piece: bytes, *, offset: int) -> None:
        """Send a piece, for as long as the other direction lives.

        A job that reads slowly lets this wait longer than a client waits for an answer.
        """
        while not self._is_over.is_set():
            try:
                return self._client.write_tunnel(
                    self._tunnel_id, piece, offset=offset, end=not piece
                )
            except Unreachable:
                self._is_over.wait(_PAUSE_SECONDS)


def check_listening(address: str, local: int) -> None:
    """See whether a port can be listened at, before anything is begun that needs it.

    Raises:
        ConfigError: it is not free, may not be taken, or the address is not of this machine.
    """
    _listen(address, local).close()


def _listen(address: str, local: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, local), family=family, backlog=128)
    except socket.gaierror as error:
        raise ConfigError(f"Cannot listen at {address}: {error.strerror}.") from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(
                f"Cannot listen at {address}, which is no address of this machine."
            ) from error
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(
            f"Cannot listen at port {local} of {address}: {why}. "
            "Choose another port of this machine, or 0 for any that is free."
        ) from error


def _cut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
