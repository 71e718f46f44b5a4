"""Expand a gzip file from pieces, within limits and in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from foundations.bundles.rules import Limits
from foundations.errors import BundleError

_STEP_BYTES = 256 * 1024
# Programs fill up to whole records, of 10 KiB by default.
_MOST_PADDING_BYTES = 1024 * 1024
_RATIO_COUNTS_FROM_BYTES = 256 * 1024 * 1024


class InflatedStream:
    """The expanded content of one gzip file."""

    def __init__(self, chunks: Iterable[bytes], limits: Limits) -> None:
        self._chunks = iter(chunks)
        self._limits = limits
        self._inflate = zlib.decompressobj(wbits=31)
        self._ready = memoryview(b"")
        self._compressed_bytes = 0
        self._expanded_bytes = 0

    def take(self, limit_bytes: int) -> memoryview:
        """Return the next bytes, at least one and at most so many."""
        if not self._ready and not self._fill():
            raise BundleError("it is cut off")
        piece, self._ready = self._ready[:limit_bytes], self._ready[limit_bytes:]
        return piece

    def read(self, size_bytes: int) -> bytes:
        """Return exactly so many bytes."""
        pieces = []
        while size_bytes:
            piece = self.take(size_bytes)
            size_bytes -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def finish(self) -> None:
        """Check that only some zeros follow, and then the end of the file.

        Raises:
            BundleError: there is more.
        """
        padding_bytes = 0
        while self._ready or self._fill():
            padding_bytes += len(self._ready)
            if padding_bytes > _MOST_PADDING_BYTES or bytes(self._ready).strip(b"\0"):
                raise BundleError("something follows its end")
            self._ready = memoryview(b"")
        if self._inflate.unused_data or any(self._chunks):
            raise BundleError("something follows its end")

    def _fill(self) -> bool:
        """Expand a bounded piece; False at the end of the file."""
        while not self._inflate.eof:
            source = self._inflate.unconsumed_tail or self._next_chunk()
            try:
                data = self._inflate.decompress(source or b"", _STEP_BYTES)
            except zlib.error as error:
                raise BundleError("it is no valid gzip file") from error
            if data:
                self._count(len(data))
                self._ready = memoryview(data)
                return True
            if source is None and not self._inflate.eof:
                raise BundleError("it is cut off")
        return False

    def _next_chunk(self) -> bytes | None:
        chunk = next(self._chunks, None)
        if chunk:
            self._compressed_bytes += len(chunk)
            if self._compressed_bytes > self._limits.compressed_bytes:
                raise BundleError(f"it is larger than {self._limits.compressed_bytes} bytes")
        return chunk

    def _count(self, size_bytes: int) -> None:
        self._expanded_bytes += size_bytes
        if self._expanded_bytes > self._limits.expanded_bytes:
            raise BundleError(f"it expands to more than {self._limits.expanded_bytes} bytes")
        if (
            self._expanded_bytes > _RATIO_COUNTS_FROM_BYTES
            and self._expanded_bytes > self._limits.ratio * self._compressed_bytes
        ):
            raise BundleError(f"it expands to more than {self._limits.ratio} times its size")
