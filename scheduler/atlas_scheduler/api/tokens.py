"""Routes about who asks, and about the tokens by which they are known."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from atlas_scheduler.api.context import caller, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import InvalidRequest, JobConflict, NotFound, StorageFull
from foundations.models import CallerView, MadeToken, NewToken, RotateToken, TokenView

router = APIRouter(tags=["access"])

TokenRef = Annotated[str, Path(description="A token's id or its name.", max_length=100)]


@router.get("/caller", operation_id="whoami", summary="Who asks", responses=answers())
async def whoami(request: Request) -> CallerView:
    """As whom the scheduler knows the one who asks this, and what they may do."""
    asker = caller(request)
    return CallerView(user=asker.user, role=asker.role, source=asker.source, token_id=asker.token)


@router.get("/tokens", operation_id="tokens", summary="List tokens", responses=answers())
async def tokens(request: Request) -> list[TokenView]:
    """Every token, the oldest first; those that hold no longer too."""
    return service_of(request).tokens.views()


@router.post(
    "/tokens",
    operation_id="create_token",
    summary="Make a token",
    status_code=201,
    responses=answers(InvalidRequest, StorageFull),
)
async def create_token(request: Request, wanted: NewToken) -> MadeToken:
    """The answer has the secret. It is not kept, and nobody can ask for it again."""
    return await service_of(request).tokens.create(wanted, by=caller(request).user)


@router.post(
    "/tokens/{ref}/rotate",
    operation_id="rotate_token",
    summary="Replace a token",
    status_code=201,
    responses=answers(InvalidRequest, NotFound, JobConflict, StorageFull),
)
async def rotate_token(request: Request, ref: TokenRef, wanted: RotateToken) -> MadeToken:
    """The new one lives as long as the old one was made for, which holds for a while yet."""
    return await service_of(request).tokens.rotate(
        ref, overlap_seconds=wanted.overlap_seconds, by=caller(request).user
    )


@router.delete(
    "/tokens/{ref}",
    operation_id="revoke_token",
    summary="Revoke a token",
    responses=answers(InvalidRequest, NotFound),
)
async def revoke_token(request: Request, ref: TokenRef) -> list[TokenView]:
    """It holds no longer, from now on. By a name, every token that has it."""
    return await service_of(request).tokens.revoke(ref, by=caller(request).user)
