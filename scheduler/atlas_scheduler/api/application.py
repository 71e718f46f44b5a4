"""Puts the routes, the error answers and the guards together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.middleware import Middleware
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import foundations
from atlas_scheduler.api import (
    archives,
    arrays,
    bundles,
    changes,
    environments,
    errors,
    execs,
    files,
    garbage,
    images,
    info,
    jobs,
    logs,
    metrics,
    projects,
    queue,
    remarks,
    schedules,
    secrets,
    tokens,
    tunnels,
    watching,
)
from atlas_scheduler.api.admission import admit
from atlas_scheduler.api.counted import Counted
from atlas_scheduler.api.guard import Guard, SmallBodies
from atlas_scheduler.core.listening import HostNames
from foundations.models import API_VERSION

if TYPE_CHECKING:
    from atlas_scheduler.service import Service

PREFIX = f"/api/v{API_VERSION}"
_BELOW_PREFIX = (
    *(info, bundles, jobs, archives, execs, arrays, files, remarks, metrics, logs, changes, queue),
    *(projects, schedules, secrets, garbage, tunnels, tokens, environments, images),
)
"""In this order they stand in the description of the API."""


class VersionHeader:
    """ASGI middleware: every answer says by its headers which Atlas it comes from."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the header to its answer."""

        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Atlas-Version"] = foundations.__version__
            await send(message)

        await self.app(scope, receive, stamp)


def create_app(service: Service, *, hosts: HostNames | None = None) -> FastAPI:
    """Make the HTTP application of a scheduler, which answers those who come through a `Door`.

    Args:
        service: answers the requests.
        hosts: names under which the server may be asked, beside those of its own machine: `name`
            for any port, or `name:port`.
    """
    app = FastAPI(
        title="Atlas",
        summary="A scheduler for machine-learning jobs.",
        version=foundations.__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(admit)],
        middleware=[
            Middleware(Counted),
            Middleware(VersionHeader),
            Middleware(errors.Faults),
            Middleware(Guard, hosts=hosts or HostNames()),
            Middleware(SmallBodies, uploads=f"{PREFIX}/bundles/"),
        ],
    )
    app.state.service = service
    app.state.closing = asyncio.Event()
    errors.install(app)
    for part in _BELOW_PREFIX:
        app.include_router(part.router, prefix=PREFIX)
    app.include_router(watching.router)
    return app


def end_followers(app: FastAPI) -> None:
    """End every followed log and feed in good order, now and from now on.

    To be called, on the server's event loop, when the server begins to stop: it then need not wait
    for them. Clients ask again, from where they are, as soon as a server answers.
    """
    closing: asyncio.Event = app.state.closing
    closing.set()
