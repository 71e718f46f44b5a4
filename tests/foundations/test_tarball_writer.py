"""Headers that others can read, also where a field is too small."""

from __future__ import annotations

import gzip
import io
import os
import tarfile

import pytest

from foundations.bundles.tarball_writer import END, GzipEncoder, encode_member

GIB = 1024**3


def read(header: bytes) -> tarfile.TarInfo:
    """What Python's own reader makes of a header."""
    with tarfile.open(fileobj=io.BytesIO(header + END)) as archive:
        member = archive.next()
        assert member is not None
        return member


@pytest.mark.parametrize("size_bytes", [0, 1, 8 * GIB - 1, 8 * GIB, 9000 * GIB])
def test_any_size_can_be_written(size_bytes: int) -> None:
    assert read(encode_member("a", size_bytes=size_bytes)).size == size_bytes


@pytest.mark.parametrize(
    "path",
    ["a", "a" * 100, "a" * 101, "ü" * 100, "/".join(["d" * 50] * 5), "d" * 155 + "/" + "f" * 100,
     "d" * 156 + "/" + "f" * 100, "d/" + "f" * 101, "/".join(["d"] * 300)],
)  # fmt: skip
def test_any_path_can_be_written(path: str) -> None:
    assert read(encode_member(path)).name == path
    assert read(encode_member(path, kind="directory")).name == path
    link = read(encode_member(path, kind="link", target=path))
    assert (link.name, link.linkname, link.issym()) == (path, path, True)


@pytest.mark.parametrize(
    ("written", "kept"), [(-5, 0), (0, 0), (1_700_000_000, 1_700_000_000), (8**12, 8**11 - 1)]
)
def test_times_that_do_not_fit_are_clamped(written: int, kept: int) -> None:
    assert read(encode_member("a", mtime_seconds=written)).mtime == kept


def test_a_member_belongs_to_nobody_and_has_one_of_two_modes() -> None:
    plain, executable = read(encode_member("a")), read(encode_member("a", executable=True))
    assert (plain.uid, plain.gid, plain.uname, plain.gname) == (0, 0, "", "")
    assert (plain.mode, executable.mode) == (0o644, 0o755)


@pytest.mark.parametrize(
    "pieces", [[], [b""], [b"x"], [bytes(300_000), os.urandom(300_000), b"x" * 9000]]
)
def test_any_content_is_valid_gzip(pieces: list[bytes]) -> None:
    encoder = GzipEncoder()
    packed = [encoder.header(), *(encoder.encode(piece) for piece in pieces), encoder.finish()]
    assert gzip.decompress(b"".join(packed)) == b"".join(pieces)


def test_what_does_not_compress_is_stored() -> None:
    encoder = GzipEncoder()
    assert len(encoder.encode(os.urandom(256 * 1024))) <= 256 * 1024 + 5 * 5
