"""The files that two jobs were submitted with are compared."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import NotFound
from tests.store.projects import stored
from tests.store.samples import add

pytestmark = pytest.mark.anyio


async def test_two_jobs_are_compared_by_prefix(service: Service, database: Database) -> None:
    service.bundles.sweep()
    digests = [await stored(service.bundles, {"main.py": f"{number}\n"}) for number in (1, 2)]
    old, new = await database.write(lambda conn: [add(conn, bundle=one) for one in digests])

    found = await service.source_diff(old.job_id[:8], new.job_id)

    assert (found.job_id, found.other_id) == (old.job_id, new.job_id)
    assert [(file.path, file.change) for file in found.files] == [("main.py", "changed")]
    assert found.files[0].diff.endswith("@@ -1 +1 @@\n-1\n+2\n")
    assert (await service.source_diff(old.job_id, old.job_id)).files == []
    with pytest.raises(NotFound):
        await service.source_diff(old.job_id, "nowhere")
