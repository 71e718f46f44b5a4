"""What every route needs to know beside its parameters: the service, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Path
from starlette.requests import HTTPConnection

from atlas_scheduler.core.access import Caller, Sharing
from atlas_scheduler.metering import Meter
from foundations.errors import NotAuthorised
from foundations.models import Role

if TYPE_CHECKING:
    from atlas_scheduler.service import Service

Ref = Annotated[
    str,
    Path(
        description="A job's id, or a prefix of it that no other job has (4 characters or more).",
        max_length=64,
    ),
]


def service_of(request: HTTPConnection) -> Service:
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


def meter_of(request: HTTPConnection) -> Meter | None:
    """Return what the token of a request did lately; None for the owner, who is not counted."""
    found: Meter | None = getattr(request.state, "meter", None)
    return found


def acts_only_for(request: HTTPConnection) -> str | None:
    """Return the user whose things alone the one who asks may act on; None is everybody's."""
    asker = caller(request)
    return None if asker.role is Role.ADMIN else asker.user


def sees_only(request: HTTPConnection) -> str | None:
    """Return the user whose things alone the one who asks may see; None is everybody's."""
    is_private = service_of(request).sharing is Sharing.PRIVATE
    return acts_only_for(request) if is_private else None
