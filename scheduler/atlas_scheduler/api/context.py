"""What every route needs to know beside its parameters: the service, and who asks."""

from __future__ import annotations

import os
import pwd
from functools import cache
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Path, Request

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


@cache
def caller() -> str:
    """Name who asks: only the account that runs the server can open its socket."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
