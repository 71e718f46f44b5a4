"""Archives made to hurt whoever unpacks them, each with what a safe extractor makes of it."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

BLOCK = 512
END = bytes(2 * BLOCK)
MIB = 1024**2
BOMB_BYTES = 400 * MIB


@dataclass(frozen=True)
class HostileArchive:
    """One archive; `files` is what may come out of it, None when it must be refused."""

    name: str
    build: Callable[[], bytes]
    files: dict[str, bytes] | None = field(default=None)
    is_heavy: bool = False
    """Whether it aims at time, memory or disk: to be unpacked in a child only."""


def hostile_archives() -> list[HostileArchive]:
    """Return all of them."""
    return [
        *_names(),
        *_links(),
        *_kinds(),
        *_modes(),
        *_extensions(),
        *_sizes(),
        *_clashes(),
        *_damage(),
        *_floods(),
    ]


def header(
    name: bytes,
    *,
    flag: bytes = b"0",
    size: int | bytes = 0,
    mode: bytes = b"0000644\0",
    link: bytes = b"",
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
    mtime: bytes = b"00000000000\0",
) -> bytes:
    """Return a header block with a right checksum, whatever the fields are."""
    size_field = size if isinstance(size, bytes) else b"%011o\0" % size
    block = b"".join(
        (
            name[:100].ljust(100, b"\0"),
            mode.ljust(8, b"\0"),
            b"0000000\0" * 2,
            size_field.ljust(12, b"\0"),
            mtime.ljust(12, b"\0"),
            b" " * 8,
            flag,
            link[:100].ljust(100, b"\0"),
            magic.ljust(8, b"\0"),
            bytes(80),
            prefix.ljust(155, b"\0"),
            bytes(12),
        )
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def member(name: bytes, content: bytes = b"evil", **fields: bytes) -> bytes:
    """Return a file: header, content and padding."""
    return header(name, size=len(content), **fields) + padded(content)


def padded(content: bytes) -> bytes:
    """Fill up to whole blocks."""
    return content + bytes(-len(content) % BLOCK)


def extended(*records: bytes, flag: bytes = b"x") -> bytes:
    """Return an extended header that holds these bytes."""
    body = b"".join(records)
    return header(b"pax", flag=flag, size=len(body)) + padded(body)


def record(key: bytes, value: bytes) -> bytes:
    """Return one right record of an extended header."""
    length = len(key) + len(value) + 3
    digits = len(str(length))
    while len(str(length + digits)) != digits:
        digits += 1
    return str(length + digits).encode() + b" " + key + b"=" + value + b"\n"


def long_name(name: bytes, flag: bytes = b"L") -> bytes:
    """Return GNU's header for a name that is too long."""
    return header(b"././@LongLink", flag=flag, size=len(name) + 1) + padded(name + b"\0")


def tarball(*parts: bytes, end: bytes = END) -> bytes:
    """Join the parts and pack them."""
    return gzip.compress(b"".join(parts) + end, compresslevel=1, mtime=0)


def _refused(name: str, *parts: bytes) -> HostileArchive:
    return HostileArchive(name, lambda: tarball(*parts))


def _harmless(name: str, files: dict[str, bytes], *parts: bytes) -> HostileArchive:
    return HostileArchive(name, lambda: tarball(*parts), files)


