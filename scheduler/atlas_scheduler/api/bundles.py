"""Routes that take in bundles."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from fastapi import APIRouter, Request, Response

from atlas_scheduler.api.context import service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.streaming import BINARY
from foundations.errors import BundleRejected, InvalidRequest, StorageFull, TooLarge
from foundations.models import BundleView, Digest

IDLE_SECONDS = 60.0
"""Longest pause in an upload, so that a stalled sender cannot hold its connection."""

router = APIRouter(tags=["bundles"])


@router.head(
    "/bundles/{digest}",
    operation_id="has_bundle",
    summary="Whether a bundle is here",
    response_class=Response,
    responses={404: {"description": "It must be uploaded."}, **answers(InvalidRequest)},
)
async def has_bundle(request: Request, digest: Digest) -> Response:
    """A bundle that is here need not be sent again."""
    found = await service_of(request).has_bundle(digest)
    return Response(status_code=200 if found else 404)


@router.put(
    "/bundles/{digest}",
    operation_id="upload_bundle",
    summary="Upload a bundle",
    status_code=201,
    responses=answers(InvalidRequest, BundleRejected, TooLarge, StorageFull),
    openapi_extra={"requestBody": {"required": True, "content": {"application/gzip": BINARY}}},
)
async def upload_bundle(request: Request, digest: Digest) -> BundleView:
    """The body is the packed file itself. It is checked, and durable, when this answers."""
    size = request.headers.get("content-length")
    request.state.body_unread = True
    return await service_of(request).receive_bundle(
        digest, _body(request), size_bytes=None if size is None else int(size)
    )


async def _body(request: Request) -> AsyncIterator[bytes]:
    """Yield the body, and note when all of it was read.

    Raises:
        InvalidRequest: the sender stalled.
    """
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(IDLE_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise InvalidRequest(f"The upload stalled for {IDLE_SECONDS:.0f} s.") from None
        if chunk is None:
            request.state.body_unread = False
            return
        if chunk:
            yield chunk
