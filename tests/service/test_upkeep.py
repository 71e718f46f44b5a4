"""A disk that fills up stops starts, tells everybody, and lets them go on by itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from atlas_scheduler.engine.port import Capabilities
from atlas_scheduler.service import Service
from atlas_scheduler.store import history
from atlas_scheduler.store.ballast import Ballast
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.disk_guard import DiskGuard, Place, Space
from foundations.errors import StorageFull
from foundations.home import Home
from tests.service.conftest import service_on
from tests.service.onlooker import Onlooker
from tests.store.disks import mounted_disk
from tests.store.projects import packed, pieces
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio
MARK_BYTES = 1_000_000


class Disk:
    """A disk whose free space the test says; anything but /data is on one with much space."""

    def __init__(self, free_bytes: int, *, path: str = "/data") -> None:
        self.free_bytes = free_bytes
        self._path = Path(path)

    def guard(self) -> DiskGuard:
        return DiskGuard(
            [Place("home", Path("/data"))], stop_below_bytes=MARK_BYTES, probe=self._probe
        )

    def _probe(self, path: Path) -> Space:
        if path == self._path:
            return Space(10**9, self.free_bytes, device=1)
        return Space(10**12, 10**12, device=2)


class Waking(Onlooker):
    """Counts how often the queue is to be looked at."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


async def test_nothing_starts_on_a_disk_that_is_nearly_full_and_everybody_is_told(
    service: Service, database: Database
) -> None:
    disk = Disk(MARK_BYTES - 1)
    shell = service.shell = Waking()
    service.disk_guard = disk.guard()
    service.engine.problem = None
    job = await database.write(add)

    await service.watch_disk()
    await service.watch_disk()
    await service.take_turn()

    view = await service.view(job.job_id)
    reason = "the disk of /data is nearly full: 1.0 MB are free, and nothing starts below 1.0 MB"
    assert view.state == "queued"
    assert view.waiting is not None
    assert view.waiting.reason == reason
    storage = (await service.info()).storage
    assert storage is not None
    assert storage.problem == reason
    assert shell.woken == 1

    disk.free_bytes = 2 * MARK_BYTES
    await service.watch_disk()
    await service.take_turn()

    assert shell.woken == 2
    assert (await service.view(job.job_id)).state == "starting"
    told = await database.read(lambda conn: history.all_changes_since(conn, 0))
    assert [one.event for one in told] == ["DiskNearlyFull", "DiskFreed", "Claimed"]
    assert told[0].detail == {"reason": reason}


async def test_a_disk_that_filled_up_since_the_last_look_is_noticed_before_a_start(
    service: Service, database: Database
) -> None:
    disk = Disk(2 * MARK_BYTES)
    service.disk_guard = disk.guard()
    service.engine.problem = None
    job = await database.write(add)
    await service.watch_disk()
    disk.free_bytes = 0
    await service.take_turn()
    assert (await service.view(job.job_id)).state == "queued"


async def test_nothing_starts_while_the_engines_own_disk_is_nearly_full(
    service: Service, database: Database
) -> None:
    disk = Disk(0, path="/var/lib/docker")
    shell = service.shell = Waking()
    service.disk_guard = disk.guard()
    service.engine.problem = None
    service.engine.capabilities = Capabilities(
        "docker", "1", isolated=True, data_dirs=(Path("/var/lib/docker"),)
    )
    job = await database.write(add)

    await service.watch_disk()
    await service.take_turn()

    view = await service.view(job.job_id)
    assert view.state == "queued"
    assert view.waiting is not None
    assert view.waiting.reason == (
        "the disk of /var/lib/docker, where the engine keeps images and containers, is nearly "
        "full: 0 bytes are free, and nothing starts below 1.0 MB"
    )
    storage = (await service.info()).storage
    assert storage is not None
    assert [(one.path, one.holds, one.free_bytes) for one in storage.disks] == [
        ("/data", ["home"], 10**12),
        ("/var/lib/docker", ["engine"], 0),
    ]

    disk.free_bytes = 2 * MARK_BYTES
    await service.watch_disk()
    await service.take_turn()

    assert shell.woken == 2
    assert (await service.view(job.job_id)).state == "starting"


async def test_an_upload_must_leave_space_for_what_runs(service: Service) -> None:
    service.bundles.sweep()
    service.bundles.space.keep_free_bytes = lambda: 10**15
    bundle = packed()
    with pytest.raises(StorageFull, match=r"no space for a bundle .* 1000\.0 TB are kept for jobs"):
        await service.receive_bundle(bundle.digest, pieces(bundle.data))
    service.bundles.space.keep_free_bytes = lambda: 0
    await service.receive_bundle(bundle.digest, pieces(bundle.data))


async def test_a_job_can_be_deleted_on_a_disk_that_is_full_to_the_last_byte(
    tmp_path: Path,
) -> None:
    with mounted_disk(tmp_path, size_mib=8):
        async with (
            await Database.open(tmp_path / "scheduler.db") as database,
            service_on(Home(tmp_path), database) as service,
        ):
            ended = await database.write(lambda conn: [finish(conn, add(conn)) for _ in range(3)])
            service.ballast = Ballast(tmp_path / "ballast")
            assert service.ballast.lay()
            fill(tmp_path / "data")
            with pytest.raises(StorageFull):
                await write_on(database)

            for job in ended:
                await service.delete(job.job_id, by="ada")

            assert not (tmp_path / "ballast").exists(), "it was not needed"
            assert len(await service.projects()) == 1


async def test_the_end_of_a_job_can_be_recorded_on_a_full_disk_and_leaves_space_to_delete_it(
    tmp_path: Path,
) -> None:
    with mounted_disk(tmp_path, size_mib=64):
        async with (
            await Database.open(tmp_path / "scheduler.db") as database,
            service_on(Home(tmp_path), database) as service,
        ):
            await database.write(add)
            service.ballast = Ballast(tmp_path / "ballast")
            assert service.ballast.lay()
            whole_bytes = (tmp_path / "ballast").stat().st_size
            fill(tmp_path / "data")
            with pytest.raises(StorageFull):
                await write_on(database)

            await service.spare_space()
            ended = await database.write(lambda conn: finish(conn, add(conn)))
            for _ in range(20):
                await service.spare_space()
                with suppress(StorageFull):
                    await write_on(database)

            assert (tmp_path / "ballast").stat().st_size >= whole_bytes // 2
            await service.delete(ended.job_id, by="ada")


async def write_on(database: Database) -> None:
    """Write until there is no space for it."""
    for _ in range(1000):
        await database.write(lambda conn: add(conn, spec={"tags": {"a": "x" * 1000}}))


def fill(path: Path) -> None:
    """Use up the space to the last page."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
