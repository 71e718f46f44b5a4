"""Every error answer of the API, made in one place."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, cast
from urllib.parse import quote

import anyio
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import foundations
from atlas_scheduler.store.db import DatabaseClosed
from foundations.errors import InvalidRequest, NotFound, SchedulerError, ServerFault, TooMany
from foundations.models import API_VERSION, WireError
from foundations.transport.answers import ERROR_HEADER, NO_SUCH_KEY

SHOWN_PROBLEMS = 3
"""How many problems of one request body are named; the rest is counted."""

_BROKEN_OFF: Message = {
    "type": "http.response.start",
    "status": 503,
    "headers": [(b"content-length", b"1")],
}
"""Begins an answer of which nothing more comes."""
LINGER_SECONDS = 2.0
"""Longest time for which a client that is refused may go on sending before it is cut off."""

log = structlog.get_logger(__name__)


def answer(
    error: SchedulerError, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Turn an error into its answer.

    Args:
        error: what went wrong.
        status: replaces the status of the error's class.
        headers: sent along.
    """
    body = WireError(error=error.code, message=error.message)
    return _Refusal(
        body.model_dump(),
        status_code=error.status if status is None else status,
        headers={**_retry_after(error), **(headers or {})},
    )


def _retry_after(error: SchedulerError) -> dict[str, str]:
    """When to ask again, in whole seconds, where the error knows."""
    if isinstance(error, TooMany):
        return {"Retry-After": str(max(1, ceil(error.retry_after_seconds)))}
    return {}


class _Refusal(JSONResponse):
    """An error, which the header says where there is no body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self._tell_without_body(scope)
        await super().__call__(scope, receive, send)

    def _tell_without_body(self, scope: Scope) -> None:
        if scope.get("method") == "HEAD":
            self.headers[ERROR_HEADER] = quote(bytes(self.body))


class _Lingering(_Refusal):
    """Closes the connection, but not before the client had time to read why."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and throw away what the client still sends, for a while."""
        self._tell_without_body(scope)
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        # Closing with unread input resets the connection, and may destroy the answer on its way.
        with anyio.move_on_after(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def hang_up(error: SchedulerError, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Turn an error into the answer to a request whose body is not read to its end.

    Closing the connection tells the client to stop sending.
    """
    body = WireError(error=error.code, message=error.message).model_dump()
    told = {**_retry_after(error), **(headers or {}), "Connection": "close"}
    return _Lingering(body, status_code=error.status, headers=told)


def answers(*kinds: type[SchedulerError]) -> dict[int | str, dict[str, Any]]:
    """Describe for OpenAPI which errors an operation answers; any other is the default."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        text = f"`{kind.code}`: {(kind.__doc__ or '').strip()}"
        entry = described.setdefault(kind.status, {"model": WireError, "description": ""})
        entry["description"] = f"{entry['description']}\n\n{text}".strip()
    described["default"] = {"model": WireError, "description": "Any other error."}
    return described


def install(app: FastAPI) -> None:
    """Let the application answer errors in the one form that clients know."""
    app.add_exception_handler(SchedulerError, _scheduler_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _nobody_there)


async def _scheduler_error(request: Request, error: Exception) -> Response:
    refusal = cast("SchedulerError", error)
    return hang_up(refusal) if getattr(request.state, "body_unread", False) else answer(refusal)


async def _invalid(request: Request, error: Exception) -> Response:
    return answer(InvalidRequest(describe(cast("RequestValidationError", error).errors())))


async def _http_error(request: Request, error: Exception) -> Response:
    trouble = cast("HTTPException", error)
    status = trouble.status_code
    if status == 404:
        return answer(NotFound(_no_route(request)))
    if status == 405:
        text = f"{request.method} is not possible on {request.url.path}."
        return answer(InvalidRequest(text), status=405, headers=trouble.headers)
    return answer(InvalidRequest(str(trouble.detail)), status=status, headers=trouble.headers)


async def _nobody_there(request: Request, error: Exception) -> Response:
    return Response(status_code=400)


def _no_route(request: Request) -> str:
    asked = re.match(r"/api/v([0-9]{1,9})(/|$)", request.url.path)
    if asked and int(asked[1]) != API_VERSION:
        return (
            f"This scheduler (version {foundations.__version__}) speaks version {API_VERSION} of "
            f"the API, and version {asked[1]} was asked for. Install the same version of "
            "foundations on both sides."
        )
    return f"There is no {request.method} {request.url.path}."


def describe(problems: Sequence[Mapping[str, Any]]) -> str:
    """Say in one sentence what is wrong with a request, naming each field by its path."""
    sentences = [_problem(one) for one in problems[:SHOWN_PROBLEMS]]
    more = len(problems) - SHOWN_PROBLEMS
    if more > 0:
        sentences.append(f"and {more} more")
    return "; ".join(sentences)


def _problem(problem: Mapping[str, Any]) -> str:
    part, *path = (step for step in problem["loc"] if step != "[key]")
    name = _field(path)
    if part != "body":
        return f"{part} parameter `{name}`: {_text(problem)}"
    return f"`{name}`: {_text(problem)}" if name else f"The body: {_text(problem)}"


def _field(path: Sequence[str | int]) -> str:
    name = ""
    for step in path:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else str(step)
    return name


def _text(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return NO_SUCH_KEY
    if problem["type"] == "missing":
        return "is required"
    text = str(problem["msg"])
    return text[:1].lower() + text[1:]


class Faults:
    """ASGI middleware: an unexpected exception is logged under an id, and the answer names it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer for it when that fails."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except DatabaseClosed:
            # As if the process were gone already: the client asks again, and whoever comes next.
            if not started:
                await send(_BROKEN_OFF)
        except Exception:
            fault_id = secrets.token_hex(4)
            log.exception(
                "request_failed", fault_id=fault_id, method=scope["method"], path=scope["path"]
            )
            if started:
                # Only a broken connection tells the client that the answer is not whole.
                raise
            fault = ServerFault(
                f"The scheduler met a defect of its own (fault {fault_id}). "
                "Its log has the details under this id."
            )
            await answer(fault)(scope, receive, send)
