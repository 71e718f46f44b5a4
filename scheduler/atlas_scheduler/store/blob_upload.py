"""One request that brings files: a line about each, followed by its content.

The line is JSON: `sha256`, `size_bytes`, and `offset`, how much of it the scheduler has already.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atlas_scheduler.store.blobs import RESUMABLE_BYTES, Blobs
from atlas_scheduler.store.files import copy_content
from atlas_scheduler.store.uploads import too_large
from foundations.bundles.holes import write_with_holes
from foundations.errors import BundleRejected

_LONGEST_LINE_BYTES = 1024
_SHA256 = re.compile("[0-9a-f]{64}")
_READ_BYTES = 1024 * 1024


class BlobUpload:
    """Takes in the body of a request piece by piece. Methods block; use one at a time."""

    def __init__(
        self, blobs: Blobs, *, max_bytes: int, require_space: Callable[[int], None]
    ) -> None:
        """Begin.

        Args:
            blobs: where the files go.
            max_bytes: A longer file is refused.
            require_space: raises StorageFull where so many bytes do not fit.
        """
        self._blobs = blobs
        self._require_space = require_space
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._file: _Arriving | None = None
        self._arrived: dict[str, Path] = {}
        self.file_count = 0
        """How many are complete."""

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            BundleRejected: a file is not what the line about it says.
            TooLarge: a file is larger than the scheduler accepts.
            StorageFull: there is no space for a file.
        """
        rest = memoryview(data)
        while rest:
            rest = self._read_line(rest) if self._file is None else self._file.take(rest)
            if self._file is not None and self._file.is_complete:
                self._keep(self._file)

    def finish(self) -> None:
        """Make durable what has come.

        Raises:
            BundleRejected: the body ended in the middle of a file.
        """
        is_cut_off = self._file is not None or bool(self._line)
        self.end()
        if is_cut_off:
            raise BundleRejected("The upload ended in the middle of a file. Go on with the rest.")

    def end(self, *, keep_part: bool = True) -> None:
        """Keep what is complete, after trouble too. May be repeated.

        Args:
            keep_part: whether to keep what was cut off and can be continued, as well.
        """
        if self._file is not None:
            self._file.put_down(keep=keep_part)
            self._file = None
        arrived, self._arrived = self._arrived, {}
        self._blobs.publish(arrived)

    def _read_line(self, rest: memoryview) -> memoryview:
        data = rest[:_LONGEST_LINE_BYTES].tobytes()
        end = data.find(b"\n")
        self._line += data if end < 0 else data[:end]
        if len(self._line) > _LONGEST_LINE_BYTES:
            raise BundleRejected("A line about a file is too long.")
        if end < 0:
            return rest[len(data) :]
        self._begin(bytes(self._line))
        self._line.clear()
        return rest[end + 1 :]

    def _begin(self, line: bytes) -> None:
        sha256, size_bytes, offset = _parsed(line)
        if size_bytes > self._max_bytes:
            raise too_large("A file of the bundle", self._max_bytes)
        self._require_space(size_bytes - offset)
        self._file = _Arriving(self._blobs, sha256, size_bytes, offset)

    def _keep(self, file: _Arriving) -> None:
        self._file = None
        self._arrived[file.sha256] = file.complete()
        self.file_count += 1


class _Arriving:
    """One file under way."""

    def __init__(self, blobs: Blobs, sha256: str, size_bytes: int, offset: int) -> None:
        self.sha256 = sha256
        self._blobs = blobs
        self._left_bytes = size_bytes - offset
        self._hash = hashlib.sha256()
        self._is_claimed = blobs.claim_part(sha256)
        self._path = blobs.part(sha256)
        if not self._is_claimed:
            self._path = blobs.incoming / f"{uuid.uuid4().hex}.part"
        try:
            blobs.incoming.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
        except BaseException:
            self._let_go()
            raise
        try:
            self._go_on_at(offset)
        except BaseException:
            self.put_down(keep=True)
            raise

    @property
    def is_complete(self) -> bool:
        return not self._left_bytes

    def take(self, rest: memoryview) -> memoryview:
        """Write what belongs to this file; return what comes after it."""
        mine = rest[: self._left_bytes]
        write_with_holes(self._descriptor, mine)
        self._hash.update(mine)
        self._left_bytes -= len(mine)
        return rest[len(mine) :]

    def complete(self) -> Path:
        """Check the whole, and return where it lies."""
        os.close(self._descriptor)
        try:
            if self._hash.hexdigest() != self.sha256:
                self._path.unlink()
                raise BundleRejected(
                    f"A file arrived with the digest {self._hash.hexdigest()}, not {self.sha256}: "
                    "it was changed while it was sent. Submit again."
                )
            whole = self._path.with_name(f"{uuid.uuid4().hex}.part")
            self._blobs.set_aside(self.sha256, whole)
            self._path.rename(whole)
        finally:
            # Not before: whoever claims the part next writes to what has its name.
            self._let_go()
        return whole

    def put_down(self, *, keep: bool) -> None:
        """Keep what can be continued, and remove what cannot or is not wanted."""
        size_bytes = os.fstat(self._descriptor).st_size
        os.close(self._descriptor)
        if not keep or size_bytes < RESUMABLE_BYTES or not self._becomes_the_part(size_bytes):
            self._path.unlink(missing_ok=True)
        self._let_go()

    def _becomes_the_part(self, size_bytes: int) -> bool:
        """Say whether what is continued is this: always where it was claimed, else the longer."""
        if self._is_claimed:
            return True
        self._is_claimed = self._blobs.claim_part(self.sha256)
        part = self._blobs.part(self.sha256)
        if not self._is_claimed or (part.exists() and part.stat().st_size >= size_bytes):
            return False
        self._path.rename(part)
        return True

    def _go_on_at(self, offset: int) -> None:
        if offset > os.fstat(self._descriptor).st_size:
            self._copy_beginning(offset)
        here = os.fstat(self._descriptor).st_size
        if offset > here:
            raise BundleRejected(
                f"Only {here} bytes of the file {self.sha256} are here. Submit again."
            )
        os.ftruncate(self._descriptor, offset)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        missing = offset
        while missing:
            data = os.read(self._descriptor, min(missing, _READ_BYTES))
            self._hash.update(data)
            missing -= len(data)

    def _copy_beginning(self, offset: int) -> None:
        """Take over what others have sent: they may be a connection that nobody misses yet."""
        for place in self._blobs.beginnings(self.sha256):
            if place == self._path:
                continue
            try:
                source = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue
            try:
                if os.fstat(source).st_size >= offset:
                    os.ftruncate(self._descriptor, 0)
                    return copy_content(source, self._descriptor, offset)
            finally:
                os.close(source)

    def _let_go(self) -> None:
        if self._is_claimed:
            self._blobs.release_part(self.sha256)
            self._is_claimed = False


def _parsed(line: bytes) -> tuple[str, int, int]:
    try:
        fields: Any = json.loads(line)
        sha256, size_bytes = fields["sha256"], fields["size_bytes"]
        offset = fields.get("offset", 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleRejected("A line about a file cannot be read.") from error
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise BundleRejected("A line about a file has no digest.")
    for number in (size_bytes, offset):
        if type(number) is not int or number < 0:
            raise BundleRejected("A line about a file has a size that cannot be.")
    if offset > size_bytes:
        raise BundleRejected("A line about a file begins after its end.")
    return sha256, size_bytes, offset
