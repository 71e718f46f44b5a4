"""A directory is listed as it would be packed, and what did not change is not read again."""

from __future__ import annotations

import json
import os
import tarfile
import time
from pathlib import Path

import pytest

from foundations.bundles import bundle, hash_cache, project_files, tree
from foundations.bundles.hash_cache import HashCache, cache_dir
from foundations.bundles.listing import parse_listing
from foundations.bundles.tree import list_tree
from foundations.errors import BundleError
from tests.store.listings import sha256

OLD_NS = 1_700_000_000 * 10**9


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose files were written long ago, as far as anybody can tell."""
    top = tmp_path / "project"
    (top / "src" / "empty").mkdir(parents=True)
    (top / "ignored").mkdir()
    for name, text in (
        ("main.py", "print()\n"),
        ("src/a.py", "x = 1\n"),
        ("src/copy.py", "x = 1\n"),
        ("run.sh", "#!"),
        ("ignored/b", "b"),
        (".gitignore", "ignored\n"),
    ):
        (top / name).write_text(text)
        os.utime(top / name, ns=(OLD_NS, OLD_NS))
    (top / "run.sh").chmod(0o755)
    (top / "link.py").symlink_to("main.py")
    return top


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files that were just written count as written a while ago."""
    monkeypatch.setattr(tree, "now_ns", lambda: time.time_ns() + 10 * 10**9)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read, by their paths in the bundle."""
    paths: list[str] = []
    usual = project_files.opened

    def noting(source: str, path: str) -> object:
        paths.append(path)
        return usual(source, path)

    monkeypatch.setattr(tree, "opened", noting)
    return paths


def cache(project: Path) -> HashCache:
    return HashCache(project, folder=project.parent / "cache")


@pytest.mark.parametrize("batch_files", [1, 2, 3])
def test_a_listing_is_the_same_however_many_files_are_read_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str], batch_files: int
) -> None:
    at_once = list_tree(project, cache=HashCache(project, folder=project.parent / "other"))
    opened.clear()
    monkeypatch.setattr(tree, "_BATCH_FILES", batch_files)

    assert list_tree(project, cache=cache(project)) == at_once
    assert len(opened) == at_once.file_count


def test_a_listing_has_what_a_packed_file_has(project: Path, tmp_path: Path) -> None:
    packed = bundle.pack(project, tmp_path / "packed")
    found = list_tree(project, cache=cache(project))

    listing = parse_listing(found.listing)
    with tarfile.open(tmp_path / "packed") as archive:
        members = {one.name: one for one in archive.getmembers()}
        assert [name for name, one in members.items() if one.isdir()] == listing.directories
        files = {name: one for name, one in members.items() if one.isfile()}
        assert files.keys() == listing.files.keys()
        for name, one in files.items():
            content = archive.extractfile(one)
            assert content is not None
            listed = listing.files[name]
            assert listed.sha256 == sha256(content.read())
            facts = (listed.size_bytes, listed.mtime_seconds, listed.mode)
            assert facts == (one.size, one.mtime, one.mode)
    assert found.file_count == packed.file_count
    assert found.size_bytes == listing.size_bytes
    assert found.sources[sha256(b"x = 1\n")] == (str(project / "src/a.py"), "src/a.py")
    again = list_tree(project, cache=cache(project))
    assert (again.digest, again.listing) == (found.digest, found.listing)


def test_only_what_changed_is_read_again(project: Path, later: None, opened: list[str]) -> None:
    first = list_tree(project, cache=cache(project))
    assert len(opened) == 6
    opened.clear()
    again = list_tree(project, cache=cache(project))
    assert opened == []
    assert (again.digest, again.sources) == (first.digest, first.sources)

    (project / "src/a.py").write_text("x = 2\n")
    os.utime(project / "src/a.py", ns=(OLD_NS, OLD_NS))  # only its time of change tells
    changed = list_tree(project, cache=cache(project))
    assert opened == ["src/a.py"]
    assert changed.digest != first.digest
    assert parse_listing(changed.listing).files["src/a.py"].sha256 == sha256(b"x = 2\n")


def test_a_file_that_was_replaced_is_read_again(
    project: Path, later: None, opened: list[str]
) -> None:
    list_tree(project, cache=cache(project))
    opened.clear()
    (project / "new").write_text("y = 1\n")
    os.utime(project / "new", ns=(OLD_NS, OLD_NS))
    (project / "new").rename(project / "src/a.py")
    list_tree(project, cache=cache(project))
    assert opened == ["src/a.py"]


def test_a_file_that_was_changed_as_it_was_read_is_not_trusted(
    project: Path, opened: list[str]
) -> None:
    """It may change once more within the same grain of the file system's clock."""
    list_tree(project, cache=cache(project))
    opened.clear()
    list_tree(project, cache=cache(project))
    assert len(opened) == 6, "all of them were made within the last seconds"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 9, "files": {}}', b'{"format": 1, "files": {"main.py": [1]}}'],
)
def test_a_damaged_cache_is_as_none(
    project: Path, later: None, opened: list[str], content: bytes
) -> None:
    first = list_tree(project, cache=cache(project))
    (file,) = (project.parent / "cache").iterdir()
    file.write_bytes(content)
    opened.clear()
    assert list_tree(project, cache=cache(project)).digest == first.digest
    assert len(opened) == 6
    assert json.loads(file.read_bytes())["files"]["main.py"][-1] == sha256(b"print()\n")


def test_what_is_gone_is_forgotten(project: Path, later: None) -> None:
    list_tree(project, cache=cache(project))
    (project / "src/a.py").unlink()
    list_tree(project, cache=cache(project))
    (file,) = (project.parent / "cache").iterdir()
    assert "src/a.py" not in json.loads(file.read_bytes())["files"]


def test_without_a_place_for_the_cache_nothing_is_remembered(project: Path, later: None) -> None:
    (project.parent / "cache").write_text("in the way")
    found = list_tree(project, cache=cache(project))
    assert found.file_count == 6


def test_the_cache_lies_where_caches_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "atlas"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_dir() == Path.home() / ".cache" / "atlas"


def test_each_directory_has_a_cache_of_its_own(
    project: Path, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.parent / "caches"))
    list_tree(project)
    list_tree(project / "src")
    assert len(list((hash_cache.cache_dir() / "hashes").iterdir())) == 2


def test_a_file_that_changes_while_it_is_read_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.read

    def growing(descriptor: int, count: int) -> bytes:
        with (project / "main.py").open("a") as file:
            file.write("more\n")
        return usual(descriptor, count)

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(BundleError, match=r"'.*' changed while it was read\. Try again"):
        list_tree(project, cache=cache(project))


def test_a_watch_is_told_and_may_end_it(project: Path) -> None:
    told: list[int] = []
    found = list_tree(project, cache=cache(project), watch=told.append)
    assert told == sorted(told)
    assert told[-1] == found.size_bytes

    def give_up(done_bytes: int) -> None:
        raise InterruptedError("nobody wants it any more")

    with pytest.raises(InterruptedError):
        list_tree(project, cache=cache(project), watch=give_up)