def _names() -> Iterator[HostileArchive]:
    bad = {
        "absolute": b"/tmp/evil",
        "absolute with two slashes": b"//tmp/evil",
        "parent": b"../evil",
        "parent inside": b"a/../../evil",
        "parent at the end": b"a/..",
        "only parents": b"..",
        "backslashes": b"..\\evil",
        "backslash inside": b"a\\b",
        "drive letter": b"C:evil",
        "drive letter and slash": b"c:/evil",
        "empty": b"",
        "dot": b".",
        "dot and slash": b"./",
        "empty part": b"a//b",
        "dot part": b"a/./b",
        "slash at the end": b"a/",
        "newline": b"a\nb",
        "carriage return": b"a\rb",
        "escape": b"\x1b[2Ja",
        "delete": b"a\x7f",
        "C1 control": "a\x9b2J".encode(),
        "right-to-left override": "a\u202egpj.exe".encode(),
        "isolate": "a\u2066b".encode(),
        "line separator": "a\u2028b".encode(),
        "not UTF-8": b"a\xff",
        "surrogate in UTF-8": b"a\xed\xa0\x80",
        "overlong slash": b"..\xc0\xafevil",
    }
    for what, name in bad.items():
        yield _refused(f"name: {what}", member(name))
    yield _refused("name: parent in the prefix", member(b"evil", prefix=b".."))
    yield _refused("name: absolute prefix", member(b"evil", prefix=b"/tmp"))
    yield _refused("name: part of 256 bytes", extended(record(b"path", b"a" * 256)), member(b"a"))
    yield _refused(
        "name: 4096 bytes", extended(record(b"path", b"ab/" * 1365 + b"c")), member(b"a")
    )
    yield _refused("name: 4096 bytes the GNU way", long_name(b"ab/" * 1365 + b"c"), member(b"a"))
    yield _refused("name: NUL in a record", extended(record(b"path", b"a\0b")), member(b"a"))
    yield _refused(
        "name: 2000 levels", extended(record(b"path", b"/".join([b"a"] * 2000))), member(b"a")
    )
    yield _refused(
        "name: 300 levels of directories",
        extended(record(b"path", b"/".join([b"a"] * 300))),
        header(b"a", flag=b"5"),
    )
    yield _refused("name: directory to the parent", header(b"../evil/", flag=b"5"))
    yield _refused(
        "name: dots and slash in overlong UTF-8", member(b"\xc0\xae\xc0\xae\xc0\xafevil")
    )
    yield _refused("name: half of a surrogate pair", member(b"\xed\xa0\x80"))
    yield _refused("name: joined and turned round", member("a\u200d\u202e.py".encode()))
    yield _harmless("name: home", {"~/.ssh/config": b"evil"}, member(b"~/.ssh/config"))
    yield _harmless("name: command of a shell", {"$(id)`id`": b"evil"}, member(b"$(id)`id`"))
    yield _harmless("name: settings of git", {".git/config": b"evil"}, member(b".git/config"))
    yield _harmless("name: markup", {"[red]x[/]": b"evil"}, member(b"[red]x[/]"))
    yield _harmless("name: leading dash", {"-rf": b"evil"}, member(b"-rf"))
    yield _harmless("name: percent encoding", {"%2e%2e%2fevil": b"evil"}, member(b"%2e%2e%2fevil"))
    yield _harmless("name: after the NUL", {"a": b"evil"}, member(b"a\0/../../evil"))
    yield _harmless(
        "name: dot and slash before", {"a": b"evil"}, header(b"./", flag=b"5"), member(b"./a")
    )
    yield _harmless(
        "name: GNU times where the prefix is",
        {"a": b"evil"},
        member(b"a", magic=b"ustar  \0", prefix=b"../../evil"),
    )


def _links() -> Iterator[HostileArchive]:
    def link(name: bytes, target: bytes, flag: bytes = b"2") -> bytes:
        return header(name, flag=flag, link=target)

    yield _refused("link: to the root", link(b"a", b"/"))
    yield _refused("link: to the parent", link(b"a", b".."))
    yield _refused("link: file through it", link(b"a", b"../.."), member(b"a/evil"))
    yield _refused(
        "link: file through one inside",
        header(b"d/", flag=b"5"),
        link(b"a", b"d"),
        member(b"a/evil"),
    )
    yield _refused("link: overwritten by a file", link(b"a", b"/tmp/evil"), member(b"a"))
    yield _refused("link: to itself", link(b"a", b"a"))
    yield _refused(
        "link: target in a record", extended(record(b"linkpath", b"/etc")), link(b"a", b"b")
    )
    yield _refused("link: long target the GNU way", long_name(b"../" * 50, b"K"), link(b"a", b"b"))
    yield _refused("link: chain beyond the longest path", *_link_chain())
    yield _refused("hard link: outside", link(b"a", b"/etc/passwd", b"1"))
    yield _refused("hard link: to a member", member(b"b"), link(b"a", b"b", b"1"))
    yield _refused("hard link: to a link", link(b"b", b"/etc/passwd"), link(b"a", b"b", b"1"))
    yield _refused("hard link: to itself", link(b"a", b"a", b"1"))
    yield _refused("hard link: with content", member(b"a", flag=b"1", link=b"b"))


