"""Whole projects are renamed, described and deleted."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import InvalidRequest, JobConflict, NotFound
from foundations.models import Change, JobState
from tests.store.samples import add, finish, run

pytestmark = pytest.mark.anyio


async def names(service: Service) -> list[str]:
    return [one.name for one in await service.projects()]


async def test_the_jobs_of_a_renamed_project_go_with_it(
    service: Service, database: Database
) -> None:
    waiting = await database.write(lambda conn: add(conn, project="cats"))
    running = await database.write(lambda conn: run(conn, add(conn, project="cats")))

    view = await service.rename_project("cats", "lions", by="ada")

    assert (view.name, view.jobs) == ("lions", 2)
    found = (await service.jobs(project="lions")).jobs
    assert [job.job_id for job in found] == [running.job_id, waiting.job_id]
    await database.write(lambda conn: add(conn, project="cats"))
    assert await names(service) == ["cats", "lions"]


async def test_projects_are_not_merged_by_a_rename(service: Service, database: Database) -> None:
    await database.write(lambda conn: [add(conn, project=name) for name in ("cats", "dogs")])

    with pytest.raises(InvalidRequest, match="a project `dogs` already"):
        await service.rename_project("cats", "dogs", by="ada")
    await service.rename_project("cats", "cats", by="ada")

    assert await names(service) == ["cats", "dogs"]


async def test_a_description_is_kept_and_replaced(service: Service, database: Database) -> None:
    await database.write(lambda conn: add(conn, project="cats"))

    for text in ("# Cats\n\nall of them", ""):
        view = await service.describe_project("cats", text, by="ada")
        assert view.description == text
        assert await service.projects() == [view]


async def test_a_deleted_project_takes_its_jobs_along_and_frees_its_name(
    service: Service, database: Database
) -> None:
    ended = await database.write(
        lambda conn: [finish(conn, add(conn, project="cats")) for _ in range(3)]
    )
    other = await database.write(lambda conn: add(conn, project="dogs"))
    await service.describe_project("cats", "old", by="ada")

    deleted = await service.delete_project("cats", by="ada")

    assert (deleted.name, deleted.jobs) == ("cats", 3)
    assert await names(service) == ["dogs"]
    assert [job.job_id for job in (await service.jobs()).jobs] == [other.job_id]
    told = [one async for one in service.changes(0, follow=False) if isinstance(one, Change)]
    assert [(one.job_id, one.project, one.event, one.detail) for one in told] == [
        (job.job_id, "cats", "Deleted", {"by": "ada"}) for job in ended
    ]
    await database.write(lambda conn: add(conn, project="cats"))
    assert [one.description for one in await service.projects()] == ["", ""]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
async def test_a_project_with_an_active_job_keeps_every_job(
    service: Service, database: Database, state: JobState
) -> None:
    await database.write(lambda conn: finish(conn, add(conn, project="cats")))
    active = await database.write(lambda conn: add(conn, project="cats"))
    if state is JobState.RUNNING:
        await database.write(lambda conn: run(conn, active))

    with pytest.raises(JobConflict, match=rf"have not ended \(1 {state}\)"):
        await service.delete_project("cats", by="ada")

    assert len((await service.jobs(project="cats")).jobs) == 2


async def test_a_job_that_is_submitted_while_a_project_is_being_deleted_saves_it(
    service: Service, database: Database
) -> None:
    ended = await database.write(lambda conn: finish(conn, add(conn, project="cats")))

    async def submit(job_id: str) -> None:
        await database.write(lambda conn: add(conn, project="cats"))

    service.shell.settle = submit  # type: ignore[method-assign]  # lets it happen in between
    with pytest.raises(JobConflict, match="1 queued"):
        await service.delete_project("cats", by="ada")

    assert (await service.job(ended.job_id)).project == "cats"


async def test_nothing_is_left_of_a_deleted_project_after_the_grace(
    service: Service, database: Database
) -> None:
    for _ in range(2):
        ended = await database.write(lambda conn: finish(conn, add(conn, project="cats")))
        await service.delete_project("cats", by="ada")
        assert await names(service) == []
    later = await database.write(lambda conn: finish(conn, add(conn, project="cats")))
    assert [job.job_id for job in (await service.jobs(project="cats")).jobs] == [later.job_id]
    await service.delete_project("cats", by="ada")

    service.delete_grace_ms = 0
    job_ids, _ = await service.begin_sweeps()
    assert ended.job_id in job_ids
    assert len(job_ids) == 3
    for job_id in job_ids:
        await service.purge(job_id)
    assert await service.begin_sweeps() == ([], None)
    rows = await database.read(lambda conn: conn.execute("SELECT * FROM projects").fetchall())
    assert rows == []


async def test_a_deleted_project_comes_back_with_what_went_with_it(
    service: Service, database: Database
) -> None:
    service.delete_grace_ms = 1_000_000
    earlier, ended = await database.write(
        lambda conn: [finish(conn, add(conn, project="cats")) for _ in range(2)]
    )
    await service.describe_project("cats", "all of them", by="ada")
    before = await service.job(ended.job_id)
    await service.delete(earlier.job_id, by="ada")
    await service.delete_project("cats", by="ada")
    with pytest.raises(JobConflict, match=r"with its project `cats`\. Restore the project"):
        await service.restore(ended.job_id, by="ada")

    restored = await service.restore_project("cats", by="grace")

    assert (restored.name, restored.jobs) == ("cats", 1)
    (view,) = await service.projects()
    assert (view.name, view.jobs, view.description) == ("cats", 1, "all of them")
    after = await service.job(ended.job_id)
    assert [one.event for one in after.history] == ["Deleted", "Restored"]
    assert after.model_copy(update={"history": []}) == before
    with pytest.raises(NotFound, match="no deleted project `cats`"):
        await service.restore_project("cats", by="ada")


async def test_a_deleted_project_whose_name_is_taken_or_whose_time_is_over_stays_away(
    service: Service, database: Database
) -> None:
    await database.write(lambda conn: finish(conn, add(conn, project="cats")))
    service.delete_grace_ms = 1_000_000
    await service.delete_project("cats", by="ada")
    await database.write(lambda conn: add(conn, project="cats"))
    with pytest.raises(InvalidRequest, match=r"a project `cats` again\. Rename it"):
        await service.restore_project("cats", by="ada")
    service.delete_grace_ms = 0
    with pytest.raises(NotFound, match="no deleted project `cats`"):
        await service.restore_project("cats", by="ada")


async def test_a_project_that_is_not_there_is_an_error(service: Service) -> None:
    for attempt in (
        service.rename_project("cats", "dogs", by="ada"),
        service.describe_project("cats", "x", by="ada"),
        service.delete_project("cats", by="ada"),
    ):
        with pytest.raises(NotFound, match="no project `cats`"):
            await attempt
