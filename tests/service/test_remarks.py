"""Tags and notes: what is kept, what the change feed tells, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import NotFound
from foundations.models import Change
from tests.store.samples import add

pytestmark = pytest.mark.anyio


@pytest.fixture
async def job_id(database: Database) -> str:
    job = await database.write(lambda conn: add(conn, spec={"tags": {"nightly": "", "kind": "a"}}))
    return job.job_id


async def told(service: Service) -> list[tuple[str, dict[str, Any]]]:
    return [
        (change.event, change.detail)
        async for change in service.changes(0, follow=False)
        if isinstance(change, Change)
    ]


async def test_a_tag_by_hand_is_told_and_setting_it_again_is_not(
    service: Service, job_id: str
) -> None:
    view = await service.tag(job_id[:8], {"kind": "b", "best": ""}, by="ada")
    assert view.tags == {"nightly": "", "kind": "b", "best": ""}

    await service.tag(job_id, {"kind": "b", "nightly": ""}, by="ada")

    assert await told(service) == [("Tagged", {"by": "ada", "tags": {"kind": "b", "best": ""}})]


async def test_a_tag_of_the_submission_can_be_removed(service: Service, job_id: str) -> None:
    view = await service.untag(job_id, ["nightly", "nightly"], by="ada")

    assert view.tags == {"kind": "a"}
    assert (await service.job(job_id)).tags == {"kind": "a"}
    assert await told(service) == [("Untagged", {"by": "ada", "keys": ["nightly"]})]


async def test_untagging_removes_all_or_nothing(service: Service, job_id: str) -> None:
    with pytest.raises(NotFound, match=r"no tag `best`\. It has: kind"):
        await service.untag(job_id, ["nightly", "best"], by="ada")

    assert (await service.job(job_id)).tags == {"nightly": "", "kind": "a"}
    assert await told(service) == []


async def test_notes_are_kept_in_order_with_author_and_time(service: Service, job_id: str) -> None:
    first = await service.note(job_id, "# Odd\n\nloss rises", by="ada")
    second = await service.note(job_id, "fixed", by="bob")

    assert await service.notes(job_id[:8]) == [first, second]
    assert (await service.job(job_id)).notes == [first, second]
    assert (first.author, first.text, second.author) == ("ada", "# Odd\n\nloss rises", "bob")
    assert first.at < second.at
    assert await told(service) == [
        ("Noted", {"by": "ada", "note": first.number}),
        ("Noted", {"by": "bob", "note": second.number}),
    ]


async def test_a_job_that_is_not_there_cannot_be_remarked_on(service: Service) -> None:
    for attempt in (
        service.tag("abcdef", {"a": ""}, by="ada"),
        service.untag("abcdef", ["a"], by="ada"),
        service.note("abcdef", "x", by="ada"),
        service.notes("abcdef"),
    ):
        with pytest.raises(NotFound, match="no job 'abcdef'"):
            await attempt
