"""The one place where the table of who may do what is applied: before every route."""

from __future__ import annotations

import structlog
from starlette.requests import HTTPConnection

from atlas_scheduler.api.context import caller
from atlas_scheduler.core import access
from foundations.errors import Forbidden

log = structlog.get_logger(__name__)


async def admit(connection: HTTPConnection) -> None:
    """Let a request pass to its route, or refuse it.

    Raises:
        Forbidden: the role of who asks may not do this.
        NotAuthorised: nobody knows who asks.
    """
    asker = caller(connection)
    route = connection.scope["route"]
    operation = getattr(route, "operation_id", None) or route.name
    refusal = access.refusal(asker.role, operation)
    if refusal is not None:
        log.warning(
            "refused", operation=operation, user=asker.user, peer=asker.source, token=asker.token
        )
        raise Forbidden(refusal)
