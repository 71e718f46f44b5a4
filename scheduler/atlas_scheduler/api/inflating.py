"""Bodies that come compressed, expanded on their way in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from functools import partial

from atlas_scheduler.store.threads import in_thread
from foundations.errors import BundleRejected, InvalidRequest

ENCODINGS = ("gzip",)
"""Values of `Content-Encoding` that mean something here, beside `identity`."""
_PIECE_BYTES = 1024 * 1024


def decoded(stream: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Undo the `Content-Encoding` of a body.

    Raises:
        InvalidRequest: it is none that is known here.
    """
    if encoding in ("", "identity"):
        return stream
    if encoding == "gzip":
        return _inflated(stream)
    raise InvalidRequest(f"The body has the Content-Encoding {encoding[:40]!r}, not gzip.")


async def _inflated(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Expand a gzip stream; what has come of one that breaks off is passed on.

    Raises:
        BundleRejected: it is damaged, ends too early, or something follows it.
    """
    inflate = zlib.decompressobj(wbits=31)
    async for chunk in stream:
        rest, piece = chunk, b""
        while rest or len(piece) == _PIECE_BYTES:
            try:
                piece = await in_thread(partial(inflate.decompress, rest, _PIECE_BYTES))
            except zlib.error as error:
                raise BundleRejected(f"The compressed files are damaged: {error}.") from error
            rest = inflate.unconsumed_tail
            if piece:
                yield piece
        if inflate.unused_data:
            raise BundleRejected("Something follows the end of the compressed files.")
    if not inflate.eof:
        raise BundleRejected("The upload ended in the middle of a file. Go on with the rest.")