def _link_chain() -> list[bytes]:
    """Directories and links whose resolved path is longer than realpath can follow."""
    parts = []
    name = b"d" * 50
    path = b""
    for letter in b"abcdefghijklmnop":
        path = path + name + b"/"
        parts += [extended(record(b"path", path)), header(b"d", flag=b"5")]
        parts.append(header(bytes([letter]), flag=b"2", link=name))
    parts.append(
        header(b"escape", flag=b"2", link=b"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p" + b"/.." * 20)
    )
    return [*parts, member(b"escape/evil")]


def _kinds() -> Iterator[HostileArchive]:
    kinds = {
        "character device": b"3",
        "block device": b"4",
        "named pipe": b"6",
        "contiguous file": b"7",
        "directory dump": b"D",
        "long link without use": b"N",
        "further volume": b"M",
        "sparse file": b"S",
        "volume label": b"V",
        "Solaris header": b"X",
        "unknown": b"Z",
        "not ASCII": b"\xff",
    }
    for what, flag in kinds.items():
        yield _refused(f"kind: {what}", header(b"a", flag=flag))
    yield _refused("kind: old file with a slash", member(b"a/", flag=b"\0"))
    yield _refused("kind: old file with a slash and no content", header(b"a/", flag=b"\0"))
    yield _harmless("kind: old file", {"a": b"evil"}, member(b"a", flag=b"\0"))


def _modes() -> Iterator[HostileArchive]:
    for what, mode in {
        "setuid": b"0004755\0",
        "setgid": b"0002755\0",
        "none": b"0000000\0",
        "world-writable": b"0000777\0",
        "binary": b"\x80" + b"\xff" * 7,
    }.items():
        yield _harmless(f"mode: {what}", {"a": b"evil"}, member(b"a", mode=mode))
    yield _harmless(
        "mode: sticky directory",
        {"d/a": b"evil"},
        header(b"d/", flag=b"5", mode=b"0001777\0"),
        member(b"d/a"),
    )
    yield _harmless(
        "mode: closed directory",
        {"d/a": b"evil"},
        header(b"d/", flag=b"5", mode=b"0000000\0"),
        member(b"d/a"),
    )
    yield _refused("mode: garbage", member(b"a", mode=b"rwxr-xr-"))
    yield _refused("mode: negative", member(b"a", mode=b"-000755\0"))
    yield _harmless("time: far future", {"a": b"evil"}, member(b"a", mtime=b"\x80" + b"\xff" * 11))
    yield _harmless(
        "time: before 1970",
        {"a": b"evil"},
        extended(record(b"mtime", b"-99999999.5")),
        member(b"a"),
    )


