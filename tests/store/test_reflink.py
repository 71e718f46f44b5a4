"""Copies share blocks where the file system has that, and never a file that can be written to."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from atlas_scheduler.store.reflink import Request, clone, copy_file
from atlas_scheduler.store.work_dirs import make_work_dir
from foundations.bundles.unpack import Manifest

CONTENT = b"weights" * 100_000


@contextmanager
def opened(folder: Path) -> Iterator[tuple[int, int]]:
    """A file with content, and an empty one, as descriptors."""
    (folder / "source").write_bytes(CONTENT)
    source = os.open(folder / "source", os.O_RDONLY)
    copy = os.open(folder / "copy", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        yield source, copy
    finally:
        os.close(source)
        os.close(copy)


def failing(code: int) -> Request:
    """A file system that answers so."""

    def request(destination: int, number: int, source: int) -> object:
        raise OSError(code, os.strerror(code))

    return request


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL])
def test_where_blocks_cannot_be_shared_the_bytes_are_copied(tmp_path: Path, code: int) -> None:
    with opened(tmp_path) as (source, copy):
        assert clone(source, copy, request=failing(code)) is False
        assert os.fstat(copy).st_size == 0
        copy_file(source, copy, len(CONTENT), request=failing(code))
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_disk_without_space_is_no_reason_to_copy_the_bytes(tmp_path: Path) -> None:
    with opened(tmp_path) as (source, copy):
        with pytest.raises(OSError, match="No space left"):
            copy_file(source, copy, len(CONTENT), request=failing(errno.ENOSPC))
        assert os.fstat(copy).st_size == 0


def test_where_blocks_are_shared_nothing_is_copied(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def share(destination: int, number: int, source: int) -> object:
        asked.append((destination, source))
        os.truncate(destination, os.fstat(source).st_size)
        return 0

    with opened(tmp_path) as (source, copy):
        copy_file(source, copy, len(CONTENT), request=share)
        assert asked == [(copy, source)]
        assert os.pread(copy, 10, 0) == bytes(10), "the file system would have given the content"
        os.ftruncate(copy, 0)
        with pytest.raises(OSError, match="not as long as it was"):
            copy_file(source, copy, 5, request=share)


def test_an_empty_file_asks_the_file_system_for_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as (source, copy):
        copy_file(source, copy, 0, request=failing(errno.EIO))


@pytest.fixture(params=["here", "xfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The usual file system, and one that can share blocks."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "here":
        yield folder
        return
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(320 * 2**20)
    make = ["mkfs.xfs", "-q", str(image)]
    mount = ["mount", "-o", "loop", str(image), str(folder)]
    for command in (make, mount):
        program = shutil.which(command[0])
        if program is None or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("no XFS can be made and mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_job_that_writes_into_its_work_dir_changes_nobody_elses(disk: Path) -> None:
    tree = disk / "tree"
    tree.mkdir()
    (tree / "weights").write_bytes(CONTENT)
    manifest = Manifest(files={"weights": (len(CONTENT), 10**18, 0o644)}, directories=[], links={})
    dirs = [disk / name for name in ("a", "b")]
    for job_dir in dirs:
        make_work_dir(job_dir, tree=tree, manifest=manifest, params={}, boot_id="1")
    first, second = (job_dir / "job_source" / "weights" for job_dir in dirs)
    assert len({path.stat().st_ino for path in (tree / "weights", first, second)}) == 3

    with first.open("r+b") as file:
        file.write(b"changed")

    assert second.read_bytes() == (tree / "weights").read_bytes() == CONTENT
    assert first.read_bytes() == b"changed" + CONTENT[7:]


def test_xfs_shares_the_blocks_of_work_dirs(disk: Path) -> None:
    (disk / "probe").write_bytes(b"x")
    with (disk / "probe").open("rb") as probe, (disk / "cloned").open("wb") as cloned:
        if not clone(probe.fileno(), cloned.fileno()):
            pytest.skip("this file system cannot share blocks")
    tree = disk / "tree"
    tree.mkdir()
    (tree / "weights").write_bytes(os.urandom(20 * 2**20))
    os.sync()
    before = shutil.disk_usage(disk).free
    manifest = Manifest(files={"weights": (20 * 2**20, 10**18, 0o644)}, directories=[], links={})
    for number in range(5):
        make_work_dir(disk / str(number), tree=tree, manifest=manifest, params={}, boot_id="1")
    os.sync()
    assert before - shutil.disk_usage(disk).free < 2 * 2**20
