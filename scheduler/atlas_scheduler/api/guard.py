"""What is refused before any route sees it: foreign hosts, web pages, and bodies too large."""

from __future__ import annotations

import json

import anyio
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_scheduler.api.errors import answer, hang_up
from atlas_scheduler.core.listening import HostNames
from atlas_scheduler.telemetry import Refusal
from foundations.errors import Forbidden, InvalidRequest, SchedulerError, TooLarge

LOCAL_HOSTS = ("atlas", "localhost", "127.0.0.1", "[::1]")
"""Names by which a server is reached from its own machine; `atlas` is its Unix socket."""
MAX_JSON_BYTES = 8 * 1024 * 1024
"""Largest body of a request that is not an upload."""
BODY_DEADLINE_SECONDS = 60.0
"""Time in which such a body must be here, so that slow senders cannot hold connections."""
_WITH_BODY = ("PUT", "POST")


class Guard:
    """ASGI middleware: only programs may ask, and only under a name of this server.

    A web page that its reader's browser lets talk to this server (cross-site requests, DNS
    rebinding) betrays itself by the headers that the browser sets and scripts cannot change.
    """

    def __init__(self, app: ASGIApp, *, hosts: HostNames) -> None:
        self.app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            refusal = self._refusal(Headers(scope=scope), _own_address(scope))
            if refusal is not None:
                error, reason = refusal
                scope["app"].state.service.telemetry.refused(error.status, reason)
                await answer(error, headers={"Connection": "close"})(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(
        self, headers: Headers, own_address: str | None
    ) -> tuple[SchedulerError, Refusal] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0].lower(), own_address):
            error = Forbidden(
                f"This scheduler does not go by the name `{', '.join(hosts)}`. "
                "Ask for it by its address, or add the name to `hosts` in its server.yaml."
            )
            return error, "host"
        site = headers.get("sec-fetch-site", "none")
        if "origin" in headers or site not in ("none", "same-origin"):
            return Forbidden("Web pages may not use this scheduler."), "page"
        return None

    def _is_ours(self, host: str, own_address: str | None) -> bool:
        name, colon, port = host.rpartition(":")
        if not (colon and port.isdecimal()):
            name = host
        known = name in LOCAL_HOSTS or name in self._hosts or host in self._hosts
        return known or name == own_address


def _own_address(scope: Scope) -> str | None:
    """Return the address that a connection came to, as it stands in a URL.

    A web page that has its own name lead here (DNS rebinding) cannot make that name an address.
    """
    server = scope.get("server")
    if not server or server[1] is None:
        return None
    return f"[{server[0]}]" if ":" in server[0] else str(server[0])


class SmallBodies:
    """ASGI middleware: reads each body that is not an upload: JSON, not too large, not too late.

    Standard JSON only: NaN, infinities and half characters are accepted by Python's parser, and
    could then neither be stored nor answered.
    """

    def __init__(self, app: ASGIApp, *, uploads: str) -> None:
        self.app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body in hand."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(self._uploads):
            scope.setdefault("state", {})["body_unread"] = scope["method"] in _WITH_BODY
            await self.app(scope, receive, send)
            return
        body = await _read_body(receive)
        if isinstance(body, SchedulerError):
            await hang_up(body)(scope, receive, send)
        elif body is not None:
            await self.app(scope, _replay(body, receive), send)


async def _read_body(receive: Receive) -> bytes | SchedulerError | None:
    """Return the whole body, why it is refused, or None when the client is gone."""
    body = bytearray()
    with anyio.move_on_after(BODY_DEADLINE_SECONDS):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > MAX_JSON_BYTES:
                return TooLarge(f"The request is larger than {MAX_JSON_BYTES} bytes.")
            if not message.get("more_body", False):
                return _checked(bytes(body))
    return InvalidRequest(f"The request was not complete after {BODY_DEADLINE_SECONDS:.0f} s.")


def _checked(body: bytes) -> bytes | InvalidRequest:
    if body:
        try:
            document = from_json(body, allow_inf_nan=False)
            json.dumps(document, allow_nan=False)  # finds 1e999, which is read as an infinity
        except ValueError as error:
            return InvalidRequest(f"The body is not JSON: {error}.")
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    delivered = False

    async def replay() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
