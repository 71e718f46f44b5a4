"""What a submission is refused for, it is refused for before its files are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from atlas_scheduler.acceptance import MOST_DEPENDENCIES
from atlas_scheduler.core.access import Sharing
from atlas_scheduler.engine.port import Capabilities
from foundations.bundles.listing import digest_of
from foundations.models import NewToken, Role, TokenLimits
from tests.api.guarded import bearer
from tests.api.shared_scheduler import NOBODYS, Shared, shared_scheduler
from tests.store.listings import listing_of

pytestmark = pytest.mark.anyio
UNIQUE = {"key": "nightly", "if_exists": "replace"}


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        opened.service.engine.capabilities = Capabilities("process", "1", isolated=False)
        yield opened


def told(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["message"]


async def ask_early(
    shared: Shared, who: dict[str, str], plan: dict[str, Any], **more: Any
) -> httpx.Response:
    known = {name: value for name, value in plan.items() if name != "bundle"}
    return await shared.ask(who, "POST", "/jobs/check", {"plan": known, **more})


async def count_jobs(shared: Shared) -> int:
    return len((await shared.ask(shared.admin, "GET", "/jobs")).json()["jobs"])


@pytest.mark.parametrize(
    ("spec", "plan", "words"),
    [
        ({"num_gpus": 99}, {}, "The job asks for 99 GPUs"),
        ({"ram_gb": 10**6}, {}, "GB of memory and this scheduler has"),
        ({"volumes": [{"host": "none", "bind": "/d"}]}, {}, "There is no volume `none` for you"),
        ({"volumes": [{"host": "/etc", "bind": "/d"}]}, {}, "Mounting `/etc` of the host takes"),
        ({"priority": 1}, {}, "A priority above 0 takes a token"),
        ({"secrets": {"API_KEY": "file"}}, {}, "API_KEY"),
        ({}, {"after": [{"job": NOBODYS}]}, "job"),
        ({}, {"after": [{"job": "THEIRS"}, {"job": "THEIRS"}]}, "is named twice"),
        ({}, {"unique": UNIQUE}, "has this unique key. Choose another one."),
        ({"no_such_option": 1}, {}, "there is no such key"),
    ],
)
async def test_a_job_is_refused_with_the_same_words_before_and_after_its_files_came(
    shared: Shared, spec: dict[str, Any], plan: dict[str, Any], words: str
) -> None:
    shared.service.supply.ram_gb = 8.0
    made = await shared.ask(
        shared.ada, "POST", "/jobs", {**shared.submission(), "unique": {"key": "nightly"}}
    )
    theirs = made.json()["job_id"]
    after = [{"job": one["job"].replace("THEIRS", theirs)} for one in plan.get("after", ())]
    wanted = {**shared.submission(**spec), **plan, **({"after": after} if after else {})}

    late = await shared.ask(shared.bob, "POST", "/jobs", wanted)
    early = await ask_early(shared, shared.bob, wanted)

    assert late.status_code >= 400
    assert words in told(late)[2]
    status, code, message = told(early)
    assert (status, code, message.replace("plan.", "")) == told(late)


async def test_what_would_be_accepted_is_not_refused_and_nothing_is_queued(shared: Shared) -> None:
    first = await shared.submit(shared.ada)
    before = await count_jobs(shared)
    for plan in (
        shared.submission(),
        {**shared.submission(), "after": [{"job": first}]},
        {**shared.submission(), "unique": {"key": "nightly"}},
    ):
        assert (await ask_early(shared, shared.bob, plan)).status_code == 204
    array = await ask_early(shared, shared.bob, shared.submission(), indices="0-9")
    assert array.status_code == 204
    schedule = await ask_early(shared, shared.bob, shared.submission(), cron="0 3 * * *")
    assert schedule.status_code == 204
    assert await count_jobs(shared) == before


async def test_who_gets_the_job_that_has_the_key_is_not_refused_for_want_of_room(
    shared: Shared,
) -> None:
    limits = TokenLimits(queued_jobs=1)
    wanted = NewToken(name="limited", user="mia", role=Role.SUBMIT, limits=limits)
    mia = bearer((await shared.door.tokens.create(wanted, by="root")).secret)
    plan = {**shared.submission(), "unique": {"key": "nightly"}}
    assert (await shared.ask(mia, "POST", "/jobs", plan)).status_code == 201

    assert (await ask_early(shared, mia, plan)).status_code == 204
    another = await ask_early(shared, mia, shared.submission())
    late = await shared.ask(mia, "POST", "/jobs", shared.submission())
    assert told(another) == told(late)
    assert told(late)[2].startswith("1 jobs of `mia` wait already, and 1 may.")


async def test_an_array_and_a_schedule_are_refused_early_as_they_are_late(shared: Shared) -> None:
    others = {"submission": shared.submission(), "indices": "0-99"}
    array_id = (await shared.ask(shared.bob, "POST", "/arrays", others)).json()["array_id"]
    unique = {**shared.submission(), "unique": UNIQUE}
    after = {**shared.submission(), "after": [{"job": f"array:{array_id}"}]}
    size = MOST_DEPENDENCIES // 100
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("/arrays", unique, {"indices": "0-1"}),
        ("/arrays", after, {"indices": f"0-{size}"}),
        ("/schedules", unique, {"cron": "0 3 * * *"}),
        ("/schedules", shared.submission(), {"cron": "nonsense"}),
        ("/schedules", shared.submission(), {"cron": "0 3 * * *", "time_zone": "Mars/Olympus"}),
    ]
    for path, plan, more in cases:
        late = await shared.ask(shared.bob, "POST", path, {"submission": plan, **more})
        early = await ask_early(shared, shared.bob, plan, **more)
        assert late.status_code == 400, more
        assert told(early) == told(late)
    assert (await ask_early(shared, shared.bob, after, indices=f"1-{size}")).status_code == 204


async def test_who_may_only_read_and_what_others_hide_are_refused_early_too(
    shared: Shared,
) -> None:
    answer = await ask_early(shared, shared.reader, shared.submission())
    assert told(answer)[:2] == (403, "forbidden")
    shared.service.sharing = Sharing.PRIVATE
    theirs = await shared.submit(shared.ada)
    hidden = await ask_early(
        shared, shared.bob, {**shared.submission(), "after": [{"job": theirs}]}
    )
    assert told(hidden)[:2] == (404, "not_found")


async def test_a_bundle_that_can_never_be_here_is_refused_before_it_is_read(
    shared: Shared,
) -> None:
    shared.service.max_bundle_bytes = 1000
    answer = await ask_early(shared, shared.bob, shared.submission(), bundle_bytes=1001)
    assert told(answer) == (
        413,
        "too_large",
        "The bundle is larger than the 1000 bytes that the scheduler accepts. Leave large files "
        "out with .foundationsignore, and give them to the job as a volume.",
    )
    fits = await ask_early(shared, shared.bob, shared.submission(), bundle_bytes=1000)
    assert fits.status_code == 204

    limits = TokenLimits(stored_gb=500e-9)
    wanted = NewToken(name="limited", user="mia", role=Role.SUBMIT, limits=limits)
    mia = bearer((await shared.door.tokens.create(wanted, by="root")).secret)
    quota = await ask_early(shared, mia, shared.submission(), bundle_bytes=501)
    assert told(quota) == (
        429,
        "too_many",
        "This bundle takes 501 bytes, and all of `mia` together may take 500 bytes.",
    )


async def test_files_of_a_bundle_that_goes_beyond_the_quota_are_not_asked_for(
    shared: Shared,
) -> None:
    stored = shared.service.bundles.size_bytes(shared.bundle)
    limits = TokenLimits(stored_gb=(stored + 1000) / 10**9)
    wanted = NewToken(name="limited", user="mia", role=Role.SUBMIT, limits=limits)
    mia = bearer((await shared.door.tokens.create(wanted, by="root")).secret)
    await shared.submit(mia)

    async def declare(size_bytes: int) -> httpx.Response:
        listing = listing_of({"main.py": b"x" * size_bytes})
        path = f"/bundles/{digest_of(listing)}/files"
        return await shared.door.http.put(path, content=listing, headers=mia)

    assert (await declare(1000)).status_code == 200
    refused = await declare(1001)
    assert told(refused)[:2] == (429, "too_many")
    assert told(refused)[2].startswith("The bundles of `mia` take ")
