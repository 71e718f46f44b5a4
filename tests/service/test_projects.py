"""Whole projects are renamed, described and deleted."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs
from atlas_scheduler.store.db import Database
from foundations.errors import InvalidRequest, JobConflict, NotFound
from foundations.models import JobState
from tests.store.samples import add, finish, run

pytestmark = pytest.mark.anyio


async def names(service: Service) -> list[str]:
    return [one.name for one in await service.projects()]


async def test_the_jobs_of_a_renamed_project_go_with_it(
    service: Service, database: Database
) -> None:
    waiting = await database.write(lambda conn: add(conn, project="cats"))
    running = await database.write(lambda conn: run(conn, add(conn, project="cats")))

    view = await service.rename_project("cats", "lions")

    assert (view.name, view.jobs) == ("lions", 2)
    found = (await service.jobs(project="lions")).jobs
    assert [job.job_id for job in found] == [running.job_id, waiting.job_id]
    await database.write(lambda conn: add(conn, project="cats"))
    assert await names(service) == ["cats", "lions"]


async def test_projects_are_not_merged_by_a_rename(service: Service, database: Database) -> None:
    await database.write(lambda conn: [add(conn, project=name) for name in ("cats", "dogs")])

    with pytest.raises(InvalidRequest, match="a project `dogs` already"):
        await service.rename_project("cats", "dogs")
    await service.rename_project("cats", "cats")

    assert await names(service) == ["cats", "dogs"]


async def test_a_description_is_kept_and_replaced(service: Service, database: Database) -> None:
    await database.write(lambda conn: add(conn, project="cats"))

    for text in ("# Cats\n\nall of them", ""):
        view = await service.describe_project("cats", text)
        assert view.description == text
        assert await service.projects() == [view]


async def test_a_deleted_project_takes_its_jobs_along_and_frees_its_name(
    service: Service, database: Database
) -> None:
    ended = await database.write(
        lambda conn: [finish(conn, add(conn, project="cats")) for _ in range(3)]
    )
    other = await database.write(lambda conn: add(conn, project="dogs"))
    await service.describe_project("cats", "old")

    deleted = await service.delete_project("cats", by="ada")

    assert (deleted.name, deleted.jobs) == ("cats", 3)
    assert await names(service) == ["dogs"]
    assert [job.job_id for job in (await service.jobs()).jobs] == [other.job_id]
    told = [one async for one in service.changes(0, follow=False) if one is not None]
    assert [(one.job_id, one.project, one.event, one.detail) for one in told] == [
        (job.job_id, "cats", "Deleted", {"by": "ada"}) for job in ended
    ]
    rows = await database.read(lambda conn: conn.execute("SELECT name FROM projects").fetchall())
    assert [row["name"] for row in rows] == ["dogs"]
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


async def test_what_a_server_that_was_killed_left_of_a_project_does_not_hold_its_name(
    service: Service, database: Database
) -> None:
    ended = await database.write(lambda conn: finish(conn, add(conn, project="cats")))

    async def die(job_id: str) -> None:
        raise NotFound("the server is gone")

    sweep, service.shell.sweep = service.shell.sweep, die  # type: ignore[method-assign]  # a crash
    await service.delete_project("cats", by="ada")
    assert await names(service) == []
    assert await database.read(jobs.deleted) == [ended.job_id]
    later = await database.write(lambda conn: finish(conn, add(conn, project="cats")))
    assert [job.job_id for job in (await service.jobs(project="cats")).jobs] == [later.job_id]

    await sweep(ended.job_id)  # as at the next start
    service.shell.sweep = sweep  # type: ignore[method-assign]  # all is well again
    await service.delete_project("cats", by="ada")
    rows = await database.read(lambda conn: conn.execute("SELECT * FROM projects").fetchall())
    assert rows == []


async def test_a_project_that_is_not_there_is_an_error(service: Service) -> None:
    for attempt in (
        service.rename_project("cats", "dogs"),
        service.describe_project("cats", "x"),
        service.delete_project("cats", by="ada"),
    ):
        with pytest.raises(NotFound, match="no project `cats`"):
            await attempt
