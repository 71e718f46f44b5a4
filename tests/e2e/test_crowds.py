"""Many clients at once: each gets its own answer, whole, however slow the others are."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack

from foundations import AsyncClient
from foundations.models import JobSpec, Submission
from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_processes
from tests.e2e.projects import config_with, write_project

SUBMITS = 500
FOLLOWERS, STALLED = 200, 20
# It waits for a file, so that everybody reads already when it begins to write.
WRITER = """\
    import os, pathlib, sys, time
    while not (pathlib.Path(os.environ["PLACE"]) / "go").exists():
        time.sleep(0.01)
    for block in range(40):
        for line in range(500):
            print(f"{block} {line} " + "x" * 40)
        sys.stdout.flush()
    """


@on_processes
def test_hundreds_of_submissions_at_once_become_as_many_jobs(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": "print('done')\n"})
    held = own.submit(project, options=["--hold", "--project-name", "first"])
    wanted = Submission(
        spec=JobSpec(project="crowd", command=("main.py",)),
        bundle=own.job(held).bundle,
        hold=True,
    )

    async def submit_all() -> list[str]:
        async with AsyncClient(f"unix://{own.home.socket}") as client:
            accepted = await asyncio.gather(*(client.submit(wanted) for _ in range(SUBMITS)))
        return [one.job_id for one in accepted]

    ids = asyncio.run(submit_all())
    assert len(set(ids)) == SUBMITS
    with own.client() as client:
        assert client.jobs(project="crowd", offset=0).total == SUBMITS
        assert client.clear_queue("crowd").removed == SUBMITS


@on_processes
def test_each_of_many_readers_of_a_log_gets_all_of_it_though_some_read_nothing(
    own: Scheduler,
) -> None:
    place = own.root / "place"
    place.mkdir()
    files = {"main.py": WRITER, "job.config.yaml": config_with(place)}
    project = write_project(own.root / "p", files)
    job_id = own.submit(project)
    own.wait_for(job_id, "running")
    reading, go_on = 0, asyncio.Event()

    async def follow(client: AsyncClient, *, stalls: bool) -> str:
        nonlocal reading
        digest = hashlib.sha256()
        begun = False
        async for piece in client.logs(job_id, follow=True):
            digest.update(piece)
            if not begun:
                begun = True
                reading += 1
            if stalls:
                await go_on.wait()
        return digest.hexdigest()

    async def follow_all() -> list[str]:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(AsyncClient(f"unix://{own.home.socket}"))
                for _ in range(FOLLOWERS)
            ]
            followers = [
                asyncio.create_task(follow(client, stalls=number < STALLED))
                for number, client in enumerate(clients)
            ]
            (place / "go").touch()
            live = await asyncio.gather(*followers[STALLED:])
            go_on.set()
            return [*live, *(await asyncio.gather(*followers[:STALLED]))]

    digests = asyncio.run(follow_all())
    assert reading == FOLLOWERS
    log = own.log(job_id)
    assert len(log.splitlines()) == 20_001
    assert set(digests) == {hashlib.sha256(log.encode()).hexdigest()}
