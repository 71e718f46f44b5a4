"""What every route needs to know beside its parameters: the service, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Path, Request
from starlette.requests import HTTPConnection

from atlas_scheduler.core.access import Caller
from foundations.errors import NotAuthorised

if TYPE_CHECKING:
    from atlas_scheduler.service import Service

Ref = Annotated[
    str,
    Path(
        description="A job's id, or a prefix of it that no other job has (4 characters or more).",
        max_length=64,
    ),
]


def service_of(request: Request) -> Service:
    """Return the service that the application was made for."""
    return cast("Service", request.app.state.service)


def caller(request: HTTPConnection) -> Caller:
    """Name who asks, as the door found it.

    Raises:
        NotAuthorised: the request came through no door.
    """
    found: Caller | None = getattr(request.state, "caller", None)
    if found is None:
        raise NotAuthorised("This request came through no door of the server.")
    return found
