"""Sparse files take the space of what is in them: as they come in, in copies, and when fetched."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_scheduler.store.blob_upload import BlobUpload
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.files import copy_content
from atlas_scheduler.store.reflink import copy_file
from foundations.bundles.holes import write_with_holes
from foundations.bundles.listing import digest_of
from foundations.bundles.unpack import RETRIEVED, unpack_file
from tests.store.listings import LARGE, frame, listing_of, sha256

MIB = 2**20
SPARSE = bytes(20 * MIB) + os.urandom(100_000) + bytes(30 * MIB + 1234)
MOST_BYTES = MIB
"""More than what is in it takes, and far less than its size."""

RUNS = st.lists(
    st.tuples(st.sampled_from([b"\0", b"x"]), st.integers(1, 200_000)), min_size=1, max_size=8
)
"""A file: what it is made of, and how much of each."""


def content_of(runs: list[tuple[bytes, int]]) -> bytes:
    return b"".join(byte * length for byte, length in runs)


def allocated_bytes(path: Path) -> int:
    return path.stat().st_blocks * 512


@given(runs=RUNS, pieces=st.lists(st.integers(1, 300_000), max_size=6))
@settings(max_examples=50, deadline=None)
def test_what_is_written_in_any_pieces_is_read_again(
    runs: list[tuple[bytes, int]], pieces: list[int]
) -> None:
    content = content_of(runs)
    with tempfile.TemporaryFile() as file:
        rest = content
        for length in (*pieces, len(content)):
            write_with_holes(file.fileno(), rest[:length])
            rest = rest[length:]
            assert os.fstat(file.fileno()).st_size == len(content) - len(rest)
        file.seek(0)
        assert file.read() == content


@given(runs=RUNS, asked=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_a_copy_reads_as_the_beginning_that_was_asked_for(
    runs: list[tuple[bytes, int]], asked: float
) -> None:
    content = content_of(runs)
    size_bytes = round(len(content) * asked)
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as copy:
        write_with_holes(source.fileno(), content)
        os.lseek(source.fileno(), 0, os.SEEK_SET)
        copy_content(source.fileno(), copy.fileno(), size_bytes)
        copy.seek(0)
        assert copy.read() == content[:size_bytes]


def test_a_sparse_file_that_comes_in_takes_the_space_of_what_is_in_it(bundles: Bundles) -> None:
    upload = BlobUpload(bundles.listed.blobs, max_bytes=LARGE, require_space=lambda _: None)
    body = frame(SPARSE)
    for start in range(0, len(body), MIB):
        upload.feed(body[start : start + MIB])
    upload.finish()

    blob = bundles.listed.blobs.path(sha256(SPARSE))
    assert blob.stat().st_size == len(SPARSE)
    assert allocated_bytes(blob) < MOST_BYTES
    assert blob.read_bytes() == SPARSE


def test_one_that_breaks_off_within_a_hole_goes_on_there(bundles: Bundles) -> None:
    blobs, data = bundles.listed.blobs, listing_of({"a": SPARSE})
    begun = BlobUpload(blobs, max_bytes=LARGE, require_space=lambda _: None)
    begun.feed(frame(SPARSE)[: 10 * MIB - len(SPARSE)])
    begun.end()
    ((_, arrived),) = bundles.listed.declare(digest_of(data), data, max_bytes=LARGE).values()
    assert arrived == 10 * MIB

    rest = BlobUpload(blobs, max_bytes=LARGE, require_space=lambda _: None)
    rest.feed(frame(SPARSE, offset=arrived))
    rest.finish()

    assert bundles.listed.declare(digest_of(data), data, max_bytes=LARGE) == {}
    assert allocated_bytes(blobs.path(sha256(SPARSE))) < MOST_BYTES


def test_a_copy_has_the_holes_too_where_blocks_cannot_be_shared(tmp_path: Path) -> None:
    def unable(destination: int, number: int, source: int) -> object:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    with (tmp_path / "source").open("wb+") as source, (tmp_path / "copy").open("wb") as copy:
        write_with_holes(source.fileno(), SPARSE)
        source.seek(0)
        copy_file(source.fileno(), copy.fileno(), len(SPARSE), request=unable)

    assert (tmp_path / "copy").read_bytes() == SPARSE
    assert allocated_bytes(tmp_path / "copy") < MOST_BYTES


def test_a_file_of_nothing_but_a_hole_is_copied_in_its_size(tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb+") as source, (tmp_path / "copy").open("wb") as copy:
        source.truncate(10 * MIB)
        copy_content(source.fileno(), copy.fileno(), 10 * MIB)

    assert (tmp_path / "copy").stat().st_size == 10 * MIB
    assert allocated_bytes(tmp_path / "copy") == 0


def test_an_archive_that_is_unpacked_has_the_holes_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz", compresslevel=1) as packed:
        member = tarfile.TarInfo("model")
        member.size = len(SPARSE)
        packed.addfile(member, io.BytesIO(SPARSE))
    (tmp_path / "out").mkdir()

    unpack_file(tmp_path / "packed.tar.gz", tmp_path / "out", limits=RETRIEVED)

    assert (tmp_path / "out" / "model").read_bytes() == SPARSE
    assert allocated_bytes(tmp_path / "out" / "model") < MOST_BYTES
