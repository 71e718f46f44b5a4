"""Sends the end of a job to a URL: signed, and to the very address that was checked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import foundations
from atlas_scheduler.hook_settings import WebHook
from atlas_scheduler.hooks.addresses import refusal
from atlas_scheduler.hooks.hook import EVENT, Ended, HookFailed

LARGEST_ANSWER_BYTES = 64 << 10
"""Of an answer only the first line is wanted; a longer one is not read to its end."""
SHORTEST_SECRET_BYTES = 16
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r?\n")

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Gives the numeric addresses of a host."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the machine's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class WebHookSender:
    """One webhook."""

    kind = "webhook"

    def __init__(
        self,
        settings: WebHook,
        *,
        may_be_private: bool,
        resolver: Resolver = resolve,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            settings: what `server.yaml` says.
            may_be_private: whether the host may be on this machine or in a private network.
            resolver: asked once for each request.
            seconds: the time, in seconds since 1970 UTC.
        """
        self.states = settings.states
        self.target = f"https://{settings.parts.netloc}"
        self._settings = settings
        self._may_be_private = may_be_private
        self._resolver = resolver
        self._seconds = seconds

    async def tell(self, ended: Ended) -> None:
        """Send a request, and look at the status of its answer.

        Raises:
            HookFailed: the address may not be asked, nobody answered, or the answer was no.
        """
        body = json.dumps(ended.document()).encode()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                status = await self._post(body, ended.seq)
        except TimeoutError:
            seconds = self._settings.timeout_seconds
            raise HookFailed(f"no answer after {seconds:.0f} s") from None
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise HookFailed(str(error) or type(error).__name__) from error
        if 300 <= status < 400:
            raise HookFailed(f"the answer was {status}: redirects are not followed")
        if not 200 <= status < 300:
            raise HookFailed(f"the answer was {status}")

    async def _post(self, body: bytes, seq: int) -> int:
        settings = self._settings
        port = settings.parts.port or 443
        request = self._request(body, seq)
        address = self._checked(await self._resolver(settings.host, port))
        context = ssl.create_default_context(cafile=settings.ca_file)
        # The address, not the name: another look at the name could lead elsewhere.
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=settings.host, limit=LARGEST_ANSWER_BYTES
        )
        try:
            writer.write(request)
            await writer.drain()
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise ValueError("the answer is not HTTP") from None
        finally:
            writer.transport.abort()
        found = _STATUS.fullmatch(line)
        if found is None:
            raise ValueError("the answer is not HTTP")
        return int(found[1])

    def _checked(self, addresses: list[str]) -> str:
        """Take one of the addresses of the host, if all of them are possible."""
        if not addresses:
            raise ValueError(f"`{self._settings.host}` has no address")
        if not self._may_be_private:
            for address in addresses:
                if (reason := refusal(address)) is not None:
                    raise ValueError(
                        f"`{self._settings.host}` leads to {address}: {reason}. Name the host in "
                        "`private_hosts` if that is meant"
                    )
        return addresses[0]

    def _request(self, body: bytes, seq: int) -> bytes:
        parts = self._settings.parts
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        moment = str(int(self._seconds()))
        headers = {
            "Host": parts.netloc,
            "User-Agent": f"Atlas/{foundations.__version__}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "X-Atlas-Event": EVENT,
            "X-Atlas-Delivery": str(seq),
            "X-Atlas-Timestamp": moment,
        }
        if self._settings.secret_file is not None:
            key = read_secret(self._settings.secret_file)
            headers["X-Atlas-Signature"] = f"v1={signature(key, moment, body)}"
        lines = [
            f"POST {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join((*lines, "", "")).encode("ascii") + body


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """Sign a request: HMAC-SHA256 over its time, a dot and its body, in hex."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def read_secret(path: Path) -> bytes:
    """Read a key that only its owner can read.

    Raises:
        ValueError: others can read it, or it is too short to be one.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(4096).strip()
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"others can read {path}: chmod 600 {path}")
    if len(key) < SHORTEST_SECRET_BYTES:
        raise ValueError(f"the key in {path} has fewer than {SHORTEST_SECRET_BYTES} bytes")
    return key
