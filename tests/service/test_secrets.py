"""Secrets through the service: kept, listed, asked for."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from foundations.errors import InvalidRequest, NotFound
from foundations.models import JobSpec, NewArray, NewSchedule, Submission
from tests.api.fake_service import DIGEST

pytestmark = pytest.mark.anyio


async def test_secrets_are_listed_without_their_values(service: Service) -> None:
    await service.set_secret("KEY", "s3cret", user="ada", by="ada")
    await service.set_secret("DATA", "s3cret", user=None, by="root")
    found = await service.secrets("ada")
    assert [(one.name, one.shared) for one in found] == [("DATA", True), ("KEY", False)]
    assert "s3cret" not in str(found)
    await service.delete_secret("KEY", user="ada", by="ada")
    assert [one.name for one in await service.secrets("ada")] == ["DATA"]
    with pytest.raises(NotFound, match="no secret of yours named `KEY`"):
        await service.delete_secret("KEY", user="ada", by="ada")


async def test_what_asks_for_a_secret_that_is_not_there_is_refused(service: Service) -> None:
    await service.set_secret("KEY", "s3cret", user="ben", by="ben")
    spec = JobSpec(project="cats", user="ada", secrets={"KEY": "file"})
    wanted = Submission(spec=spec, bundle=DIGEST)
    said = r"There is no secret `KEY`\. Set it with `foundations secret set`\."
    with pytest.raises(InvalidRequest, match=said):
        await service.submit(wanted, idempotency_key=None)
    array = NewArray(submission=wanted, indices="0-9")
    with pytest.raises(InvalidRequest, match=said):
        await service.submit_array(array, idempotency_key=None)
    schedule = NewSchedule(submission=wanted, cron="0 3 * * *")
    with pytest.raises(InvalidRequest, match=said):
        await service.create_schedule(schedule, idempotency_key=None, by="ada")
