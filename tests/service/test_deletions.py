"""A deletion can be undone for a while, and what is deleted goes after that."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect
from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs
from atlas_scheduler.store.db import Database
from foundations.errors import JobConflict, NotFound
from tests.service.onlooker import Onlooker
from tests.store.projects import stored
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio

NEVER_OVER_MS = 1_000_000_000


class Performing(Onlooker):
    """Remembers what it is to do."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, Effect]] = []

    def perform(self, job: Job, effects: Sequence[Effect]) -> None:
        self.effects += [(job.job_id, effect) for effect in effects]


async def test_a_deleted_job_is_gone_at_once_and_comes_back_as_it_was(
    service: Service, database: Database
) -> None:
    service.delete_grace_ms = NEVER_OVER_MS
    ended = await database.write(lambda conn: finish(conn, add(conn, spec={"tags": {"a": "b"}})))
    before = await service.job(ended.job_id)

    await service.delete(ended.job_id, by="ada")
    assert (await service.jobs()).jobs == []
    with pytest.raises(NotFound):
        await service.job(ended.job_id)
    restored = await service.restore(ended.job_id[:8], by="grace")

    assert restored.tags == {"a": "b"}
    after = await service.job(ended.job_id)
    told = [(one.event, one.detail) for one in after.history]
    assert told == [("Deleted", {"by": "ada"}), ("Restored", {"by": "grace"})]
    assert after.model_copy(update={"history": []}) == before


async def test_after_the_grace_a_job_cannot_come_back(service: Service, database: Database) -> None:
    ended = await database.write(lambda conn: finish(conn, add(conn)))
    service.delete_grace_ms = NEVER_OVER_MS
    await service.delete(ended.job_id, by="ada")
    job_ids, seconds = await service.begin_sweeps()
    assert job_ids == []
    assert seconds == pytest.approx(NEVER_OVER_MS / 1000, abs=60)

    service.delete_grace_ms = 0
    assert await service.begin_sweeps() == ([ended.job_id], None)
    service.delete_grace_ms = 2_500
    with pytest.raises(NotFound, match=r"no deleted job .* can be undone for 2\.5 s"):
        await service.restore(ended.job_id, by="ada")
    # A server that died in the middle goes on with it.
    assert await service.begin_sweeps() == ([ended.job_id], None)
    await service.purge(ended.job_id)
    assert await service.begin_sweeps() == ([], None)


async def test_only_a_deleted_job_is_restored(service: Service, database: Database) -> None:
    ended = await database.write(lambda conn: finish(conn, add(conn)))
    with pytest.raises(JobConflict, match=f"`{ended.job_id}` is not deleted"):
        await service.restore(ended.job_id, by="ada")
    with pytest.raises(NotFound, match="no deleted job `ffffffff`"):
        await service.restore("ffffffff", by="ada")


async def test_the_archive_of_a_restored_job_is_completed(
    service: Service, database: Database
) -> None:
    shell = service.shell = Performing()
    service.delete_grace_ms = NEVER_OVER_MS
    whole, half = await database.write(lambda conn: [finish(conn, add(conn)) for _ in range(2)])
    await database.write(lambda conn: jobs.mark_archived(conn, whole.job_id))
    for job in (whole, half):
        await service.delete(job.job_id, by="ada")
        await service.restore(job.job_id, by="ada")
    assert shell.effects == [(half.job_id, Effect.FINISH)]


async def test_a_bundle_outlasts_the_purge_of_a_job_while_another_can_come_back(
    service: Service, database: Database
) -> None:
    service.bundles.sweep()
    digest = await stored(service.bundles)
    first, second = await database.write(
        lambda conn: [finish(conn, add(conn, bundle=digest)) for _ in range(2)]
    )
    service.delete_grace_ms = 0
    await service.delete(first.job_id, by="ada")
    assert (await service.begin_sweeps())[0] == [first.job_id]
    service.delete_grace_ms = NEVER_OVER_MS
    await service.delete(second.job_id, by="ada")

    assert await service.purge(first.job_id) is None
    await service.restore(second.job_id, by="ada")

    assert await service.has_bundle(digest)


async def test_a_job_is_deleted_once(service: Service, database: Database) -> None:
    ended, waiting = await database.write(lambda conn: [finish(conn, add(conn)), add(conn)])
    await service.delete(ended.job_id, by="ada")
    with pytest.raises(NotFound):
        await service.delete(ended.job_id, by="ada")
    with pytest.raises(JobConflict, match="status `queued` and cannot be deleted"):
        await service.delete(waiting.job_id, by="ada")
