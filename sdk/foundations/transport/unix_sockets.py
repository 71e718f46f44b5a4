"""Connections to Unix sockets that leave nothing open when they cannot be made."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterable

import httpcore


class UnixSockets(httpcore.SyncBackend):
    """httpcore forgets a socket whose connect fails: it is then found where it was left."""

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, or close the socket and raise."""
        try:
            return super().connect_unix_socket(path, timeout, socket_options)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            for frame, _ in traceback.walk_tb(error.__traceback__):
                for value in frame.f_locals.values():
                    if isinstance(value, socket.socket):
                        value.close()
            raise
