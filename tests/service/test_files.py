"""Single files of a job are asked for by the job's id or a prefix of it."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import NotFound
from foundations.logs.times import TimeMark
from foundations.models import LogTimesRange
from tests.store.projects import stored
from tests.store.samples import add, claim, run

pytestmark = pytest.mark.anyio


async def test_files_are_listed_and_opened_by_prefix(service: Service, database: Database) -> None:
    service.bundles.sweep()
    digest = await stored(service.bundles, {"main.py": "print(1)\n"})
    job = await database.write(lambda conn: add(conn, bundle=digest))

    found = await service.files(job.job_id[:8])

    assert found.job_id == job.job_id
    assert [(one.path, one.kind) for one in found.files] == [("source/main.py", "source")]
    with await service.open_file(job.job_id[:8], "source/main.py") as file:
        assert file.read() == b"print(1)\n"
    with pytest.raises(NotFound):
        await service.open_file(job.job_id, "source/other.py")
    with pytest.raises(NotFound):
        await service.files("nowhere")


async def test_of_a_job_that_starts_the_last_line_of_its_log_is_told(
    service: Service, database: Database
) -> None:
    job = await database.write(lambda conn: claim(conn, add(conn)))
    assert (await service.job(job.job_id)).doing is None
    service.logs.of(job.job_id).say("Pulling the image.")
    assert (await service.job(job.job_id)).doing == "Pulling the image."
    await database.write(lambda conn: run(conn, job))
    assert (await service.job(job.job_id)).doing is None


async def test_times_of_a_log_are_asked_for_by_prefix(service: Service, database: Database) -> None:
    job = await database.write(lambda conn: add(conn))
    log = service.logs.of(job.job_id)
    log.append(b"one\ntwo\nthree\n", [TimeMark(0, 5_000), TimeMark(4, 6_000), TimeMark(8, 7_000)])

    found = await service.log_times(job.job_id[:8], LogTimesRange(since_ms=5_500))

    assert (found.job_id, found.size_bytes, found.resolution_ms) == (job.job_id, 14, 100)
    assert (found.offsets, found.times_ms) == ([4, 8], [6_000, 7_000])
    with pytest.raises(NotFound):
        await service.log_times("nowhere", LogTimesRange())
