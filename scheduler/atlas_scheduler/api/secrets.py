"""Routes about secrets. No answer has a value."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from atlas_scheduler.api.context import caller, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.core.access import Caller
from foundations.errors import Forbidden, InvalidRequest, NotFound, StorageFull
from foundations.models import NewSecret, Role, SecretName, SecretView, UserName

_Name = Annotated[SecretName, Path(description="Letters, digits and `_`.")]
_User = Annotated[
    UserName | None,
    Query(
        description="Whose jobs get it, as `user` of a submission says it. Who shows a token is "
        "its user, whatever this says."
    ),
]

router = APIRouter(tags=["secrets"])


@router.get(
    "/secrets",
    operation_id="secrets",
    summary="List secrets",
    responses=answers(InvalidRequest),
)
async def secrets(request: Request, user: _User = None) -> list[SecretView]:
    """Those that jobs of who asks may have, by name."""
    return await service_of(request).secrets(_user(caller(request), user))


@router.put(
    "/secrets/{name}",
    operation_id="set_secret",
    summary="Set a secret",
    responses=answers(InvalidRequest, Forbidden, StorageFull),
)
async def set_secret(
    request: Request, name: _Name, wanted: NewSecret, user: _User = None
) -> SecretView:
    """Jobs that start from now on get this value. Only an admin sets one that all users share."""
    asker = caller(request)
    return await service_of(request).set_secret(
        name,
        wanted.value.get_secret_value(),
        user=_whose(asker, user, shared=wanted.shared),
        by=asker.user,
    )


@router.delete(
    "/secrets/{name}",
    operation_id="delete_secret",
    summary="Delete a secret",
    status_code=204,
    responses=answers(InvalidRequest, NotFound, Forbidden),
)
async def delete_secret(
    request: Request,
    name: _Name,
    shared: Annotated[bool, Query(description="The one that all users share.")] = False,
    user: _User = None,
) -> None:
    """Jobs that have it keep it until they end."""
    asker = caller(request)
    whose = _whose(asker, user, shared=shared)
    await service_of(request).delete_secret(name, user=whose, by=asker.user)


def _user(asker: Caller, named: str | None) -> str:
    """The user who is meant: the owner of the home says whose jobs are theirs, and so here."""
    return asker.user if asker.token is not None or named is None else named


def _whose(asker: Caller, named: str | None, *, shared: bool) -> str | None:
    """Whose secret is meant: one user's own, or everybody's.

    Raises:
        Forbidden: it is everybody's, and the asker no admin.
    """
    if not shared:
        return _user(asker, named)
    if asker.role is not Role.ADMIN:
        raise Forbidden("Only a token with the role `admin` changes secrets that all users share.")
    return None