def _extensions() -> Iterator[HostileArchive]:
    yield _refused(
        "record: path to the parent", extended(record(b"path", b"../evil")), member(b"a")
    )
    yield _refused("record: absolute path", extended(record(b"path", b"/tmp/evil")), member(b"a"))
    yield _refused("record: empty path", extended(record(b"path", b"")), member(b"a"))
    yield _refused("record: path is not UTF-8", extended(record(b"path", b"a\xff")), member(b"a"))
    yield _refused("record: negative size", extended(record(b"size", b"-1")), member(b"a"))
    yield _refused("record: size is no number", extended(record(b"size", b"1e9")), member(b"a"))
    yield _refused(
        "record: size of an exabyte", extended(record(b"size", b"1" + b"0" * 18)), member(b"a")
    )
    yield _refused(
        "record: size of 5000 digits", extended(record(b"size", b"9" * 5000)), member(b"a")
    )
    yield _refused(
        "record: size for a directory",
        extended(record(b"size", b"512")),
        header(b"d/", flag=b"5"),
        bytes(512),
    )
    yield _refused("record: time is no number", extended(record(b"mtime", b"nan")), member(b"a"))
    yield _refused(
        "record: time of 5000 digits", extended(record(b"mtime", b"9" * 5000)), member(b"a")
    )
    yield _refused("record: length zero", extended(b"0 path=a\n"), member(b"a"))
    yield _refused("record: length too small", extended(b"3 path=a\n"), member(b"a"))
    yield _refused("record: length too large", extended(b"99 path=a\n"), member(b"a"))
    yield _refused(
        "record: length of 5000 digits", extended(b"9" * 5000 + b" path=a\n"), member(b"a")
    )
    yield _refused("record: negative length", extended(b"-9 path=a\n"), member(b"a"))
    yield _refused("record: no length", extended(b"path=a\n"), member(b"a"))
    yield _refused("record: no equals sign", extended(b"7 path\n"), member(b"a"))
    yield _refused("record: no newline", extended(b"9 path=ab"), member(b"a"))
    yield _refused(
        "record: other character set", extended(record(b"hdrcharset", b"BINARY")), member(b"a")
    )
    yield _refused(
        "record: sparse file", extended(record(b"GNU.sparse.realsize", b"9" * 18)), member(b"a")
    )
    yield _refused(
        "record: sparse file of the new kind",
        extended(record(b"GNU.sparse.major", b"1"), record(b"GNU.sparse.name", b"../evil")),
        member(b"a"),
    )
    yield _refused(
        "global header: path", extended(record(b"path", b"../evil"), flag=b"g"), member(b"a")
    )
    yield _refused("global header: size", extended(record(b"size", b"0"), flag=b"g"), member(b"a"))
    yield _harmless(
        "global header: comment",
        {"a": b"evil"},
        extended(record(b"comment", b"x" * 40), flag=b"g"),
        member(b"a"),
    )
    yield _harmless(
        "record: owner and more",
        {"a": b"evil"},
        extended(record(b"uid", b"0"), record(b"SCHILY.xattr.user.x", b"\0\xff")),
        member(b"a"),
    )
    yield _harmless(
        "record: link of a file",
        {"a": b"evil"},
        extended(record(b"linkpath", b"/etc/passwd")),
        member(b"a"),
    )
    yield _harmless(
        "record: capabilities of root",
        {"a": b"evil"},
        extended(
            record(b"SCHILY.xattr.security.capability", b"\1\0\0\2\0\4"),
            record(b"SCHILY.acl.access", b"user::rwx"),
            record(b"uname", b"root"),
            record(b"uid", b"9" * 4000),
        ),
        member(b"a"),
    )
    yield _harmless(
        "record: path 20,000 times",
        {"b19999": b"evil"},
        extended(*(record(b"path", b"b%d" % number) for number in range(20_000))),
        member(b"a"),
    )
    yield _refused(
        "record: size below that of the header", extended(record(b"size", b"0")), member(b"a")
    )
    yield _refused("extension: without a member", extended(record(b"path", b"a")))
    yield _refused("extension: long name without a member", long_name(b"a" * 200))
    yield _refused("extension: long name to the parent", long_name(b"../evil"), member(b"a"))
    yield _refused(
        "extension: 1 GiB declared", header(b"pax", flag=b"x", size=1024 * MIB), bytes(MIB)
    )
    yield _refused(
        "extension: long name of 1 GiB declared",
        header(b"l", flag=b"L", size=1024 * MIB),
        bytes(MIB),
    )
    yield _refused("extension: negative size", header(b"pax", flag=b"x", size=b"\xff" * 12))
    yield _refused("extension: 2 MiB", extended(record(b"comment", b"x" * 2 * MIB)), member(b"a"))
    yield HostileArchive(
        "extension: 5000 in a row",
        lambda: tarball(*[extended(record(b"comment", b"x"))] * 5000, member(b"a")),
    )


def _sizes() -> Iterator[HostileArchive]:
    for what, size in {
        "negative": b"\xff" * 12,
        "minus sign": b"-0000000001\0",
        "overflowing": b"\x80" + b"\xff" * 11,
        "exabyte": b"\x80" + (10**18).to_bytes(11, "big"),
        "garbage": b"garbage",
        "digit nine": b"00000000009\0",
        "underscore": b"0000000_010\0",
        "digits of another script": "٣".encode(),
    }.items():
        yield _refused(f"size: {what}", header(b"a", size=size), padded(b"evil"))
    yield _refused("size: more than there is", header(b"a", size=10 * MIB), bytes(MIB))
    yield _refused("size: directory with content", header(b"d/", flag=b"5", size=512), bytes(512))


