"""Finds out whether something listens on a Unix socket, and whether it speaks HTTP."""

from __future__ import annotations

import socket

_CONNECT_SECONDS = 2.0
_QUESTION = b"GET /api/v1/health HTTP/1.1\r\nHost: atlas\r\nConnection: close\r\n\r\n"


def is_listening(path: str) -> bool:
    """Tell whether a connection to a Unix socket can be made."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_SECONDS)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def speaks_http(path: str, *, within_seconds: float) -> bool:
    """Tell whether a request through a Unix socket gets any answer.

    The end of a tunnel takes every connection, also when nobody listens at its other end.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(within_seconds)
        try:
            probe.connect(path)
            probe.sendall(_QUESTION)
            return bool(probe.recv(1))
        except OSError:
            return False
