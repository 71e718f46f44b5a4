"""Waiting for the end of a job, with both clients against a real HTTP server."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from foundations.errors import (
    NotFound,
)
from foundations.models import JobState
from tests.api.fake_service import FakeService
from tests.api.served import Served
from tests.foundations.twins import (
    Kind,
    Twin,
    both,
)

pytestmark = pytest.mark.anyio


@both
async def test_waiting_ends_with_the_job(kind: Kind, served: Served, job_id: str) -> None:
    async with Twin(kind, served.url) as client, anyio.create_task_group() as tasks:

        async def end() -> None:
            await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 1)
            served.do(lambda service: service.start(job_id))
            served.do(lambda service: service.finish(job_id, exit_code=2))

        tasks.start_soon(end)
        ended = await client.ask("wait", job_id[:8], timeout_seconds=30)
        assert (ended.state, ended.exit_code) == (JobState.FAILED, 2)
        assert (await client.ask("wait", job_id, timeout_seconds=0)).exit_code == 2


@both
async def test_waiting_ends_in_time_whatever_the_feed_says(
    kind: Kind, served: Served, job_id: str
) -> None:
    served.do(lambda service: setattr(service, "heartbeat_seconds", 0.05))
    async with Twin(kind, served.url) as client:
        for timeout_seconds in (0, 0.02, 0.3):
            with pytest.raises(TimeoutError, match=f"{job_id}.* it is queued"):
                await client.ask("wait", job_id, timeout_seconds=timeout_seconds)
    await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 0)


@both
async def test_a_job_that_is_deleted_is_not_waited_for(
    kind: Kind, served: Served, job_id: str
) -> None:
    async with Twin(kind, served.url) as client, anyio.create_task_group() as tasks:

        async def delete() -> None:
            await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 1)
            served.do(finish_and_delete(job_id))

        tasks.start_soon(delete)
        with pytest.raises(NotFound):
            await client.ask("wait", job_id)


def finish_and_delete(job_id: str) -> Callable[[FakeService], None]:
    def act(service: FakeService) -> None:
        service.finish(job_id)
        service.forget(job_id)

    return act
