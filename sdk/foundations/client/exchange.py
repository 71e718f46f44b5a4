"""One request and its answer, as both clients make, send and read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import httpx

import foundations
from foundations import calls
from foundations.calls import Call
from foundations.client.transports import CONNECT_SECONDS
from foundations.errors import AtlasError, Unreachable
from foundations.transport import answers, handshake
from foundations.transport.address import Address, bearer
from foundations.transport.trust import Trust

T = TypeVar("T")

ANSWER_SECONDS = 60.0
"""Longest wait for an answer."""


def options(address: Address, token: str | None, timeout_seconds: float) -> dict[str, Any]:
    """Return what both clients of httpx are made with."""
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


def patient(silence_seconds: float | None) -> httpx.Timeout:
    """Say how long to wait in a long answer: `silence_seconds` for a piece; None is for ever."""
    return httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=silence_seconds)


def request(
    http: httpx.Client | httpx.AsyncClient,
    call: Call[Any],
    *,
    content: Any = None,
    waits: httpx.Timeout | None = None,
) -> httpx.Request:
    """Make the request of a call.

    Args:
        http: what will send it.
        call: what is asked.
        content: the body, where it is read only as it goes out.
        waits: how long to wait, if otherwise than for most calls.
    """
    return http.build_request(
        call.method,
        http.base_url.join(call.path) if call.at_root else call.path,
        params=call.params,
        content=call.content() if content is None else content,
        headers=call.all_headers(),
        timeout=http.timeout if waits is None else waits,
    )


@contextmanager
def speaking(address: Address, trust: Trust) -> Iterator[None]:
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
    said = str(error).removesuffix(".")
    return f"the connection broke: {said}" if said else "the connection broke"


def is_worth_repeating(call: Call[Any], error: Unreachable) -> bool:
    """Whether an idle connection may just have been closed by the server as it was used again."""
    broken = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
    return call.is_repeatable and isinstance(error.__cause__, broken)


def read(call: Call[T], answer: httpx.Response, address: Address) -> T:
    """Read what an answer says, or raise the error that it is."""
    return answers.read(call, answer.status_code, _said(answer), url=address.url, **_told(answer))


def refusal(answer: httpx.Response, address: Address) -> AtlasError:
    """Return the error that an answer is."""
    return answers.refusal(answer.status_code, _said(answer), url=address.url, **_told(answer))


def _said(answer: httpx.Response) -> bytes:
    """The body; of an answer that can have none what its headers say in place of it."""
    return answer.content or unquote_to_bytes(answer.headers.get(answers.ERROR_HEADER, ""))


def _told(answer: httpx.Response) -> dict[str, str | None]:
    """What the headers say of who answers, and when to ask again."""
    return {
        "version": answer.headers.get("X-Atlas-Version"),
        "retry_after": answer.headers.get("Retry-After"),
    }
