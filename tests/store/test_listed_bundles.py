"""Bundles that come file by file: only what is missing is sent, kept once, and never half there."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from atlas_scheduler.store.bundles import Bundles
from foundations.bundles.listing import digest_of
from foundations.errors import BundleRejected, NotFound, StorageFull, TooLarge
from foundations.home import Home
from tests.store.disks import mounted_disk
from tests.store.listings import LARGE, cut_off, frame, listed, listing_of, sha256
from tests.store.projects import pieces

pytestmark = pytest.mark.anyio
FILES = {"main.py": b"print()\n", "run.sh": b"#!", "data/a.bin": b"weights" * 1000, "data/b/c": b""}
MIB = 2**20


def contents(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()
    }


def blobs(home: Home) -> set[str]:
    folder = home.bundles / "blobs"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_a_bundle_of_files_is_what_was_said(bundles: Bundles) -> None:
    digest = await listed(bundles, FILES)

    assert bundles.has(digest)
    assert bundles.size_bytes(digest) == sum(map(len, FILES.values()))
    unpacked = bundles.unpacked(digest)
    assert contents(unpacked.tree) == FILES
    for path, content in FILES.items():
        status = (unpacked.tree / path).stat()
        mode = 0o755 if path == "run.sh" else 0o644
        assert (status.st_mode & 0o777, status.st_mtime) == (mode, 1_700_000_000)
        facts = (len(content), status.st_mtime_ns, mode)
        assert tuple(unpacked.manifest.files[path]) == facts
    assert unpacked.manifest.directories == ["data", "data/b"]


async def test_what_is_missing_is_said_until_it_is_there(bundles: Bundles) -> None:
    data = listing_of(FILES)
    digest = digest_of(data)
    missing = bundles.listed.declare(digest, data, max_bytes=LARGE)
    assert missing == {sha256(content): (len(content), 0) for content in FILES.values()}
    assert not bundles.has(digest)
    body = frame(FILES["main.py"]) + frame(FILES["data/b/c"])
    assert await bundles.listed.receive(pieces(body, 7), max_bytes=LARGE) == 2
    missing = bundles.listed.declare(digest, data, max_bytes=LARGE)
    assert missing.keys() == {sha256(FILES["run.sh"]), sha256(FILES["data/a.bin"])}
    with pytest.raises(NotFound):
        bundles.tree(digest)


async def test_a_second_bundle_takes_space_only_for_what_differs(
    bundles: Bundles, home: Home
) -> None:
    first = await listed(bundles, FILES)
    changed = {**FILES, "main.py": b"print(1)\n"}
    data = listing_of(changed)
    missing = bundles.listed.declare(digest_of(data), data, max_bytes=LARGE)
    assert missing == {sha256(b"print(1)\n"): (9, 0)}
    second = await listed(bundles, changed)

    assert len(blobs(home)) == len(FILES) + 1
    same, other = (bundles.tree(digest) / "data" / "a.bin" for digest in (first, second))
    assert same.samefile(other)
    assert contents(bundles.tree(second)) == changed


async def test_the_same_content_with_another_time_or_mode_keeps_both(bundles: Bundles) -> None:
    first = await listed(bundles, {"a": b"content"}, mtime=1_000)
    second = await listed(bundles, {"a": b"content", "a.sh": b"content"}, mtime=2_000)
    assert (bundles.tree(first) / "a").stat().st_mtime == 1_000
    tree = bundles.tree(second)
    assert (tree / "a").stat().st_mtime == 2_000
    assert (tree / "a.sh").stat().st_mode & 0o777 == 0o755
    assert (bundles.tree(first) / "a").stat().st_mode & 0o777 == 0o644
    assert contents(tree) == {"a": b"content", "a.sh": b"content"}


async def test_a_job_cannot_write_through_to_a_bundle(bundles: Bundles, tmp_path: Path) -> None:
    digest = await listed(bundles, FILES)
    bundles.materialise(digest, tmp_path / "job", {})
    own = tmp_path / "job" / "job_source" / "data" / "a.bin"
    assert not own.samefile(bundles.tree(digest) / "data" / "a.bin")
    own.write_bytes(b"changed")
    assert contents(bundles.tree(digest)) == FILES


async def test_a_tree_is_made_again_after_a_restart_of_the_machine(
    bundles: Bundles, home: Home
) -> None:
    digest = await listed(bundles, FILES)
    (bundles.tree(digest) / "main.py").unlink()
    later = Bundles(home, boot_id="next boot")
    later.sweep()
    try:
        assert contents(later.tree(digest)) == FILES
    finally:
        later.close()


async def test_files_go_with_the_last_bundle_that_has_them(home: Home) -> None:
    clock = [0.0]
    bundles = Bundles(home, boot_id="this boot", clock_seconds=lambda: clock[0])
    bundles.sweep()
    first = await listed(bundles, FILES)
    second = await listed(bundles, {"main.py": FILES["main.py"], "own": b"own"})
    bundles.tree(first)
    clock[0] += 10_000

    bundles.remove(first)
    assert not bundles.has(first)
    assert blobs(home) == {sha256(FILES["main.py"]), sha256(b"own")}
    assert contents(bundles.tree(second)) == {"main.py": FILES["main.py"], "own": b"own"}
    bundles.remove(second)
    assert blobs(home) == set()
    assert await listed(bundles, FILES) == first
    assert contents(bundles.tree(first)) == FILES
    bundles.close()


async def test_what_somebody_was_told_is_here_stays_for_a_while(
    bundles: Bundles, home: Home
) -> None:
    digest = await listed(bundles, FILES)
    other = listing_of({"b": FILES["main.py"], "c": b"not here"})
    assert len(bundles.listed.declare(digest_of(other), other, max_bytes=LARGE)) == 1
    bundles.remove(digest)
    assert blobs(home) == {sha256(FILES["main.py"])}, "its sender need not send it again"


@pytest.mark.parametrize("after_bytes", [2 * MIB + 12345, 5 * MIB])
async def test_an_upload_that_was_cut_off_goes_on_where_it_was(
    bundles: Bundles, home: Home, after_bytes: int
) -> None:
    small, large = b"small", os.urandom(6 * MIB)
    files = {"a": small, "b": large}
    data = listing_of(files)
    digest = digest_of(data)
    bundles.listed.declare(digest, data, max_bytes=LARGE)
    body = frame(small) + frame(large)
    with pytest.raises(ConnectionResetError):
        await bundles.listed.receive(
            cut_off(body[: len(frame(small)) + after_bytes]), max_bytes=LARGE
        )

    bundles.sweep()  # as at a restart of the server

    ((name, (size_bytes, arrived)),) = bundles.listed.declare(digest, data, max_bytes=LARGE).items()
    assert (name, size_bytes) == (sha256(large), len(large))
    assert 0 < arrived <= after_bytes
    await bundles.listed.receive(pieces(frame(large, offset=arrived), 100_000), max_bytes=LARGE)
    assert bundles.listed.declare(digest, data, max_bytes=LARGE) == {}
    assert contents(bundles.tree(digest)) == files
    assert list((home.bundles / "incoming").iterdir()) == []


async def test_a_part_that_was_damaged_is_not_taken_for_the_file(
    bundles: Bundles, home: Home
) -> None:
    content = os.urandom(3 * MIB)
    with pytest.raises(ConnectionResetError):
        await bundles.listed.receive(cut_off(frame(content)[: 2 * MIB]), max_bytes=LARGE)
    part = home.bundles / "incoming" / f"{sha256(content)}.part"
    with part.open("r+b") as file:
        file.write(b"damage")
    with pytest.raises(BundleRejected, match="changed while it was sent"):
        await bundles.listed.receive(pieces(frame(content, offset=MIB), MIB), max_bytes=LARGE)
    assert not part.exists()
    assert await bundles.listed.receive(pieces(frame(content), MIB), max_bytes=LARGE) == 1


async def test_two_who_send_the_same_file_do_not_meet(bundles: Bundles) -> None:
    content = os.urandom(3 * MIB)
    counts = await asyncio.gather(
        *(bundles.listed.receive(pieces(frame(content), 10_000), max_bytes=LARGE) for _ in range(4))
    )
    assert counts == [1] * 4
    assert contents(bundles.tree(await listed(bundles, {"a": content}))) == {"a": content}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"x" * 2000, "too long"),
        (b"nonsense\n", "cannot be read"),
        (b"[]\n", "cannot be read"),
        (b'{"sha256": "../../x", "size_bytes": 1}\n', "no digest"),
        (frame(b"abc", name="0" * 64), "changed while it was sent"),
        (frame(b"abc")[:-1], "ended in the middle"),
        (b'{"sha256"', "ended in the middle"),
        (frame(b"abc").replace(b"3", b"-3", 1), "no digest|size that cannot be"),
        (b'{"sha256": "%s", "size_bytes": 5, "offset": 9}\n' % (b"0" * 64), "after its end"),
        (b'{"sha256": "%s", "size_bytes": 9, "offset": 5}\n' % (b"0" * 64), "Only 0 bytes of"),
        (b'{"sha256": "%s", "size_bytes": true}\n' % (b"0" * 64), "size that cannot be"),
    ],
)
async def test_a_body_that_is_not_right_leaves_nothing(
    bundles: Bundles, home: Home, body: bytes, problem: str
) -> None:
    with pytest.raises(BundleRejected, match=problem):
        await bundles.listed.receive(pieces(body), max_bytes=LARGE)
    assert list((home.bundles / "incoming").iterdir()) == []


async def test_what_came_before_a_fault_is_kept(bundles: Bundles, home: Home) -> None:
    with pytest.raises(BundleRejected):
        await bundles.listed.receive(pieces(frame(b"good") + b"bad\n"), max_bytes=LARGE)
    assert blobs(home) == {sha256(b"good")}


async def test_what_is_too_large_is_refused(bundles: Bundles) -> None:
    with pytest.raises(TooLarge, match="larger than the 3 bytes"):
        await bundles.listed.receive(pieces(frame(b"abcd")), max_bytes=3)
    data = listing_of({"a": b"ab", "b": b"cd"})
    with pytest.raises(TooLarge, match="The bundle is larger than the 3 bytes"):
        bundles.listed.declare(digest_of(data), data, max_bytes=3)


async def test_a_listing_that_cannot_be_used_is_refused(bundles: Bundles) -> None:
    data = listing_of({"a": b"ab"})
    with pytest.raises(BundleRejected, match=f"has the digest {digest_of(data)}"):
        bundles.listed.declare(f"sha256:{'0' * 64}", data, max_bytes=LARGE)
    for bad, problem in (
        (data.replace(b'"a"', b'"../a"'), "not allowed"),
        (b"{", "not a listing"),
    ):
        with pytest.raises(BundleRejected, match=problem):
            bundles.listed.declare(digest_of(bad), bad, max_bytes=LARGE)
    await listed(bundles, {"a": b"ab"})
    lying = data.replace(b",2,", b",3,")
    with pytest.raises(BundleRejected, match="has 2 bytes, not 3"):
        bundles.listed.declare(digest_of(lying), lying, max_bytes=LARGE)


async def test_a_full_disk_is_said_and_nothing_half_is_left(tmp_path: Path) -> None:
    with mounted_disk(tmp_path, size_mib=8):
        bundles = Bundles(Home(tmp_path), boot_id="1")
        bundles.sweep()
        try:
            content = os.urandom(12 * MIB)
            data = listing_of({"a": content})
            with pytest.raises(StorageFull, match="no space for a bundle of 12582912 bytes"):
                bundles.listed.declare(digest_of(data), data, max_bytes=LARGE)
            with pytest.raises(StorageFull, match="no space for a bundle of 12582912 bytes"):
                await bundles.listed.receive(pieces(frame(content), MIB), max_bytes=LARGE)
            files = [os.urandom(3 * MIB) for _ in range(2)]
            senders = [
                bundles.listed.receive(pieces(frame(one), 10_000), max_bytes=LARGE)
                for one in (*files, os.urandom(4 * MIB))
            ]
            ends = await asyncio.gather(*senders, return_exceptions=True)
            assert any(isinstance(one, StorageFull) for one in ends), "they fit one by one only"
            assert list((tmp_path / "bundles" / "incoming").iterdir()) == []
            digest = await listed(bundles, {"a": content[: MIB // 2]})
            assert contents(bundles.tree(digest)) == {"a": content[: MIB // 2]}
        finally:
            bundles.close()


async def test_many_files_are_durable_before_they_are_named(bundles: Bundles, home: Home) -> None:
    files = {f"{number:03}": str(number).encode() for number in range(300)}
    digest = await listed(bundles, files)
    assert contents(bundles.tree(digest)) == files


async def test_a_bundle_that_goes_while_it_is_published_is_whole_or_not_there(
    bundles: Bundles,
) -> None:
    digest = await listed(bundles, FILES)
    data = listing_of(FILES)
    stop = threading.Event()

    def remove_again_and_again() -> None:
        while not stop.is_set():
            bundles.remove(digest)

    remover = threading.Thread(target=remove_again_and_again)
    remover.start()
    try:
        for _ in range(50):
            if bundles.listed.declare(digest, data, max_bytes=LARGE):
                await listed(bundles, FILES)
    finally:
        stop.set()
        remover.join()
    assert await listed(bundles, FILES) == digest
    assert contents(bundles.tree(digest)) == FILES
