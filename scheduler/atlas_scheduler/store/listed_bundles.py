"""Bundles that came file by file: a listing on disk, and blobs that it names."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path

from atlas_scheduler.store.blob_upload import BlobUpload
from atlas_scheduler.store.blobs import Blobs
from atlas_scheduler.store.files import remove_tree, storage_errors, write_durably
from atlas_scheduler.store.threads import finish_in_thread
from atlas_scheduler.store.uploads import too_large
from foundations.bundles.listing import Listing, digest_of, parse_listing
from foundations.errors import BundleError, BundleRejected, StorageFull

LISTING_SUFFIX = ".files"
BLOBS = "blobs"
_SIZES_KEPT = 1024
_BATCH_BYTES = 1024 * 1024


class ListedBundles:
    """The listings of one home. Everything here blocks on the disk."""

    def __init__(self, blobs: Blobs, directory: Path, require_space: Callable[[int], None]) -> None:
        """Open them.

        Args:
            blobs: what their files are made of.
            directory: where bundles lie.
            require_space: raises StorageFull where so many bytes do not fit.
        """
        self._directory = directory
        self._require_space = require_space
        self.blobs = blobs
        # A listing never changes, and every submission asks for its size.
        self._size_bytes = lru_cache(_SIZES_KEPT)(lambda name: self.read(name).size_bytes)

    def path(self, name: str) -> Path:
        """Where the listing of a bundle lies, or would; `name` is the hex part of its digest."""
        return self._directory / f"{name}{LISTING_SUFFIX}"

    def has(self, name: str) -> bool:
        """Say whether such a bundle is here."""
        return self.path(name).exists()

    def read(self, name: str) -> Listing:
        """Read a listing.

        Raises:
            FileNotFoundError: it is not here.
        """
        return parse_listing(self.path(name).read_bytes())

    def size_bytes(self, name: str) -> int:
        """Return what the files of a bundle have together.

        Raises:
            FileNotFoundError: it is not here.
        """
        if not self.has(name):
            raise FileNotFoundError(self.path(name))
        return self._size_bytes(name)

    def declare(self, digest: str, data: bytes, *, max_bytes: int) -> dict[str, tuple[int, int]]:
        """Take in a bundle by its listing, when all of its files are here.

        Args:
            digest: what the digest of the listing must be.
            data: the listing.
            max_bytes: how much its files may have together.

        Returns:
            What is missing: size, and how much of it has arrived, by the digest of the content.
            When nothing is, the bundle is here now, durable.

        Raises:
            BundleRejected: the listing is not acceptable.
            TooLarge: its files are more than is accepted.
            StorageFull: there is no space for what is missing.
        """
        found = digest_of(data)
        if found != digest:
            raise BundleRejected(f"The listing has the digest {found}, not {digest}.")
        try:
            listing = parse_listing(data)
            if listing.size_bytes > max_bytes:
                raise too_large("The bundle", max_bytes)
            with storage_errors():
                path = self.path(digest.removeprefix("sha256:"))
                missing = self.blobs.holding_all(listing, lambda: write_durably(path, data))
        except BundleError as problem:
            raise BundleRejected(f"The listing cannot be used: {problem}.") from problem
        self._require_space(sum(size - arrived for size, arrived in missing.values()))
        return missing

    async def receive(self, stream: AsyncIterator[bytes], *, max_bytes: int) -> int:
        """Take in files of bundles; returns how many are here now, durable.

        A file that was cut off stays for a while, so that it can be continued.

        Args:
            stream: the body of a request, in pieces.
            max_bytes: how large a file may be.

        Raises:
            BundleRejected: a file is not what was said about it.
            TooLarge: a file is larger than `max_bytes`.
            StorageFull: there is no space for them.
        """
        upload = BlobUpload(self.blobs, max_bytes=max_bytes, require_space=self._require_space)
        try:
            with storage_errors():
                async for batch in _batches(stream):
                    await finish_in_thread(upload.feed, batch)
                await finish_in_thread(upload.finish)
        except StorageFull:
            await finish_in_thread(partial(upload.end, keep_part=False))
            raise
        finally:
            await finish_in_thread(upload.end)
        return upload.file_count

    def unpack(self, name: str, content: Path, *, boot_id: str) -> None:
        """Make the tree of a bundle below `content`, and its manifest.

        Raises:
            FileNotFoundError: the bundle is not here.
        """
        listing = self.read(name)
        self.blobs.build_tree(listing, content / "tree")
        files = {
            path: (file.size_bytes, file.mtime_seconds * 10**9, file.mode)
            for path, file in listing.files.items()
        }
        manifest = {"boot_id": boot_id, "files": files, "directories": listing.directories}
        (content / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    def discard(self, aside: Path) -> None:
        """Remove a bundle that was put aside, with those of its files that no other one has."""
        names: set[str] = set()
        for path in aside.glob(f"*{LISTING_SUFFIX}"):
            with suppress(BundleError):
                names |= _names(parse_listing(path.read_bytes()))
        remove_tree(aside)
        self.blobs.drop(names, self._used)

    def orphans(self, *, changed_before_seconds: float) -> Iterator[Path]:
        """Find blobs that nothing has touched since a time and that no bundle has."""
        stale = self.blobs.stale(changed_before_seconds=changed_before_seconds)
        used = self._used() if stale else set()
        for name in stale:
            if name not in used:
                yield self.blobs.path(name)

    def drop_orphans(self, names: Iterable[str]) -> None:
        """Remove blobs, except for those that a bundle has by now."""
        self.blobs.drop(names, self._used)

    def _used(self) -> set[str]:
        """The blobs of every bundle."""
        found: set[str] = set()
        with os.scandir(self._directory) as entries:
            paths = [entry.path for entry in entries if entry.name.endswith(LISTING_SUFFIX)]
        for path in paths:
            with suppress(FileNotFoundError):
                found |= _names(parse_listing(Path(path).read_bytes()))
        return found


async def _batches(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join pieces to what is worth a trip to a thread."""
    pieces: list[bytes] = []
    pending_bytes = 0
    async for piece in stream:
        pieces.append(piece)
        pending_bytes += len(piece)
        if pending_bytes >= _BATCH_BYTES:
            yield b"".join(pieces)
            pieces, pending_bytes = [], 0
    yield b"".join(pieces)


def _names(listing: Listing) -> set[str]:
    return {file.sha256 for file in listing.files.values()}
