"""Bundles by digest: the packed file or a listing, durable, and the tree of files, a cache."""

from __future__ import annotations

import asyncio
import re
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

from pydantic import JsonValue

from atlas_scheduler import boot
from atlas_scheduler.store.blobs import Blobs
from atlas_scheduler.store.extraction import Extractor, Order
from atlas_scheduler.store.files import remove_tree, storage_errors, sync_directory
from atlas_scheduler.store.listed_bundles import BLOBS, ListedBundles
from atlas_scheduler.store.threads import in_thread
from atlas_scheduler.store.unpacked import Unpacked, read_unpacked
from atlas_scheduler.store.upload_space import UploadSpace
from atlas_scheduler.store.uploads import Upload
from atlas_scheduler.store.work_dirs import make_work_dir
from foundations.errors import InvalidRequest, NotFound
from foundations.home import Home
from foundations.models import BundleView

INCOMING = "incoming"
"""Where uploads lie until they are whole."""
_BATCH_BYTES = 1024 * 1024
_DIGEST = re.compile("sha256:([0-9a-f]{64})")
_PACKED_SUFFIX = ".tar.gz"
_RESUMABLE = re.compile("[0-9a-f]{64}\\.part")
"""Names of files that were cut off and can be continued."""


class Bundles:
    """The bundles of one home. A bundle is here when its packed file is; the tree follows it."""

    def __init__(
        self,
        home: Home,
        *,
        extractor: Extractor | None = None,
        boot_id: str | None = None,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the bundles of a home.

        Args:
            home: where they lie.
            extractor: unpacks them; one with the usual limits by default.
            boot_id: the machine's current boot; asked of the machine by default.
            clock_seconds: only grows.
        """
        self._directory = home.bundles
        self._incoming = home.bundles / INCOMING
        self.space = UploadSpace(self._incoming)
        self.listed = ListedBundles(
            Blobs(home.bundles / BLOBS, self._incoming, clock_seconds=clock_seconds),
            home.bundles,
            self.space.require,
        )
        self._extractor = extractor or Extractor()
        self._boot_id = boot_id or boot.boot_id()
        self._locks_guard = threading.Lock()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def sweep(self) -> None:
        """Remove what a crash left, and get ready. Call it once, before anything is received."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for path in self._incoming.iterdir():
            if not _RESUMABLE.fullmatch(path.name):
                remove_tree(path)
        for path in self._directory.iterdir():
            is_tree = path.is_dir() and path.name not in (self._incoming.name, BLOBS)
            if is_tree and not self._is_here(path.name):
                remove_tree(path)
        self._extractor.warm()

    def close(self) -> None:
        """Stop the process that waits for the next upload."""
        self._extractor.close()

    def has(self, digest: str) -> bool:
        """Say whether a bundle is here, checked and durable."""
        return self._is_here(_name(digest))

    def size_bytes(self, digest: str) -> int:
        """Return the size of the packed file, or of all files where they came one by one.

        Raises:
            NotFound: it is not here.
        """
        name = _name(digest)
        with suppress(FileNotFoundError):
            return self._packed(name).stat().st_size
        try:
            return self.listed.size_bytes(name)
        except FileNotFoundError:
            raise _missing(digest) from None

    async def receive(
        self,
        stream: AsyncIterator[bytes],
        *,
        digest: str,
        max_bytes: int,
        size_bytes: int | None = None,
    ) -> BundleView:
        """Take in a bundle: when this returns, it is checked, unpacked and durable.

        Whatever goes wrong, a caller that is cancelled included, leaves nothing behind.

        Args:
            stream: the packed file, in pieces; read to its end also when the bundle is here.
            digest: what its digest must be.
            max_bytes: how large it may be.
            size_bytes: how large the sender said it is.

        Raises:
            BundleRejected: size or digest are not as declared, or it cannot be unpacked.
            TooLarge: it is larger than `max_bytes`.
            StorageFull: there is no space for it.
        """
        name = _name(digest)
        upload = Upload(self._incoming, max_bytes=max_bytes, declared_bytes=size_bytes)
        try:
            with storage_errors():
                if self.has(digest):
                    async for piece in stream:
                        upload.announce(len(piece))
                else:
                    self.space.require(size_bytes or 0)
                    await self._receive(upload, stream, digest)
                    await in_thread(self._publish, upload, name)
        except BaseException:
            await in_thread(upload.discard)
            raise
        return BundleView(digest=digest, size_bytes=self.size_bytes(digest))

    def tree(self, digest: str) -> Path:
        """Return where a bundle is unpacked; unpack it again when the tree cannot be trusted.

        Raises:
            NotFound: the bundle is not here.
            StorageFull: there is no space to unpack it.
        """
        return self.unpacked(digest).tree

    def unpacked(self, digest: str) -> Unpacked:
        """Return a bundle's tree, as `tree` does, and what is in it."""
        name = _name(digest)
        with self._lock_of(name), storage_errors():
            directory = self._directory / name
            found = read_unpacked(directory, boot_id=self._boot_id)
            if found is None:
                self._unpack_again(name, digest)
                found = read_unpacked(directory, boot_id=self._boot_id)
            assert found is not None
            return found

    def materialise(self, digest: str, job_dir: Path, params: Mapping[str, JsonValue]) -> None:
        """Make a job's directory: its own copy of the bundle, and places for what it leaves.

        May be repeated: a complete directory stays as it is, since the job may run in it.

        Args:
            digest: the bundle.
            job_dir: the directory to make.
            params: written to `foundations_job_parameters.json` in the copy when not empty.

        Raises:
            NotFound: the bundle is not here.
            StorageFull: there is no space for the copy.
        """
        unpacked = self.unpacked(digest)
        with storage_errors():
            make_work_dir(
                job_dir,
                tree=unpacked.tree,
                manifest=unpacked.manifest,
                params=params,
                boot_id=self._boot_id,
            )

    def retire(self, digest: str) -> Path:
        """Take a bundle away in one quick step; the same bundle may be sent anew at once.

        Returns:
            Where all of it is now, to be removed at leisure; the next `sweep` would, too.
        """
        name = _name(digest)
        aside = self._incoming / uuid.uuid4().hex
        aside.mkdir(parents=True)
        with self._lock_of(name):
            # The listing first: without it nothing counts on the files.
            for path in (self.listed.path(name), self._packed(name), self._directory / name):
                with suppress(FileNotFoundError):
                    path.rename(aside / path.name)
        return aside

    def remove(self, digest: str) -> None:
        """Remove a bundle that no job needs any more; a missing one is fine."""
        self.listed.discard(self.retire(digest))

    def _is_here(self, name: str) -> bool:
        return self._packed(name).exists() or self.listed.has(name)

    def _packed(self, name: str) -> Path:
        return self._directory / f"{name}{_PACKED_SUFFIX}"

    def _lock_of(self, name: str) -> threading.Lock:
        with self._locks_guard:
            return self._locks.setdefault(name, threading.Lock())

    async def _receive(self, upload: Upload, stream: AsyncIterator[bytes], digest: str) -> None:
        pieces: list[bytes] = []
        pending_bytes = 0
        async for piece in stream:
            upload.announce(len(piece))
            pieces.append(piece)
            pending_bytes += len(piece)
            if pending_bytes >= _BATCH_BYTES:
                await in_thread(upload.write, pieces)
                pieces, pending_bytes = [], 0
        await in_thread(upload.finish, pieces, digest=digest)
        synced = asyncio.ensure_future(in_thread(upload.sync))
        try:
            await self._extractor.extract_async(self._order(upload.part, upload.content))
        finally:
            await synced

    def _order(self, archive: Path, content: Path) -> Order:
        return Order(
            archive=archive,
            destination=content / "tree",
            manifest=content / "manifest.json",
            boot_id=self._boot_id,
        )

    def _publish(self, upload: Upload, name: str) -> None:
        """Give an upload its name. The packed file comes last: it says that the bundle is here."""
        with self._lock_of(name):
            if not self._packed(name).exists():
                self._put_aside(name)
                upload.content.rename(self._directory / name)
                upload.part.rename(self._packed(name))
                sync_directory(self._directory)
        # Of one that came second everything is left; of the first, its open file.
        upload.discard()

    def _put_aside(self, name: str) -> None:
        """Remove a tree in one step as seen from outside."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        aside = self._incoming / uuid.uuid4().hex
        try:
            (self._directory / name).rename(aside)
        except FileNotFoundError:
            return
        remove_tree(aside)

    def _unpack_again(self, name: str, digest: str) -> None:
        packed = self._packed(name)
        if not self._is_here(name):
            raise _missing(digest)
        content = self._incoming / uuid.uuid4().hex
        try:
            (content / "tree").mkdir(parents=True)
            if packed.exists():
                self._extractor.extract(self._order(packed, content))
            else:
                self.listed.unpack(name, content, boot_id=self._boot_id)
            self._put_aside(name)
            content.rename(self._directory / name)
        finally:
            remove_tree(content)


def _name(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise InvalidRequest(f"Not a bundle's digest: {digest[:80]!r}.")
    return match[1]


def _missing(digest: str) -> NotFound:
    return NotFound(f"The bundle {digest} is not here. Send it again.")
