"""A job keeps the link to the one that it repeats."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.models import JobSpec, Submission
from tests.store.projects import stored
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio


async def test_the_link_outlives_the_job_that_was_repeated(
    service: Service, database: Database
) -> None:
    service.bundles.sweep()
    digest = await stored(service.bundles)
    old = await database.write(lambda conn: finish(conn, add(conn, bundle=digest)))
    spec = JobSpec(project="cats", rerun_of=old.job_id)

    job = await service.submit(Submission(spec=spec, bundle=digest), idempotency_key=None)
    await service.delete(old.job_id, by="ada")

    assert (await service.job(job.job_id)).spec.rerun_of == old.job_id
    assert await service.has_bundle(digest)
