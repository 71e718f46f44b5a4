"""Single files of a job are asked for by the job's id or a prefix of it."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import NotFound
from tests.store.projects import stored
from tests.store.samples import add

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
