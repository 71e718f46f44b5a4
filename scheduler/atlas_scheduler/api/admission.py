"""The one place where the rules of who may do what are applied: before every route."""

from __future__ import annotations

import structlog
from starlette.requests import HTTPConnection

from atlas_scheduler.api.context import caller, meter_of, service_of
from atlas_scheduler.core import access
from atlas_scheduler.core.access import Caller, Sharing, Standing, Thing
from atlas_scheduler.store import acting
from atlas_scheduler.telemetry import Refusal
from foundations.errors import AmbiguousJob, Forbidden, NotFound, TooMany

_PARAMETERS: dict[Thing, tuple[str, ...]] = {
    Thing.PROJECT: ("name",),
    Thing.DELETED_PROJECT: ("name",),
    Thing.EXEC: ("exec_id",),
    Thing.TUNNEL: ("tunnel_id",),
}
"""Which parts of a path name a thing; of those that are not here `ref` and `other`."""

log = structlog.get_logger(__name__)


async def admit(connection: HTTPConnection) -> None:
    """Let a request pass to its route, or refuse it.

    Raises:
        Forbidden: the role of who asks may not do this, or somebody else owns what it is about.
        NotAuthorised: nobody knows who asks.
        NotFound: what it is about is not there, or not for who asks.
        TooMany: the token submits too often.
    """
    asker = caller(connection)
    route = connection.scope["route"]
    operation = getattr(route, "operation_id", None) or route.name
    refusal = access.refusal(asker.role, operation)
    if refusal is not None:
        _count(connection, Forbidden.status, "role")
        raise _refused(asker, operation, refusal)
    acting.act_from(asker.source, asker.token)
    meter = meter_of(connection)
    if meter is not None and access.RULES[operation].submits:
        try:
            meter.count_submit()
        except TooMany as error:
            _count(connection, error.status, "submits")
            raise
    thing = access.RULES[operation].thing
    if thing is None:
        return
    path = connection.path_params
    for name in _PARAMETERS.get(thing, ("ref", "other")):
        if name in path:
            acts = access.RULES[operation].acts
            # The whole id from here on: a route acts on the very thing that was judged.
            path[name] = await require(connection, thing, path[name], acts=acts)


async def require(connection: HTTPConnection, thing: Thing, ref: str, *, acts: bool) -> str:
    """Refuse what somebody may not see, or with `acts` not act on.

    Returns:
        What names it exactly, unless it does not matter whose it is: then it is not looked for.

    Raises:
        Forbidden: somebody else owns it.
        NotFound: it is not there, or not for who asks.
    """
    asker, service = caller(connection), service_of(connection)
    if access.is_open(asker, acts=acts, sharing=service.sharing):
        return ref
    try:
        owned = await service.ownership.of(thing, ref)
    except AmbiguousJob as error:
        if service.sharing is Sharing.PRIVATE:  # the message names things of others
            raise NotFound(f"{ref!r} fits several, or none. Give the whole id.") from error
        raise
    found = access.standing(asker, owned.users, acts=acts, sharing=service.sharing)
    if found is Standing.HIDDEN:
        raise NotFound(f"There is no {thing} {ref!r} that you may see.")
    if found is Standing.FORBIDDEN:
        others = ", ".join(f"`{user}`" for user in sorted(owned.users - {asker.user}))
        _count(connection, Forbidden.status, "owner")
        text = f"The {thing} {owned.ref!r} belongs to {others}: only they or an admin may do this."
        raise _refused(asker, f"{thing} {owned.ref}", text)
    return owned.ref


def _count(connection: HTTPConnection, status: int, reason: Refusal) -> None:
    service_of(connection).telemetry.refused(status, reason)


def _refused(asker: Caller, what: str, why: str) -> Forbidden:
    log.warning("refused", what=what, user=asker.user, peer=asker.source, token=asker.token)
    return Forbidden(why)
