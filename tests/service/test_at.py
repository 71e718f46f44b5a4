"""A job that is submitted for a time waits for it, and for no longer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from atlas_scheduler.service import Service
from foundations.models import JobSpec, JobState, Submission
from tests.store.projects import stored

pytestmark = pytest.mark.anyio


async def test_a_job_has_no_turn_before_its_time(service: Service) -> None:
    service.bundles.sweep()
    service.engine.problem = None
    bundle = await stored(service.bundles)
    begin_ms = service._clock_ms()
    spec = JobSpec(project="cats")

    async def submit(after_ms: int) -> str:
        moment = datetime.fromtimestamp((begin_ms + after_ms) / 1000, tz=UTC)
        wanted = Submission(spec=spec, bundle=bundle, not_before=moment)
        return (await service.submit(wanted, idempotency_key=None)).job_id

    late, over = await submit(50_000), await submit(-50_000)

    await service.take_turn()
    waits = await service.job(late)
    assert waits.state is JobState.QUEUED
    assert waits.not_before == datetime.fromtimestamp((begin_ms + 50_000) / 1000, tz=UTC)
    assert waits.waiting
    assert waits.waiting.reason == "waits until 1970-01-01 00:17:30 UTC"
    assert (await service.job(over)).state is JobState.STARTING
    assert (await service.job(over)).not_before is None
    await service.stop(over, by="ada")
    while service._clock_ms() < begin_ms + 50_000:
        pass
    assert await service.end_overdue() is None
