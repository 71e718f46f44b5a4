"""Read a tar.gz as a stream, with limits, and trust nothing in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from foundations.bundles.inflated_stream import InflatedStream
from foundations.bundles.rules import Limits, link_problem, name_problem, quoted
from foundations.bundles.tarball_writer import BLOCK_BYTES, Kind
from foundations.errors import BundleError

_ZERO_BLOCK = bytes(BLOCK_BYTES)

_NAME = slice(0, 100)
_MODE = slice(100, 108)
_SIZE = slice(124, 136)
_MTIME = slice(136, 148)
_CHECKSUM = slice(148, 156)
_FLAG = slice(156, 157)
_LINK = slice(157, 257)
_MAGIC = slice(257, 265)
_PREFIX = slice(345, 500)

_POSIX_MAGIC = b"ustar\x0000"
_GNU_MAGIC = b"ustar  \0"
_EXTENSIONS = b"xgLK"
_KINDS: dict[bytes, Kind] = {b"0": "file", b"\0": "file", b"2": "link", b"5": "directory"}
_OTHER_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a named pipe",
    b"7": "a contiguous file",
    b"D": "a directory dump",
    b"M": "part of another volume",
    b"S": "a sparse file",
    b"V": "a volume label",
}

_PAX_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_PAX_SIZE = re.compile(rb"[0-9]{1,19}")
_PAX_TIME = re.compile(rb"(-?)([0-9]{1,12})(?:\.([0-9]{1,30}))?")
_OCTAL = re.compile(rb"[ ]*([0-7]*)[ \0]*")
_LATEST_TIME_SECONDS = 8**11 - 1


class Member(NamedTuple):
    """One member whose header has been judged."""

    path: str
    """Relative, parts joined with `/`; empty for the top directory itself."""
    kind: Kind
    size_bytes: int
    executable: bool
    private: bool
    """Whether it is for its owner only."""
    mtime_ns: int
    target: str
    """Where a link leads."""


class TarballReader:
    """Reads members in order; each one's content must be read before the next member."""

    def __init__(self, chunks: Iterable[bytes], *, limits: Limits, links: bool) -> None:
        """Prepare to read.

        Args:
            chunks: the packed file, in pieces of any size.
            limits: what is refused for being too much.
            links: whether relative symbolic links that stay inside are accepted.
        """
        self._stream = InflatedStream(chunks, limits)
        self._limits = limits
        self._links = links
        self._unread_bytes = 0
        self._extended: dict[str, bytes] = {}
        self._extended_bytes = 0

    def members(self) -> Iterator[Member]:
        """Yield every member, and check that the archive ends as it should.

        Raises:
            BundleError: the archive is damaged, or has something that is not accepted.
        """
        count = 0
        while (header := self._stream.read(BLOCK_BYTES)) != _ZERO_BLOCK:
            _check_header(header)
            if header[_FLAG] in _EXTENSIONS:
                self._read_extension(header)
                continue
            count += 1
            if count > self._limits.members:
                raise BundleError(f"it has more than {self._limits.members} members")
            member = self._judge(header)
            self._extended, self._extended_bytes = {}, 0
            self._unread_bytes = member.size_bytes
            yield member
            self._stream.read(-member.size_bytes % BLOCK_BYTES)
        if self._extended:
            raise BundleError("an extended header has no member")
        if self._stream.read(BLOCK_BYTES) != _ZERO_BLOCK:
            raise BundleError("its end is damaged")
        self._stream.finish()

    def content(self) -> Iterator[memoryview]:
        """Yield the content of the member that was yielded last."""
        while self._unread_bytes:
            piece = self._stream.take(self._unread_bytes)
            self._unread_bytes -= len(piece)
            yield piece

    def _judge(self, header: bytes) -> Member:
        path = self._path(header)
        try:
            return self._judge_named(header, path)
        except BundleError as problem:
            raise BundleError(f"member {quoted(path)}: {problem}") from None

    def _judge_named(self, header: bytes, path: str) -> Member:
        flag = header[_FLAG]
        kind = _KINDS.get(flag)
        if kind is None or (kind == "link" and not self._links):
            what = _OTHER_KINDS.get(flag, f"of the unknown type {quoted(chr(flag[0]))}")
            raise BundleError(f"it is {what}; only regular files and directories are accepted")
        path = _relative(path, kind)
        if path and (problem := name_problem(path, self._limits)):
            raise BundleError(problem)
        size_bytes = self._size(header)
        if kind != "file" and size_bytes:
            raise BundleError("only a file can have content")
        target = self._target(header, path) if kind == "link" else ""
        mode = _number(header[_MODE], "mode")
        return Member(
            path=path,
            kind=kind,
            size_bytes=size_bytes,
            executable=bool(mode & 0o100),
            private=not mode & 0o077,
            mtime_ns=self._mtime_ns(header),
            target=target,
        )

    def _path(self, header: bytes) -> str:
        if "path" in self._extended:
            return _text(self._extended["path"])
        name = _until_nul(header[_NAME])
        if header[_MAGIC] == _POSIX_MAGIC and (prefix := _until_nul(header[_PREFIX])):
            name = prefix + b"/" + name
        return _text(name)

    def _target(self, header: bytes, path: str) -> str:
        target = _text(self._extended.get("linkpath") or _until_nul(header[_LINK]))
        if problem := link_problem(path, target, self._limits):
            raise BundleError(f"it is a symbolic link, and {problem}")
        return target

    def _size(self, header: bytes) -> int:
        written = self._extended.get("size")
        if written is None:
            size_bytes = _number(header[_SIZE], "size")
        elif _PAX_SIZE.fullmatch(written):
            size_bytes = int(written)
        else:
            raise BundleError("its size is not a number")
        if size_bytes > self._limits.file_bytes:
            raise BundleError(f"it is larger than {self._limits.file_bytes} bytes")
        return size_bytes

    def _mtime_ns(self, header: bytes) -> int:
        written = self._extended.get("mtime")
        if written is None:
            return min(_number(header[_MTIME], "time"), _LATEST_TIME_SECONDS) * 10**9
        match = _PAX_TIME.fullmatch(written)
        if match is None:
            raise BundleError("its time is not a number")
        sign, seconds, fraction = match.groups()
        if sign:
            return 0
        nanoseconds = int((fraction or b"0")[:9].ljust(9, b"0"))
        return min(int(seconds), _LATEST_TIME_SECONDS) * 10**9 + nanoseconds

    def _read_extension(self, header: bytes) -> None:
        size_bytes = _number(header[_SIZE], "size")
        self._extended_bytes += size_bytes + BLOCK_BYTES
        if self._extended_bytes > self._limits.header_bytes:
            raise BundleError(f"a member has more than {self._limits.header_bytes} bytes of header")
        body = self._stream.read(size_bytes)
        self._stream.read(-size_bytes % BLOCK_BYTES)
        flag = header[_FLAG]
        if flag == b"L":
            self._extended["path"] = _until_nul(body)
        elif flag == b"K":
            self._extended["linkpath"] = _until_nul(body)
        elif flag == b"x":
            self._extended.update(_pax_records(body))
        elif _pax_records(body):
            raise BundleError("a global header renames or resizes members")


