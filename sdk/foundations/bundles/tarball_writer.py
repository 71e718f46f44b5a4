"""Write a tar.gz piece by piece: the same content always gives the same bytes."""

from __future__ import annotations

import struct
import zlib
from typing import Literal

BLOCK_BYTES = 512
READ_BYTES = 256 * 1024
"""How much of a file is read, and judged for compression, at once."""

END = bytes(2 * BLOCK_BYTES)
"""What closes a tar stream."""

Kind = Literal["file", "directory", "link"]

_TYPE_FLAGS: dict[Kind, bytes] = {"file": b"0", "link": b"2", "directory": b"5"}
_MODES: dict[Kind, int] = {"file": 0o644, "link": 0o777, "directory": 0o755}
_OCTAL_LIMIT = 8**11
_NAME_BYTES = 100
_PREFIX_BYTES = 155
_STORED_BLOCK_BYTES = 65535
_SAMPLE_BYTES = 8 * 1024
_WORTH = 0.97


def encode_member(  # noqa: PLR0913 - what a header says, one each
    path: str,
    *,
    kind: Kind = "file",
    size_bytes: int = 0,
    executable: bool = False,
    private: bool = False,
    mtime_seconds: int = 0,
    target: str = "",
) -> bytes:
    """Return the header blocks of one member, owned by nobody in particular.

    Args:
        path: Name in the archive, parts joined with `/`, without one at the end.
        kind: What it is.
        size_bytes: Length of the content that follows.
        executable: Whether a file gets mode 0755 instead of 0644.
        private: Whether nobody but its owner has any rights to it.
        mtime_seconds: Time of change; what a tar header cannot hold is clamped.
        target: Where a link leads.
    """
    name = path.encode() + (b"/" if kind == "directory" else b"")
    link = target.encode()
    mode = 0o755 if executable and kind == "file" else _MODES[kind]
    if private:
        mode &= 0o700
    mtime = min(max(mtime_seconds, 0), _OCTAL_LIMIT - 1)
    extended = {}
    split = _split_name(name)
    if split is None:
        extended["path"] = name
        split = (b"", name[:_NAME_BYTES])
    if len(link) > _NAME_BYTES:
        extended["linkpath"] = link
    if size_bytes >= _OCTAL_LIMIT:
        extended["size"] = str(size_bytes).encode()
    header = _header(
        split,
        flag=_TYPE_FLAGS[kind],
        mode=mode,
        size_bytes=size_bytes if size_bytes < _OCTAL_LIMIT else 0,
        mtime_seconds=mtime,
        link=link[:_NAME_BYTES],
    )
    return _pax_header(extended) + header if extended else header


def padding(size_bytes: int) -> bytes:
    """Return what follows content of this size, up to the next whole block."""
    return bytes(-size_bytes % BLOCK_BYTES)


class GzipEncoder:
    """Compresses quickly, and stores what does not compress: weights, images, archives.

    The header holds no name and no time, so that equal content gives equal bytes.
    """

    def __init__(self, *, worth: float = _WORTH) -> None:
        """Begin; a piece is stored whose beginning does not shrink to so much of its size."""
        self._worth = worth
        self._deflate = self._new_deflate()
        self._deflate_is_empty = True
        self._checksum = 0
        self._size_bytes = 0

    @staticmethod
    def header() -> bytes:
        """Return what comes before everything else."""
        return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"

    def encode(self, data: bytes) -> bytes:
        """Take the next piece of content; return what is ready of the file, possibly nothing."""
        self._checksum = zlib.crc32(data, self._checksum)
        self._size_bytes += len(data)
        if self._is_not_worth_it(data):
            return self._flush() + b"".join(_stored_blocks(data))
        self._deflate_is_empty = False
        return self._deflate.compress(data)

    def finish(self) -> bytes:
        """Return the rest of the file."""
        trailer = struct.pack("<LL", self._checksum, self._size_bytes & 0xFFFFFFFF)
        return self._deflate.flush(zlib.Z_FINISH) + trailer

    def _is_not_worth_it(self, data: bytes) -> bool:
        if len(data) < _SAMPLE_BYTES:
            return False
        sample = data[:_SAMPLE_BYTES]
        return len(zlib.compress(sample, 1)) > self._worth * len(sample)

    def _flush(self) -> bytes:
        """End the compressed part on a whole byte, so that stored blocks can follow."""
        if self._deflate_is_empty:
            return b""
        self._deflate_is_empty = True
        return self._deflate.flush(zlib.Z_FULL_FLUSH)

    @staticmethod
    def _new_deflate() -> zlib._Compress:
        return zlib.compressobj(level=1, method=zlib.DEFLATED, wbits=-15)


def _stored_blocks(data: bytes) -> list[bytes]:
    """Wrap data as uncompressed deflate blocks."""
    blocks = []
    for start in range(0, len(data), _STORED_BLOCK_BYTES):
        piece = data[start : start + _STORED_BLOCK_BYTES]
        blocks += [struct.pack("<BHH", 0, len(piece), len(piece) ^ 0xFFFF), piece]
    return blocks


def _split_name(name: bytes) -> tuple[bytes, bytes] | None:
    """Split a name into the header's prefix and name fields; None when it does not fit."""
    if len(name) <= _NAME_BYTES:
        return b"", name
    cut = name.find(b"/", len(name) - _NAME_BYTES - 1, -1)
    if cut < 1 or cut > _PREFIX_BYTES:
        return None
    return name[:cut], name[cut + 1 :]


def _header(
    name: tuple[bytes, bytes],
    *,
    flag: bytes,
    mode: int = 0o644,
    size_bytes: int = 0,
    mtime_seconds: int = 0,
    link: bytes = b"",
) -> bytes:
    """Return a header block; the name is given as prefix and rest."""
    header = b"".join(
        (
            name[1].ljust(_NAME_BYTES, b"\0"),
            b"%07o\0" % mode,
            b"%07o\0" % 0,
            b"%07o\0" % 0,
            b"%011o\0" % size_bytes,
            b"%011o\0" % mtime_seconds,
            b" " * 8,
            flag,
            link.ljust(_NAME_BYTES, b"\0"),
            b"ustar\x0000",
            bytes(32 + 32 + 8 + 8),
            name[0].ljust(_PREFIX_BYTES, b"\0"),
            bytes(12),
        )
    )
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _pax_header(records: dict[str, bytes]) -> bytes:
    body = b"".join(_pax_record(key.encode(), value) for key, value in records.items())
    return _header((b"", b"pax"), flag=b"x", size_bytes=len(body)) + body + padding(len(body))


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Return `length key=value`, where the length counts itself."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest
