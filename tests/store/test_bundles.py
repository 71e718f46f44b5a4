"""Bundles: whole and durable, or not there."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest
from pydantic import JsonValue

from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.extraction import Extractor, Order
from foundations.errors import (
    BundleRejected,
    InvalidRequest,
    NotFound,
    ServerFault,
    StorageFull,
    TooLarge,
)
from foundations.home import Home
from tests.hostile_archives import member, tarball
from tests.store.interruptions import SimulatedCrash, crash_at, disk_full_from
from tests.store.projects import (
    FILES,
    MOST_BYTES,
    files_in,
    kept,
    packed,
    pieces,
    stored,
    write_tree,
)

pytestmark = pytest.mark.anyio
DEADLINE_SECONDS = 20


@pytest.fixture
def after_restart(home: Home) -> Iterator[Bundles]:
    """The same bundles after a restart of the machine."""
    opened = Bundles(home, boot_id="next boot")
    yield opened
    opened.close()


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        await condition.wait()


async def test_a_bundle_is_kept_and_unpacked(bundles: Bundles, home: Home) -> None:
    bundle = packed()
    view = await bundles.receive(
        pieces(bundle.data),
        digest=bundle.digest,
        max_bytes=MOST_BYTES,
        size_bytes=len(bundle.data),
    )
    assert view.digest == bundle.digest
    assert view.size_bytes == bundles.size_bytes(bundle.digest) == len(bundle.data)
    assert bundles.has(bundle.digest)
    assert files_in(bundles.tree(bundle.digest)) == FILES
    name = bundle.digest.removeprefix("sha256:")
    assert (home.bundles / f"{name}.tar.gz").read_bytes() == bundle.data
    assert kept(home) == [
        name,
        f"{name}.tar.gz",
        f"{name}/manifest.json",
        f"{name}/tree",
        "incoming",
    ]
    manifest = json.loads((home.bundles / name / "manifest.json").read_text())
    assert manifest["boot_id"] == "this boot"
    assert manifest["directories"] == ["data", "src"]
    size, _, mode = manifest["files"]["run.sh"]
    assert (size, mode) == (2, 0o755)


async def test_a_bundle_that_is_here_is_read_to_its_end_and_changes_nothing(
    bundles: Bundles, home: Home
) -> None:
    digest = await stored(bundles)
    before = kept(home)
    came: list[int] = []

    async def other() -> AsyncIterator[bytes]:
        for size in (10, 20):
            came.append(size)
            yield bytes(size)

    await bundles.receive(other(), digest=digest, max_bytes=MOST_BYTES)
    assert came == [10, 20]
    assert kept(home) == before


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:" + "A" * 64,
        "md5:" + "a" * 64,
        "sha256:" + "a" * 64 + "\n",
        "../" * 20,
    ],
)
async def test_a_digest_that_is_none_is_refused(bundles: Bundles, digest: str) -> None:
    with pytest.raises(InvalidRequest):
        bundles.has(digest)
    with pytest.raises(InvalidRequest):
        await bundles.receive(pieces(b""), digest=digest, max_bytes=1)


async def test_what_is_not_here_is_not_found(bundles: Bundles, tmp_path: Path) -> None:
    digest = packed().digest
    assert not bundles.has(digest)
    for ask in (bundles.size_bytes, bundles.tree):
        with pytest.raises(NotFound):
            ask(digest)
    with pytest.raises(NotFound):
        bundles.materialise(digest, tmp_path / "job", {})
    bundles.remove(digest)


@pytest.mark.parametrize(
    ("change", "declared", "most", "error"),
    [
        (lambda data: data + b"x", None, MOST_BYTES, BundleRejected),
        (lambda data: data[:-1], None, MOST_BYTES, BundleRejected),
        (lambda data: b"", None, MOST_BYTES, BundleRejected),
        (
            lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
            None,
            MOST_BYTES,
            BundleRejected,
        ),
        (lambda data: data, 10, MOST_BYTES, BundleRejected),
        (lambda data: data, 10_000, MOST_BYTES, BundleRejected),
        (lambda data: data, None, 100, TooLarge),
        (lambda data: data, 10_000, 100, TooLarge),
        (lambda data: data, 1 << 60, 1 << 62, StorageFull),
    ],
    ids=[
        "longer",
        "shorter",
        "nothing",
        "changed",
        "declared too small",
        "declared too large",
        "over the limit",
        "declared over the limit",
        "more than the disk",
    ],
)
async def test_an_upload_that_is_not_as_declared_leaves_nothing(
    bundles: Bundles,
    home: Home,
    change: Callable[[bytes], bytes],
    declared: int | None,
    most: int,
    error: type[Exception],
) -> None:
    bundle = packed()
    with pytest.raises(error):
        await bundles.receive(
            pieces(change(bundle.data)), digest=bundle.digest, max_bytes=most, size_bytes=declared
        )
    assert kept(home) == ["incoming"]
    assert not bundles.has(bundle.digest)


async def test_a_hostile_archive_is_refused_and_leaves_nothing(
    bundles: Bundles, home: Home
) -> None:
    data = tarball(member(b"fine"), member(b"../evil"))
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with pytest.raises(BundleRejected, match=r"member '\.\./evil'"):
        await bundles.receive(pieces(data), digest=digest, max_bytes=MOST_BYTES)
    assert kept(home) == ["incoming"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
async def test_an_upload_that_is_cut_off_leaves_nothing(
    bundles: Bundles, home: Home, share: float
) -> None:
    bundle = packed({"big": "x" * 100_000, **{str(n): str(n) * n for n in range(300)}})

    async def cut() -> AsyncIterator[bytes]:
        async for piece in pieces(bundle.data[: int(len(bundle.data) * share)]):
            yield piece
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await bundles.receive(cut(), digest=bundle.digest, max_bytes=MOST_BYTES)
    assert kept(home) == ["incoming"]


async def test_an_upload_that_is_cancelled_leaves_nothing(bundles: Bundles, home: Home) -> None:
    bundle = packed()
    under_way = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(3_000_000)
        under_way.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(
        bundles.receive(stalled(), digest=bundle.digest, max_bytes=MOST_BYTES)
    )
    await until(under_way)
    assert [path for path in kept(home) if path.endswith(".part")]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept(home) == ["incoming"]


async def test_an_upload_that_is_cancelled_while_it_is_unpacked_leaves_nothing(
    home: Home,
) -> None:
    unpacking = asyncio.Event()

    class Stalled(Extractor):
        async def extract_async(self, order: Order) -> None:
            (order.destination / "half").write_text("half")
            unpacking.set()
            await asyncio.Event().wait()

    bundles = Bundles(home, extractor=Stalled())
    task = asyncio.create_task(stored(bundles))
    await until(unpacking)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept(home) == ["incoming"]
    bundles.close()


async def test_one_bundle_may_arrive_several_times_at_once(bundles: Bundles, home: Home) -> None:
    bundle = packed()
    arrivals = [
        bundles.receive(pieces(bundle.data, size), digest=bundle.digest, max_bytes=MOST_BYTES)
        for size in (1, 10, 100, 1000)
    ]
    views = await asyncio.gather(*arrivals)
    assert {view.digest for view in views} == {bundle.digest}
    assert len(kept(home)) == 5
    assert files_in(bundles.tree(bundle.digest)) == FILES


async def test_several_bundles_may_arrive_at_once(bundles: Bundles) -> None:
    digests = await asyncio.gather(*(stored(bundles, {"n": str(n)}) for n in range(6)))
    for number, digest in enumerate(digests):
        assert files_in(bundles.tree(digest)) == {"n": str(number)}


async def test_a_tree_is_trusted_until_the_machine_restarts(
    bundles: Bundles, after_restart: Bundles
) -> None:
    digest = await stored(bundles)
    (bundles.tree(digest) / "main.py").write_text("not on the disk yet")
    assert (bundles.tree(digest) / "main.py").read_text() == "not on the disk yet"
    assert files_in(after_restart.tree(digest)) == FILES


@pytest.mark.parametrize("damage", ["manifest", "tree"])
async def test_a_tree_that_is_incomplete_is_unpacked_again(bundles: Bundles, damage: str) -> None:
    digest = await stored(bundles)
    unpacked = bundles.tree(digest).parent
    if damage == "manifest":
        (unpacked / "manifest.json").write_text('{"boot_id": "this')
    else:
        shutil.rmtree(unpacked)
    assert files_in(bundles.tree(digest)) == FILES


async def test_sweep_removes_what_a_crash_left_and_keeps_bundles(
    bundles: Bundles, home: Home
) -> None:
    digest = await stored(bundles)
    before = kept(home)
    write_tree(
        home.bundles, {"incoming/x.part": "", "incoming/y/tree/a": "", f"{'0' * 64}/tree/a": ""}
    )
    bundles.sweep()
    assert kept(home) == before
    assert bundles.has(digest)


async def test_a_removed_bundle_leaves_nothing(bundles: Bundles, home: Home) -> None:
    digest = await stored(bundles)
    bundles.remove(digest)
    assert kept(home) == ["incoming"]
    assert await stored(bundles) == digest


async def test_a_retired_bundle_is_out_of_the_way_at_once(bundles: Bundles, home: Home) -> None:
    digest = await stored(bundles)
    aside = bundles.retire(digest)
    assert not bundles.has(digest)
    assert await stored(bundles) == digest
    assert aside.is_relative_to(home.bundles / "incoming")
    bundles.sweep()
    assert not aside.exists()
    assert bundles.has(digest)


async def test_a_job_gets_its_own_copy(bundles: Bundles, home: Home) -> None:
    digest = await stored(bundles)
    job_dir = home.job_dir("job")
    bundles.materialise(digest, job_dir, {})
    assert sorted(path.name for path in job_dir.iterdir()) == [
        "artifacts",
        "home",
        "job_source",
        "records",
    ]
    assert files_in(job_dir / "job_source") == FILES
    for name in FILES:
        copy, original = (job_dir / "job_source" / name), (bundles.tree(digest) / name)
        assert copy.stat().st_mtime_ns == original.stat().st_mtime_ns
        assert copy.stat().st_mode == original.stat().st_mode
        assert copy.stat().st_nlink == 1
        copy.write_text("changed by the job")
    assert files_in(bundles.tree(digest)) == FILES


async def test_parameters_are_written_into_the_copy_only(bundles: Bundles, home: Home) -> None:
    name = "foundations_job_parameters.json"
    digest = await stored(bundles, {name: "of the user", "main.py": ""})
    parameters: dict[str, JsonValue] = {"epochs": 6, "name": "größe", "shape": [1, {"a": None}]}
    bundles.materialise(digest, home.job_dir("job"), parameters)
    written = (home.job_dir("job") / "job_source" / name).read_text()
    assert json.loads(written) == parameters
    assert "größe" in written
    assert (bundles.tree(digest) / name).read_text() == "of the user"
    bundles.materialise(digest, home.job_dir("other"), {})
    assert (home.job_dir("other") / "job_source" / name).read_text() == "of the user"


async def test_a_file_that_says_the_same_stays_as_the_user_wrote_it(
    bundles: Bundles, home: Home
) -> None:
    name = "foundations_job_parameters.json"
    digest = await stored(bundles, {name: '{"lr":0.1,\n"n": [1]}', "main.py": ""})
    bundles.materialise(digest, home.job_dir("job"), {"lr": 0.1, "n": [1]})
    assert (home.job_dir("job") / "job_source" / name).read_text() == '{"lr":0.1,\n"n": [1]}'
    bundles.materialise(digest, home.job_dir("other"), {"lr": 0.1, "n": [True]})
    written = (home.job_dir("other") / "job_source" / name).read_text()
    assert json.loads(written)["n"] == [True]


async def test_parameters_replace_a_directory_of_that_name(bundles: Bundles, home: Home) -> None:
    name = "foundations_job_parameters.json"
    digest = await stored(bundles, {f"{name}/x": ""})
    bundles.materialise(digest, home.job_dir("job"), {"a": 1})
    assert json.loads((home.job_dir("job") / "job_source" / name).read_text()) == {"a": 1}


async def test_a_complete_job_dir_stays_as_the_running_job_has_it(
    bundles: Bundles, home: Home
) -> None:
    digest = await stored(bundles)
    job_dir = home.job_dir("job")
    bundles.materialise(digest, job_dir, {"a": 1})
    (job_dir / "job_source" / "main.py").unlink()
    write_tree(job_dir, {"artifacts/model": "of the job"})
    bundles.materialise(digest, job_dir, {"a": 2})
    assert not (job_dir / "job_source" / "main.py").exists()
    assert (job_dir / "artifacts" / "model").read_text() == "of the job"


async def test_a_job_dir_from_before_a_restart_of_the_machine_is_made_again(
    bundles: Bundles, after_restart: Bundles, home: Home
) -> None:
    digest = await stored(bundles)
    job_dir = home.job_dir("job")
    bundles.materialise(digest, job_dir, {})
    (job_dir / "job_source" / "main.py").write_text("")
    after_restart.materialise(digest, job_dir, {})
    assert files_in(job_dir / "job_source") == FILES


async def test_a_job_dir_that_a_crash_left_half_made_is_made_again(
    bundles: Bundles, home: Home
) -> None:
    digest = await stored(bundles)
    bundles.tree(digest)
    for step in count():
        job_dir = home.job_dir(f"job-{step}")
        try:
            with crash_at(step):
                bundles.materialise(digest, job_dir, {"a": 1})
        except SimulatedCrash:
            bundles.materialise(digest, job_dir, {"a": 1})
            found = files_in(job_dir / "job_source")
            del found["foundations_job_parameters.json"]
            assert found == FILES
        else:
            break
    assert step > 10


async def test_a_full_disk_while_a_job_dir_is_made_is_said(bundles: Bundles, home: Home) -> None:
    digest = await stored(bundles)
    for step in count():
        try:
            with disk_full_from(step):
                bundles.materialise(digest, home.job_dir("job"), {"a": 1})
        except StorageFull:
            continue
        break
    assert step > 5
    assert files_in(home.job_dir("job") / "job_source").keys() == {
        *FILES,
        "foundations_job_parameters.json",
    }


async def test_a_full_disk_refuses_an_upload_and_takes_it_when_there_is_space(
    small_disk: Path,
) -> None:
    home = Home(small_disk / "home")
    bundles = Bundles(home)
    try:
        packed_does_not_fit = packed({"random": os.urandom(2_000_000).hex()})
        content_does_not_fit = packed({"even": "0" * 5_000_000})
        for bundle in (packed_does_not_fit, content_does_not_fit):
            with pytest.raises(StorageFull):
                await bundles.receive(
                    pieces(bundle.data, 65536), digest=bundle.digest, max_bytes=MOST_BYTES
                )
            assert kept(home) == ["incoming"]
        digest = await stored(bundles, {"small": "x" * 900_000})
        with pytest.raises(StorageFull):
            bundles.materialise(digest, home.job_dir("1"), {"p": "x" * 900_000})
        bundles.materialise(digest, home.job_dir("1"), {})
        assert (home.job_dir("1") / "job_source" / "small").stat().st_size == 900_000
    finally:
        bundles.close()


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """An extraction that waits for its archive for ever: nobody writes into the pipe."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "tree").mkdir()
    return Order(tmp_path / "pipe", tmp_path / "tree", tmp_path / "manifest.json", "this boot")


def warmed(extractor: Extractor) -> psutil.Process:
    """Have the spare process started, and find it."""
    before = set(psutil.Process().children())
    extractor.warm()
    (spare,) = set(psutil.Process().children()) - before
    return spare


async def test_an_extraction_that_takes_too_long_is_ended(order: Order) -> None:
    extractor = Extractor(timeout_seconds=0.2)
    with pytest.raises(BundleRejected, match=r"longer than 0\.2 seconds"):
        await extractor.extract_async(order)
    with pytest.raises(BundleRejected, match=r"longer than 0\.2 seconds"):
        await asyncio.to_thread(extractor.extract, order)
    extractor.close()


async def test_a_cancelled_extraction_takes_its_process_with_it(order: Order) -> None:
    extractor = Extractor()
    task = asyncio.create_task(extractor.extract_async(order))
    # It opens for writing when the child has it open for reading.
    descriptor = await asyncio.to_thread(os.open, order.archive, os.O_WRONLY)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(BrokenPipeError):
        os.write(descriptor, b"x")
    os.close(descriptor)
    extractor.close()


async def test_a_spare_that_died_is_replaced(tmp_path: Path) -> None:
    extractor = Extractor()
    spare = warmed(extractor)
    spare.kill()
    spare.wait(DEADLINE_SECONDS)
    (tmp_path / "packed").write_bytes(tarball(member(b"a")))
    (tmp_path / "tree").mkdir()
    await extractor.extract_async(
        Order(tmp_path / "packed", tmp_path / "tree", tmp_path / "manifest.json", "")
    )
    assert (tmp_path / "tree" / "a").exists()
    extractor.close()


async def test_trouble_of_the_machine_is_not_blamed_on_the_bundle(tmp_path: Path) -> None:
    extractor = Extractor()
    (tmp_path / "tree").mkdir()
    order = Order(tmp_path / "missing", tmp_path / "tree", tmp_path / "manifest.json", "")
    with pytest.raises(ServerFault, match="No such file"):
        await extractor.extract_async(order)
    with pytest.raises(ServerFault, match="No such file"):
        await asyncio.to_thread(extractor.extract, order)
    extractor.close()


async def test_a_child_that_dies_is_taken_for_one_over_its_limits(order: Order) -> None:
    extractor = Extractor()
    child = warmed(extractor)
    task = asyncio.create_task(extractor.extract_async(order))
    descriptor = await asyncio.to_thread(os.open, order.archive, os.O_WRONLY)
    child.send_signal(signal.SIGXCPU)
    with pytest.raises(BundleRejected, match="limits of time and memory"):
        await task
    os.close(descriptor)
    extractor.close()
