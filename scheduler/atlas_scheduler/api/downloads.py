"""Downloads that can be gone on with after a cut: from a byte, if it is still the same file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, BinaryIO

from fastapi import Header, Query

from atlas_scheduler.api.streaming import (
    BINARY,
    CHUNK_BYTES,
    StreamedResponse,
    attachment,
    from_thread,
)

Offset = Annotated[
    int, Query(ge=0, le=2**60, description="First byte to send, of the file that If-Range names.")
]
SameAs = Annotated[
    str | None, Header(alias="If-Range", description="The ETag of what was cut off.")
]
HEADERS: dict[str, object] = {
    "ETag": {"description": "Names these bytes.", "schema": {"type": "string"}},
    "X-Offset": {
        "description": "The position of the first byte: 0 where the file is another one by now.",
        "schema": {"type": "integer"},
    },
}
ONE_FILE: dict[str, object] = {
    "description": "The file, byte for byte.",
    "content": {"application/octet-stream": BINARY},
    "headers": HEADERS,
}


def file_answer(
    file: BinaryIO, *, name: str, offset: int = 0, same_as: str | None = None
) -> StreamedResponse:
    """Answer with a file as long as it is now, from `offset` on, and close it at the end."""
    status = os.fstat(file.fileno())
    tag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    start = min(offset, status.st_size) if tag == same_as else 0
    file.seek(start)
    rest_bytes = status.st_size - start
    return StreamedResponse(
        from_thread(_first(file, rest_bytes)),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(rest_bytes),
            **_place(tag, start),
            **attachment(name),
        },
        file=file,
    )


def archive_answer(
    pieces: Iterator[bytes],
    *,
    name: str,
    tag: str | None = None,
    offset: int = 0,
    same_as: str | None = None,
) -> StreamedResponse:
    """Answer with an archive that is packed while it is sent.

    What was sent before is packed again and left out. `tag` names the bytes; None where they may
    be others the next time.
    """
    start = offset if tag is not None and tag == same_as else 0
    return StreamedResponse(
        from_thread(_after(pieces, start)),
        media_type="application/gzip",
        headers={**attachment(name), **({} if tag is None else _place(tag, start))},
    )


def _place(tag: str, start: int) -> dict[str, str]:
    return {"ETag": tag, "X-Offset": str(start)}


def _first(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    """Read so many bytes and no more, also when the file grows meanwhile."""
    while size_bytes and (piece := file.read(min(CHUNK_BYTES, size_bytes))):
        size_bytes -= len(piece)
        yield piece


def _after(pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    for piece in pieces:
        if start < len(piece):
            yield piece[start:]
        start = max(0, start - len(piece))
