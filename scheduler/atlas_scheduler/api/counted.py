"""Counts and times every request by the template of its route."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_scheduler.telemetry import Telemetry
from foundations.models import API_VERSION

NO_ROUTE = "none"
"""What is asked for where there is no route, so that nobody can make up series."""
_PREFIX = f"/api/v{API_VERSION}"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


class Counted:
    """ASGI middleware: what is answered is counted, and how long that took until it began."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and take notice of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in _METHODS else NO_ROUTE
                route = _template(scope)
                telemetry: Telemetry = scope["app"].state.service.telemetry
                telemetry.requests.labels(method, route, message["status"]).inc()
                telemetry.answer_seconds.labels(method, route).observe(time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, note)


def _template(scope: Scope) -> str:
    template: str | None = getattr(scope.get("route"), "path", None)
    if template is None:
        return NO_ROUTE
    # Releases of FastAPI differ in whether a route knows the prefix that it was included with.
    is_below = scope["path"].startswith(f"{_PREFIX}/") and not template.startswith(_PREFIX)
    return f"{_PREFIX}{template}" if is_below else template
