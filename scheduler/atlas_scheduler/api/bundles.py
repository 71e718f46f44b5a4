"""Routes that take in bundles."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from fastapi import APIRouter, Request, Response

from atlas_scheduler.api.context import meter_of, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.inflating import ENCODINGS, decoded
from atlas_scheduler.api.signing import bounds_of
from atlas_scheduler.api.streaming import BINARY
from atlas_scheduler.store.uploads import too_large
from foundations.bundles.listing import LARGEST_LISTING_BYTES
from foundations.errors import BundleRejected, InvalidRequest, StorageFull, TooLarge, TooMany
from foundations.models import BundleView, Digest, FilesReceived, MissingFiles

IDLE_SECONDS = 60.0
"""Longest pause in an upload, so that a stalled sender cannot hold its connection."""
SLOWEST_BYTES_PER_SECOND = 1024
"""What a sender must reach in the long run, so that one who drips cannot either."""

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
    return await service_of(request).receive_bundle(
        digest, _counted(request, _body(request)), size_bytes=None if size is None else int(size)
    )


@router.put(
    "/bundles/{digest}/files",
    operation_id="declare_bundle",
    summary="Say what is in a bundle",
    responses=answers(InvalidRequest, BundleRejected, TooLarge, TooMany, StorageFull),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": BINARY}}},
)
async def declare_bundle(request: Request, digest: Digest) -> MissingFiles:
    """The body is the listing that the digest names. When no file is missing the bundle is here,
    durable; else send those, and then this again."""
    listing = bytearray()
    async for piece in _counted(request, _body(request)):
        listing += piece
        if len(listing) > LARGEST_LISTING_BYTES:
            raise too_large("The listing of the bundle", LARGEST_LISTING_BYTES)
    declare = service_of(request).declare_bundle
    found = await declare(digest, bytes(listing), bounds=bounds_of(request))
    return found.model_copy(update={"encodings": list(ENCODINGS)})


@router.post(
    "/bundles/files",
    operation_id="send_files",
    summary="Send files of bundles",
    responses=answers(InvalidRequest, BundleRejected, TooLarge, StorageFull),
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/octet-stream": BINARY}}
    },
)
async def send_files(request: Request) -> FilesReceived:
    """For each file a line of JSON (`sha256`, `size_bytes`, `offset`) and its content from there.
    They are checked, and durable, when this answers. With `Content-Encoding: gzip` all of it is
    compressed."""
    encoding = request.headers.get("content-encoding", "")
    stream = decoded(_body(request), encoding.strip().lower())
    return await service_of(request).receive_files(_counted(request, stream))


async def _counted(request: Request, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass on what comes, as it will be kept.

    Raises:
        TooMany: the token sends more than it may.
    """
    meter = meter_of(request)
    async for chunk in stream:
        if meter is not None:
            meter.count_sent(len(chunk))
        yield chunk


async def _body(request: Request) -> AsyncIterator[bytes]:
    """Yield the body, and note when all of it was read.

    Raises:
        InvalidRequest: the sender stalled.
    """
    stream = request.stream()
    # Only waiting for the sender uses it up, and what they send fills it again.
    patience_seconds = IDLE_SECONDS
    while True:
        began_seconds = anyio.current_time()
        try:
            with anyio.fail_after(patience_seconds):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise InvalidRequest(
                f"The upload stalled, or was slower than {SLOWEST_BYTES_PER_SECOND} bytes a "
                f"second, for {IDLE_SECONDS:.0f} s."
            ) from None
        if chunk is None:
            request.state.body_unread = False
            return
        patience_seconds -= anyio.current_time() - began_seconds
        earned_seconds = len(chunk) / SLOWEST_BYTES_PER_SECOND
        patience_seconds = min(IDLE_SECONDS, patience_seconds + earned_seconds)
        if chunk:
            yield chunk
