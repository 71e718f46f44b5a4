"""One upload under way: what has arrived, its size and its digest so far."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path

from atlas_scheduler.store.files import remove_tree, write_all
from foundations.errors import BundleRejected, TooLarge

PART_SUFFIX = ".part"


def too_large(what: str, max_bytes: int) -> TooLarge:
    """Say that something is larger than is accepted, and what to do."""
    return TooLarge(
        f"{what} is larger than the {max_bytes} bytes that the scheduler accepts. "
        "Leave large files out with .foundationsignore, and give them to the job as a volume."
    )


class Upload:
    """Files of one upload in the directory for those; nothing of it counts until it is published.

    Methods that touch the disk block. `discard` waits for the one that runs.
    """

    def __init__(self, incoming: Path, *, max_bytes: int, declared_bytes: int | None) -> None:
        """Prepare; nothing is made before the first `write`.

        Args:
            incoming: the directory for uploads.
            max_bytes: more is refused.
            declared_bytes: what the sender said it would send; None when it did not say.

        Raises:
            TooLarge: the sender has declared more than is accepted.
        """
        name = uuid.uuid4().hex
        self.part = incoming / f"{name}{PART_SUFFIX}"
        """What has arrived."""
        self.content = incoming / name
        """Where it is unpacked."""
        self._max_bytes = max_bytes
        self._declared_bytes = declared_bytes
        self._announced_bytes = 0
        self._hash = hashlib.sha256()
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._is_discarded = False
        if declared_bytes is not None and declared_bytes > max_bytes:
            raise self._too_large()

    @property
    def size_bytes(self) -> int:
        """How much has been announced."""
        return self._announced_bytes

    def announce(self, size_bytes: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            TooLarge: they are more than the scheduler accepts.
            BundleRejected: they are more than the sender declared.
        """
        self._announced_bytes += size_bytes
        if self._announced_bytes > self._max_bytes:
            raise self._too_large()
        if self._declared_bytes is not None and self._announced_bytes > self._declared_bytes:
            raise self._wrong_size()

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append pieces."""
        with self._lock:
            if self._is_discarded:
                return
            descriptor = self._open()
            for piece in pieces:
                write_all(descriptor, piece)
                self._hash.update(piece)

    def finish(self, pieces: Sequence[bytes], *, digest: str) -> None:
        """Append the last pieces and judge the whole; after that it may be unpacked.

        Raises:
            BundleRejected: size or digest are not what the sender said.
        """
        self.write(pieces)
        with self._lock:
            if self._is_discarded:
                return
            if self._declared_bytes not in (None, self._announced_bytes):
                raise self._wrong_size()
            arrived = f"sha256:{self._hash.hexdigest()}"
            if arrived != digest:
                raise BundleRejected(
                    f"The bundle arrived with the digest {arrived}, not {digest}. Send it again."
                )
            self._open()
            self.content.mkdir()
            (self.content / "tree").mkdir()

    def sync(self) -> None:
        """Make what has arrived durable."""
        with self._lock:
            if not self._is_discarded:
                os.fsync(self._open())

    def discard(self) -> None:
        """Remove what is left of it, after whatever runs has ended."""
        with self._lock:
            self._is_discarded = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            self.part.unlink(missing_ok=True)
            remove_tree(self.content)

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(
                self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        return self._descriptor

    def _too_large(self) -> TooLarge:
        return too_large("The bundle", self._max_bytes)

    def _wrong_size(self) -> BundleRejected:
        return BundleRejected(
            f"The bundle arrived with {self._announced_bytes} bytes or more, not the "
            f"{self._declared_bytes} that were declared. Send it again."
        )
