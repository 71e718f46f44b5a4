"""A packed bundle on its way to a scheduler: the call, and the file piece by piece."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from foundations import calls
from foundations.errors import BundleError

PIECE_BYTES = 1024 * 1024


class Upload:
    """An open bundle file: a context manager."""

    def __init__(
        self, digest: str, path: str | Path, watch: Callable[[int], None] | None = None
    ) -> None:
        """Open the file; `watch` is told how many bytes were read so far."""
        self._watch = watch
        self._read_bytes = 0
        self._file = Path(path).open("rb")  # noqa: SIM115 - closed by __exit__
        self._left_bytes = os.fstat(self._file.fileno()).st_size
        self.call = calls.bundles.upload_bundle(digest, size_bytes=self._left_bytes)

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def piece(self) -> bytes:
        """Read the next piece; empty when the announced size is reached.

        Raises:
            BundleError: the file ends before that.
        """
        piece = self._file.read(min(PIECE_BYTES, self._left_bytes))
        if self._left_bytes and not piece:
            raise BundleError("The bundle became shorter while it was uploaded.")
        self._left_bytes -= len(piece)
        self._read_bytes += len(piece)
        if self._watch is not None:
            self._watch(self._read_bytes)
        return piece