def _check_header(header: bytes) -> None:
    if header[_MAGIC] not in (_POSIX_MAGIC, _GNU_MAGIC):
        raise BundleError("it is no tar file of the POSIX or GNU kind")
    blank = header[: _CHECKSUM.start] + b" " * 8 + header[_CHECKSUM.stop :]
    if _number(header[_CHECKSUM], "checksum") != sum(blank):
        raise BundleError("a header's checksum is wrong")


def _relative(path: str, kind: Kind) -> str:
    """Drop what tar programs add around a relative path: `./` before, `/` after a directory."""
    if kind == "directory":
        path = path.removesuffix("/")
        if path == ".":
            return ""
    shortened = path.removeprefix("./")
    if not shortened:
        raise BundleError("its name is empty")
    return shortened


def _number(field: bytes, what: str) -> int:
    """Read a header's number: octal text, or binary where GNU's top bit says so."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise BundleError(f"its {what} is not a number")
    return int(match[1] or b"0", 8)


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _text(name: bytes) -> str:
    # A name that is not UTF-8 becomes one that the rules refuse by name.
    return name.decode("utf-8", "surrogateescape")


def _pax_records(body: bytes) -> dict[str, bytes]:
    """Read the records of an extended header that matter; refuse those that change meaning."""
    records = {}
    start = 0
    while start < len(body):
        match = _PAX_LENGTH.match(body, start)
        end = start + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(body) or body[end - 1] != 0x0A:
            raise BundleError("an extended header is damaged")
        key, equals, value = body[match.end() : end - 1].partition(b"=")
        if not equals:
            raise BundleError("an extended header is damaged")
        if key.startswith((b"GNU.sparse.", b"SCHILY.realsize")):
            raise BundleError("a member is a sparse file")
        if key == b"hdrcharset" and value not in (b"", b"ISO-IR 10646 2000 UTF-8"):
            raise BundleError("an extended header is not in UTF-8")
        if key in (b"path", b"linkpath", b"size", b"mtime"):
            records[key.decode()] = value
        start = end
    return records
