"""Connections to ports of jobs: open, read, write, close."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from atlas_scheduler.api.context import Ref, caller, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.execs import BEGINNING, FrameOffset
from atlas_scheduler.api.logs import MEDIA_TYPE
from atlas_scheduler.api.streaming import BINARY, FollowedResponse
from foundations.errors import InvalidRequest, JobConflict, NotFound
from foundations.models import ExecInput, TunnelView

TunnelId = Annotated[str, Path(description="What `open_tunnel` answered.", max_length=64)]
Port = Annotated[int, Path(description="A TCP port inside the job.", ge=1, le=65535)]

router = APIRouter(tags=["tunnels"])


@router.post(
    "/jobs/{ref}/ports/{port}/tunnels",
    operation_id="open_tunnel",
    summary="Connect to a port of a job",
    status_code=201,
    responses=BEGINNING,
)
async def open_tunnel(request: Request, ref: Ref, port: Port) -> TunnelView:
    """One TCP connection to what the job listens at; it ends with the job and the server."""
    return await service_of(request).open_tunnel(ref, port, by=caller(request).user)


@router.get(
    "/tunnels/{tunnel_id}/output",
    operation_id="read_tunnel",
    summary="Follow what a job sends through a connection",
    response_class=Response,
    responses={
        200: {
            "description": "Frames as of a command: 1 for bytes that the job sent, 3 for the end.",
            "content": {MEDIA_TYPE: BINARY},
        },
        **answers(InvalidRequest, NotFound),
    },
)
async def read_tunnel(
    request: Request, tunnel_id: TunnelId, offset: FrameOffset = 0
) -> FollowedResponse:
    """From `offset` to the end. Without a reader for a minute, the connection is closed."""
    pieces = service_of(request).read_tunnel(tunnel_id, offset)
    return FollowedResponse(pieces, media_type=MEDIA_TYPE, headers={})


@router.post(
    "/tunnels/{tunnel_id}/input",
    operation_id="write_tunnel",
    summary="Send to a job through a connection",
    status_code=204,
    response_class=Response,
    responses=answers(InvalidRequest, NotFound, JobConflict),
)
async def write_tunnel(request: Request, tunnel_id: TunnelId, piece: ExecInput) -> Response:
    """Answered once the job takes it. Bytes that came already are not sent again."""
    await service_of(request).write_tunnel(tunnel_id, piece)
    return Response(status_code=204)


@router.delete(
    "/tunnels/{tunnel_id}",
    operation_id="close_tunnel",
    summary="Close a connection to a job",
    status_code=204,
    response_class=Response,
    responses=answers(InvalidRequest, NotFound),
)
async def close_tunnel(request: Request, tunnel_id: TunnelId) -> Response:
    """Cut it, and forget it."""
    await service_of(request).close_tunnel(tunnel_id)
    return Response(status_code=204)
