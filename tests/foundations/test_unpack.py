"""The extractor: hostile archives, limits, and what it makes of good ones."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import foundations
from foundations.bundles.rules import MIB, Limits
from foundations.bundles.unpack import RETRIEVED, unpack, unpack_file
from foundations.errors import BundleError
from tests.hostile_archives import (
    BLOCK,
    END,
    HostileArchive,
    extended,
    header,
    hostile_archives,
    long_name,
    member,
    record,
    tarball,
)

ARCHIVES = hostile_archives()
LIBRARY = Path(foundations.__file__).parent.parent
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from foundations.bundles.unpack import main; main()"
)
# The figure of wait4 starts with the parent's memory; this one is the child's own.
MEMORY = "; sys.stderr.write([l for l in open('/proc/self/status') if 'VmHWM' in l][0].split()[1])"
MOST_SECONDS = 10
MOST_MEMORY_BYTES = 200 * MIB

Snapshot = dict[str, tuple[int, int, bytes | str | None]]


def snapshot(top: Path) -> Snapshot:
    """What a directory holds: mode, time of change and content of everything."""
    found: Snapshot = {}
    for folder, directories, files in os.walk(top):
        for name in (*directories, *files):
            path = Path(folder) / name
            status = path.lstat()
            content: bytes | str | None = None
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = path.read_bytes()
            found[str(path.relative_to(top))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def files_in(top: Path) -> dict[str, bytes]:
    """Content of every regular file; anything that is neither file nor directory fails."""
    found = {}
    for path in top.rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or path.is_file()
        if path.is_file():
            found[str(path.relative_to(top))] = path.read_bytes()
    return found


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[Path]:
    """An empty directory in a tree that must stay as it is."""
    canary = tmp_path / "canary"
    destination = canary / "a" / "b" / "destination"
    destination.mkdir(parents=True)
    (canary / "evil").write_text("was here before")
    (canary / "a" / "evil").write_text("was here before")
    (canary / "a" / "b" / "evil").write_text("was here before")
    before = {path: facts for path, facts in snapshot(canary).items() if "destination" not in path}
    yield destination
    after = {path: facts for path, facts in snapshot(canary).items() if "destination" not in path}
    assert after == before
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("archive", [a for a in ARCHIVES if not a.is_heavy], ids=lambda a: a.name)
def test_a_hostile_archive_is_refused_or_comes_out_harmless(
    archive: HostileArchive, destination: Path
) -> None:
    if archive.files is None:
        with pytest.raises(BundleError) as caught:
            unpack([archive.build()], destination)
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 500
    else:
        unpack([archive.build()], destination)
        assert files_in(destination) == archive.files
    for path in destination.rglob("*"):
        assert path.lstat().st_mode & 0o7777 in (
            {0o755} if path.is_dir() else {0o644, 0o755, 0o600}
        )


@pytest.mark.parametrize(
    "archive", [a for a in ARCHIVES if a.name.startswith("link:")], ids=lambda a: a.name
)
def test_with_links_accepted_none_leads_out(archive: HostileArchive, destination: Path) -> None:
    with contextlib.suppress(BundleError):
        unpack([archive.build()], destination, links=True)
    for path in destination.rglob("*"):
        if path.is_symlink() and path.exists():
            assert path.resolve().is_relative_to(destination)


@dataclass
class ChildRun:
    """How a child process that unpacked did."""

    answer: dict[str, Any]
    seconds: float
    """Of the program itself: how long a busy disk takes to make a file says nothing about it."""
    memory_bytes: int


def run_child(archive: Path, destination: Path, manifest: Path, limits: dict[str, int]) -> ChildRun:
    """Unpack in a child process as the server does, and measure it."""
    request = {
        "archive": str(archive),
        "destination": str(destination),
        "manifest": str(manifest),
        "boot_id": "this boot",
        "limits": limits,
    }
    before = os.times().children_user
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", PROGRAM + MEMORY, str(LIBRARY)],
        input=json.dumps(request).encode() + b"\n",
        capture_output=True,
        env={},
        check=True,
        timeout=60,
    )
    seconds = os.times().children_user - before
    return ChildRun(json.loads(child.stdout), seconds, int(child.stderr) * 1024)


@pytest.mark.parametrize("archive", [a for a in ARCHIVES if a.is_heavy], ids=lambda a: a.name)
def test_a_flood_is_stopped_in_time_and_memory(
    archive: HostileArchive, destination: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(archive.build())

    # A fifth of the members that are accepted by default, in a fifth of the time.
    members = Limits().members // 5
    run = run_child(packed, destination, tmp_path / "manifest.json", {"members": members})

    assert run.answer["kind"] == "refused"
    assert run.seconds < MOST_SECONDS / 5
    assert run.memory_bytes < MOST_MEMORY_BYTES
    assert not (tmp_path / "manifest.json").exists()


def test_the_child_writes_the_manifest_and_says_so(destination: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(
        tarball(header(b"d/", flag=b"5"), member(b"d/a", mode=b"0000755\0", mtime=b"00000000017\0"))
    )

    run = run_child(packed, destination, tmp_path / "manifest.json", {})

    assert run.answer == {"ok": True}
    assert json.loads((tmp_path / "manifest.json").read_text()) == {
        "boot_id": "this boot",
        "files": {"d/a": [4, 15 * 10**9, 0o755]},
        "directories": ["d"],
    }


def test_the_child_ends_when_nobody_orders_anything() -> None:
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(LIBRARY)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert child.stdout == b""


def test_every_truncated_archive_is_refused(tmp_path: Path) -> None:
    whole = b"".join([header(b"d/", flag=b"5"), member(b"d/a", b"x" * 700), member(b"b")]) + END
    for size in range(0, len(whole), BLOCK // 2):
        destination = tmp_path / str(size)
        destination.mkdir()
        with pytest.raises(BundleError):
            unpack([gzip.compress(whole[:size])], destination)


def test_every_archive_cut_off_in_its_packed_form_is_refused(tmp_path: Path) -> None:
    packed = tarball(member(b"a", random.Random(2).randbytes(3000)))
    for size in range(0, len(packed), 97):
        destination = tmp_path / str(size)
        destination.mkdir()
        with pytest.raises(BundleError):
            unpack([packed[:size]], destination)


GOOD = b"".join(
    [
        header(b"d/", flag=b"5"),
        extended(record(b"path", b"d/" + b"n" * 120), record(b"mtime", b"12.5")),
        member(b"x", b"content"),
        long_name(b"d/" + b"m" * 120),
        member(b"y", b"more"),
        header(b"l", flag=b"2", link=b"d"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6
    ),
    links=st.booleans(),
)
def test_a_damaged_archive_is_refused_or_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], links: bool
) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            data[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    top = tmp_path_factory.mktemp("mutated")
    destination = top / "inside"
    destination.mkdir()
    with contextlib.suppress(BundleError):
        unpack([gzip.compress(bytes(data) + END, 1)], destination, links=links)
    assert [path.name for path in top.iterdir()] == ["inside"]
    for path in destination.rglob("*"):
        assert path.resolve().is_relative_to(destination) or not path.exists()


def test_what_other_programs_pack_is_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / ("long" * 40)).mkdir(parents=True)
    (source / "deep" / ("long" * 40) / "näme").write_text("text")
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o700)
    (source / "empty").mkdir()
    formats: dict[str, Callable[[Path], None]] = {
        "gnu": lambda path: _pack(path, source, tarfile.GNU_FORMAT),
        "pax": lambda path: _pack(path, source, tarfile.PAX_FORMAT),
        "tar": lambda path: _pack_by_tar(path, source),
    }
    for name, pack in formats.items():
        packed, destination = tmp_path / f"{name}.tgz", tmp_path / name
        destination.mkdir()
        pack(packed)

        manifest = unpack_file(packed, destination)

        assert (destination / "deep" / ("long" * 40) / "näme").read_text() == "text"
        assert manifest.files["run.sh"][2] == 0o755
        assert (destination / "empty").is_dir()
        assert set(manifest.directories) == {"deep", "deep/" + "long" * 40, "empty"}


def _pack(path: Path, source: Path, kind: int) -> None:
    with tarfile.open(path, "w:gz", format=kind) as archive:
        for entry in sorted(source.iterdir()):
            archive.add(entry, entry.name)


def _pack_by_tar(path: Path, source: Path) -> None:
    subprocess.run(["tar", "-czf", path, "-C", source, "."], check=True)


def test_times_are_kept_to_the_nanosecond_where_the_archive_has_them(tmp_path: Path) -> None:
    archive = tarball(extended(record(b"mtime", b"1700000000.123456789")), member(b"a"))

    manifest = unpack([archive], tmp_path)

    assert (tmp_path / "a").stat().st_mtime_ns == 1_700_000_000_123_456_789
    assert manifest.files["a"] == (4, 1_700_000_000_123_456_789, 0o644)


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (Limits(compressed_bytes=100), "larger than 100 bytes"),
        (Limits(expanded_bytes=2000), "expands to more than 2000 bytes"),
        (Limits(members=1), "more than 1 members"),
        (Limits(file_bytes=999), "larger than 999 bytes"),
        (Limits(depth=1), "more than 1 levels deep"),
        (Limits(path_bytes=2), "longer than 2 bytes"),
    ],
)
def test_a_limit_is_named_when_it_is_passed(tmp_path: Path, limits: Limits, complaint: str) -> None:
    content = random.Random(3).randbytes(1000)
    archive = tarball(member(b"a", content), member(b"b/c", content))
    with pytest.raises(BundleError, match=complaint):
        unpack([archive], tmp_path, limits=limits)


def test_the_message_names_the_member_and_the_reason(tmp_path: Path) -> None:
    archive = tarball(member(b"fine"), header(b"bad\x1b[2J", flag=b"2", link=b"/etc"))
    with pytest.raises(BundleError) as caught:
        unpack([archive], tmp_path)
    assert caught.value.message == (
        "The archive cannot be unpacked: member 'bad\\x1b[2J': it is a symbolic link; only "
        "regular files and directories are accepted."
    )


def test_a_destination_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BundleError, match="not empty"):
        unpack([tarball(member(b"a"))], tmp_path)
    assert files_in(tmp_path) == {"mine": b"mine"}


def test_harmless_links_are_made_where_asked_for(tmp_path: Path) -> None:
    archive = tarball(
        header(b"latest", flag=b"2", link=b"models/1"),
        header(b"models/up", flag=b"2", link=b"../notes"),
        header(b"models/here", flag=b"2", link=b".."),
        member(b"models/1"),
        member(b"notes"),
    )
    manifest = unpack([archive], tmp_path, links=True)
    assert manifest.links == {"latest": "models/1", "models/up": "../notes", "models/here": ".."}
    assert (tmp_path / "latest").readlink() == Path("models/1")
    assert (tmp_path / "models" / "up").read_bytes() == b"evil"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (b"a", b".."),
        (b"d/a", b"../.."),
        (b"d/a", b"../../x"),
        (b"a", b"/"),
        (b"a", b"b/../.."),
        (b"a", b"b/../c"),
        (b"a", b"./b"),
        (b"a", b""),
        (b"a", b"b\\c"),
        (b"a", b"b\nc"),
        (b"a", b"b\xff"),
        (b"a", b"b//c"),
    ],
)
def test_links_that_could_lead_out_are_refused(
    destination: Path, path: bytes, target: bytes
) -> None:
    with pytest.raises(BundleError):
        unpack([tarball(header(path, flag=b"2", link=target))], destination, links=True)


@pytest.mark.parametrize(
    "others",
    [
        [member(b"a")],
        [header(b"a/", flag=b"5")],
        [member(b"a/b")],
        [header(b"a", flag=b"2", link=b"c")],
    ],
    ids=["file", "directory", "file below", "link"],
)
@pytest.mark.parametrize("link_comes_first", [True, False])
def test_a_link_that_clashes_is_refused(
    destination: Path, others: list[bytes], link_comes_first: bool
) -> None:
    link = header(b"a", flag=b"2", link=b"b")
    parts = [link, *others] if link_comes_first else [*others, link]
    with pytest.raises(BundleError, match="clashes"):
        unpack([tarball(*parts)], destination, links=True)


def test_any_division_into_pieces_gives_the_same(tmp_path: Path) -> None:
    content = random.Random(4).randbytes(70_000)
    packed = tarball(member(b"a", content), member(b"z", bytes(600_000)))
    for size in (1, 7, 512, 100_000):
        destination = tmp_path / str(size)
        destination.mkdir()
        pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
        unpack([b"", *pieces, b""], destination, limits=RETRIEVED)
        assert (destination / "a").read_bytes() == content
        assert (destination / "z").read_bytes() == bytes(600_000)
