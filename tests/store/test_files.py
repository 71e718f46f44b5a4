"""Steps on files: durable writes, copies and removals."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from atlas_scheduler.store.files import (
    copy_content,
    open_file_below,
    remove_tree,
    storage_errors,
    write_durably,
)
from foundations.errors import StorageFull
from tests.store.interruptions import SimulatedCrash, crash_at
from tests.store.projects import write_tree


def test_a_durable_write_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    for step in range(10):
        try:
            with crash_at(step):
                write_durably(path, b"new")
        except SimulatedCrash:
            assert path.read_text() in ("old", "new")
    assert path.read_text() == "new"


def test_a_copy_into_what_the_kernel_cannot_copy_into_is_made_by_hand(tmp_path: Path) -> None:
    write_tree(tmp_path, {"source": "content"})
    reading, writing = os.pipe()
    source = os.open(tmp_path / "source", os.O_RDONLY)
    copy_content(source, writing, 7)
    assert os.read(reading, 100) == b"content"
    for descriptor in (reading, writing, source):
        os.close(descriptor)


def test_a_source_that_became_shorter_is_said(tmp_path: Path) -> None:
    write_tree(tmp_path, {"source": "content", "copy": ""})
    source, copy = (
        os.open(tmp_path / "source", os.O_RDONLY),
        os.open(tmp_path / "copy", os.O_WRONLY),
    )
    with pytest.raises(OSError, match="shorter than it was"):
        copy_content(source, copy, 8)
    os.close(source)
    os.close(copy)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_an_error_of_its_own(code: int) -> None:
    with pytest.raises(StorageFull), storage_errors():
        raise OSError(code, os.strerror(code))


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(PermissionError), storage_errors():
        raise PermissionError


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    write_tree(tmp_path, {"kept/file": "x", "tree/inner/file": "x"})
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "tree" / "inner" / "link").symlink_to(tmp_path / "kept")
    for name in ("link", "tree", "missing"):
        remove_tree(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").exists()


def test_a_file_may_be_removed_in_place_of_a_tree(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": "x"})
    remove_tree(tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("parts", [("link",), ("folder", "secret"), ("missing",), ("file", "x")])
def test_no_part_of_a_path_below_may_be_a_link(tmp_path: Path, parts: tuple[str, ...]) -> None:
    write_tree(tmp_path, {"outside/secret": "x", "top/file": "x"})
    (tmp_path / "top" / "link").symlink_to(tmp_path / "outside" / "secret")
    (tmp_path / "top" / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match=r"(?i)link|director"):
        open_file_below(tmp_path / "top", parts)