def _clashes() -> Iterator[HostileArchive]:
    directory = header(b"a/", flag=b"5")
    yield _refused("clash: file twice", member(b"a"), member(b"a", b"other"))
    yield _refused("clash: file, then directory", member(b"a"), directory)
    yield _refused("clash: directory, then file", directory, member(b"a"))
    yield _refused("clash: file, then file below it", member(b"a"), member(b"a/b"))
    yield _refused("clash: file below, then file", member(b"a/b"), member(b"a"))
    yield _refused("clash: directory twice", directory, directory)
    yield _refused("clash: once with a dot", member(b"a"), member(b"./a"))
    yield _harmless(
        "clash: file below, then its directory", {"a/b": b"evil"}, member(b"a/b"), directory
    )
    yield _harmless("twins: case", {"a": b"evil", "A": b"evil"}, member(b"a"), member(b"A"))
    composed, decomposed = "\u00e9", "e\u0301"
    yield _harmless(
        "twins: Unicode forms",
        {composed: b"evil", decomposed: b"evil"},
        member(composed.encode()),
        member(decomposed.encode()),
    )


def _damage() -> Iterator[HostileArchive]:
    good = member(b"a", b"x" * 5000)
    packed = tarball(good)
    wrong_checksum = bytearray(member(b"a"))
    wrong_checksum[0] ^= 1
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("../evil", "evil")
    cases = {
        "empty file": b"",
        "one byte": b"\x1f",
        "random": random.Random(1).randbytes(5000),
        "gzip of random": gzip.compress(random.Random(1).randbytes(5000)),
        "gzip of nothing": gzip.compress(b""),
        "plain tar": good + END,
        "xz": lzma.compress(good + END),
        "zip": zipped.getvalue(),
        "wrong header checksum": tarball(bytes(wrong_checksum)),
        "header of zeros but one": tarball(bytes(511) + b"x"),
        "no magic": tarball(member(b"a", magic=b"\0" * 8)),
        "other magic": tarball(member(b"a", magic=b"ustar\x00xx")),
        "wrong CRC": packed[:-8] + struct.pack("<L", zlib.crc32(b"")) + packed[-4:],
        "wrong length in the trailer": packed[:-4] + b"\0\0\0\0",
        "no trailer": packed[:-8],
        "byte after the end": packed + b"x",
        "zeros after the end": packed + bytes(100),
        "second gzip member": packed + packed,
        "second gzip member, empty": packed + gzip.compress(b""),
        "tar after the end of tar": tarball(good, END, member(b"b")),
        "garbage in the padding after the end": tarball(good, END, b"x" * BLOCK),
        "no end": tarball(good, end=b""),
        "half an end": tarball(good, end=bytes(BLOCK)),
        "half a block at the end": tarball(good, end=bytes(BLOCK + 100)),
        "content instead of the second end block": tarball(good, bytes(BLOCK), member(b"b")),
        "reserved flags of gzip": packed[:3] + b"\xe0" + packed[4:],
        "reserved deflate block": packed[:10] + b"\x07" + packed[11:],
    }
    for what, data in cases.items():
        yield HostileArchive(f"damage: {what}", partial(bytes, data))


def _floods() -> Iterator[HostileArchive]:
    floods: dict[str, Callable[[], bytes]] = {
        "zeros, 1 to 1000": partial(_inflated, header(b"a", size=BOMB_BYTES)),
        "zeros after the end": partial(_inflated, END),
        "zeros after a file": partial(_inflated, member(b"a") + END),
        "empty files": _many_files,
        "empty gzip members": lambda: gzip.compress(b"", mtime=0) * 100_000 + tarball(member(b"a")),
        "extended header of 1 GiB": partial(_inflated, header(b"p", flag=b"x", size=1024 * MIB)),
        "long name of 1 GiB": partial(_inflated, header(b"p", flag=b"L", size=1024 * MIB)),
        "name in the gzip header": lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 20 * MIB,
    }
    for what, build in floods.items():
        yield HostileArchive(f"flood: {what}", build, is_heavy=True)
    bomb = gzip.compress(bytes(MIB), mtime=0)
    yield _harmless("flood: packed file inside", {"a.gz": bomb}, member(b"a.gz", bomb))


def _inflated(start: bytes) -> bytes:
    """Return a gzip file of a start and then very many zeros, made without packing them all."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = deflate.compress(start) + deflate.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back, so that the same bytes may follow any number of times.
    zeros = deflate.compress(bytes(MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return packed + zeros * (BOMB_BYTES // MIB)


def _many_files() -> bytes:
    """Return a fifth of what is accepted, and no end of the archive."""
    deflate = zlib.compressobj(1, zlib.DEFLATED, 31)
    pieces = [deflate.compress(header(b"%07d" % number)) for number in range(11_000)]
    return b"".join(pieces) + deflate.flush()
