"""Bundles, packed or file by file."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from atlas_scheduler.core.bounds import Bounds
from foundations.bundles.listing import digest_of, distinct, parse_listing
from foundations.errors import BundleRejected, TooLarge
from foundations.models import BundleView, FilesReceived, MissingFile, MissingFiles
from tests.api.fake_service.state import State
from tests.store.listings import unframed

BUNDLE = b"a packed directory"
DIGEST = f"sha256:{hashlib.sha256(BUNDLE).hexdigest()}"


class Bundles(State):
    """Bundles, packed or file by file, in memory."""

    async def has_bundle(self, digest: str) -> bool:
        return digest in self.bundles

    async def receive_bundle(
        self, digest: str, stream: AsyncIterator[bytes], *, size_bytes: int | None = None
    ) -> BundleView:
        if (size_bytes or 0) > self.max_bundle_bytes:
            raise TooLarge(f"The bundle is larger than {self.max_bundle_bytes} bytes.")
        data = bytearray()
        self.incoming += 1
        self.announce()
        try:
            async for chunk in stream:
                data += chunk
                if len(data) > self.max_bundle_bytes:
                    raise TooLarge(f"The bundle is larger than {self.max_bundle_bytes} bytes.")
        finally:
            self.incoming -= 1
            self.announce()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise BundleRejected("The upload is not what its digest says.")
        self.bundles[digest] = bytes(data)
        return BundleView(digest=digest, size_bytes=len(data))

    async def declare_bundle(
        self, digest: str, listing: bytes, *, bounds: Bounds | None = None
    ) -> MissingFiles:
        if digest_of(listing) != digest:
            raise BundleRejected("The listing is not what its digest says.")
        missing = [
            MissingFile(sha256=sha256, size_bytes=size_bytes)
            for sha256, size_bytes in distinct(parse_listing(listing).files.values()).items()
            if sha256 not in self.blobs
        ]
        if not missing:
            self.bundles[digest] = listing
        return MissingFiles(missing=missing)

    async def receive_files(self, stream: AsyncIterator[bytes]) -> FilesReceived:
        self.incoming += 1
        self.announce()
        try:
            found = unframed(b"".join([piece async for piece in stream]))
        finally:
            self.incoming -= 1
            self.announce()
        for name, _, content in found:
            if hashlib.sha256(content).hexdigest() != name:
                raise BundleRejected("A file is not what its digest says.")
            self.blobs[name] = content
        return FilesReceived(files=len(found))
