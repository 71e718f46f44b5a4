"""Bundles that come file by file, to test with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping

from atlas_scheduler.store.bundles import Bundles
from foundations.bundles.listing import ListedFile, Listing, digest_of
from tests.store.projects import pieces

MTIME = 1_700_000_000
LARGE = 10**9


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def listing_of(files: Mapping[str, bytes], *, mtime: int = MTIME) -> bytes:
    """The listing of a project with these files; `*.sh` are executable."""
    parents = {
        "/".join(path.split("/")[:depth])
        for path in files
        for depth in range(1, path.count("/") + 1)
    }
    listed = {
        path: ListedFile(sha256(content), len(content), mtime, path.endswith(".sh"))
        for path, content in files.items()
    }
    return Listing(listed, sorted(parents)).encode()


def frame(content: bytes, *, offset: int = 0, name: str | None = None) -> bytes:
    """A file as it is sent."""
    fields = {"sha256": name or sha256(content), "size_bytes": len(content), "offset": offset}
    return json.dumps(fields).encode() + b"\n" + content[offset:]


async def cut_off(data: bytes) -> AsyncIterator[bytes]:
    """A body whose sender goes away at its end."""
    async for piece in pieces(data, 100_000):
        yield piece
    raise ConnectionResetError("the sender is gone")


async def listed(bundles: Bundles, files: Mapping[str, bytes], *, mtime: int = MTIME) -> str:
    """Have a project stored file by file; return its digest."""
    data = listing_of(files, mtime=mtime)
    digest = digest_of(data)
    missing = bundles.listed.declare(digest, data, max_bytes=LARGE)
    by_name = {sha256(content): content for content in files.values()}
    body = b"".join(frame(by_name[name]) for name in missing)
    await bundles.listed.receive(pieces(body, 1000), max_bytes=LARGE)
    assert bundles.listed.declare(digest, data, max_bytes=LARGE) == {}
    return digest


def unframed(body: bytes) -> list[tuple[str, int, bytes]]:
    """The files of a request: digest, offset, and what was sent from there."""
    found = []
    while body:
        line, _, body = body.partition(b"\n")
        fields = json.loads(line)
        length = fields["size_bytes"] - fields["offset"]
        found.append((fields["sha256"], fields["offset"], body[:length]))
        body = body[length:]
    return found
