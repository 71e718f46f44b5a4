"""Users own what they make: others see it, where that is shared, and only owners and admins act."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from atlas_scheduler.core.access import RULES, Sharing, Thing
from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.store.environment_notes import ABOUT
from atlas_scheduler.store.environments import Environments
from foundations.client import exchange
from foundations.errors import AtlasError, Forbidden, NotAuthorised
from foundations.home import Home
from foundations.models import Role
from foundations.transport.address import Address
from tests.api.guarded import bearer
from tests.api.schema import Contract
from tests.api.shared_scheduler import Shared, path_to, shared_scheduler, things_of_ada

pytestmark = pytest.mark.anyio
ATLAS = Address("http://atlas", "http://atlas")


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


def about_things(contract: Contract) -> list[tuple[str, str, str]]:
    """Every operation whose path names something that has an owner, and how it is asked."""
    return [
        (operation, method, path)
        for operation, method, path in contract.routes()
        if RULES[operation].thing is not None
    ]


async def test_nobody_acts_on_what_is_anothers(shared: Shared, contract: Contract) -> None:
    things = await things_of_ada(shared)
    acting = [one for one in about_things(contract) if RULES[one[0]].acts]
    assert len(acting) > 20

    for operation, method, path in acting:
        answer = await shared.ask(shared.bob, method, path_to(path, operation, things))
        assert (operation, answer.status_code) == (operation, 403)
        assert "belongs to `ada`" in answer.json()["message"], operation


async def test_everyone_sees_what_is_shared(shared: Shared, contract: Contract) -> None:
    things = await things_of_ada(shared)
    seeing = [one for one in about_things(contract) if not RULES[one[0]].acts]
    assert len(seeing) > 10

    for operation, method, path in seeing:
        for who in (shared.bob, shared.reader):
            answer = await shared.ask(who, method, path_to(path, operation, things))
            assert answer.status_code in (200, 400, 404), operation
            assert "that you may see" not in answer.text, operation


async def test_what_is_private_is_not_there_for_others(shared: Shared, contract: Contract) -> None:
    things = await things_of_ada(shared)
    shared.service.sharing = Sharing.PRIVATE

    for operation, method, path in about_things(contract):
        answer = await shared.ask(shared.bob, method, path_to(path, operation, things))
        assert (operation, answer.status_code) == (operation, 404)
        # Three letters of an id may be a name by chance.
        assert re.search(r"\bada\b", answer.text) is None, operation


@pytest.mark.parametrize("sharing", Sharing)
async def test_owners_and_admins_pass(shared: Shared, contract: Contract, sharing: Sharing) -> None:
    things = await things_of_ada(shared)
    shared.service.sharing = sharing
    last = (
        "delete",
        "delete_schedule",
        "delete_project",
        "rename_project",
        "end_exec",
        "close_tunnel",
    )

    asked = sorted(about_things(contract), key=lambda one: one[0] in last)
    for operation, method, path in asked:
        if operation in ("exec_output", "read_tunnel"):
            continue
        answer = await shared.ask(shared.ada, method, path_to(path, operation, things))
        assert answer.status_code not in (401, 403, 500), operation
        assert "that you may see" not in answer.text, operation


async def test_over_a_network_a_job_is_its_tokens_users(shared: Shared) -> None:
    job_id = await shared.submit(shared.bob, user="ada")
    job = (await shared.ask(shared.bob, "GET", f"/jobs/{job_id}")).json()
    assert (job["user"], job["spec"]["user"]) == ("bob", "bob")

    wanted = {"submission": shared.submission(user="ada"), "indices": "0-1"}
    array = (await shared.ask(shared.bob, "POST", "/arrays", wanted)).json()
    found = await shared.ask(shared.bob, "GET", f"/jobs?filter=array:{array['array_id']}")
    assert {one["user"] for one in found.json()["jobs"]} == {"bob"}

    wanted = {"submission": shared.submission(user="ada"), "cron": "0 3 * * *"}
    schedule = (await shared.ask(shared.bob, "POST", "/schedules", wanted)).json()
    assert (schedule["created_by"], schedule["spec"]["user"]) == ("bob", "bob")


async def test_lists_have_only_ones_own_where_nothing_is_shared(shared: Shared) -> None:
    things = await things_of_ada(shared)
    mine = await shared.submit(shared.bob, "dogs")
    shared.service.sharing = Sharing.PRIVATE

    for query in ("", "?offset=0", "?filter=state:queued", "?project=cats", "?project=dogs"):
        jobs = (await shared.ask(shared.bob, "GET", f"/jobs{query}")).json()["jobs"]
        assert {one["job_id"] for one in jobs} <= {mine}, query
    assert (await shared.ask(shared.bob, "GET", "/schedules")).json() == []
    projects = (await shared.ask(shared.bob, "GET", "/projects")).json()
    assert [one["name"] for one in projects] == ["dogs"]
    assert (await shared.ask(shared.bob, "GET", "/disk")).json()["projects"] == []
    told = await shared.ask(shared.bob, "GET", "/changes?follow=false&queue=true")
    assert mine in told.text
    assert not [thing for thing in things.values() if thing in told.text]
    everything = await shared.ask(shared.admin, "GET", "/changes?follow=false&queue=true")
    assert things[Thing.JOB] in everything.text


async def test_environments_of_others_are_not_listed_where_nothing_is_shared(
    shared: Shared, tmp_path: Path
) -> None:
    environments = Environments(Home(tmp_path))
    place = environments.begin("3f2a" * 8)
    about = {"python": "3.11.7", "packages": ["numpy==1.26.4"]}
    (place / "environment" / ABOUT).write_text(json.dumps(about))
    environments.publish("3f2a" * 8, place, base="python:3.11-slim")
    for sharing, who, listed in (
        (Sharing.EVERYONE_READS, shared.bob, 1),
        (Sharing.PRIVATE, shared.admin, 1),
        (Sharing.PRIVATE, shared.bob, 0),
    ):
        shared.service.sharing = sharing
        found = (await shared.ask(who, "GET", "/environments")).json()
        assert len(found["environments"]) == listed


async def test_the_beginning_of_an_id_tells_nothing_of_others(shared: Shared) -> None:
    theirs = await shared.submit(shared.ada)
    shared.service.sharing = Sharing.PRIVATE
    answer = await shared.ask(shared.bob, "GET", f"/jobs/{theirs[:8]}")

    assert answer.status_code == 404
    assert theirs not in answer.text


async def test_news_about_tokens_are_for_admins(shared: Shared) -> None:
    path = "/changes?follow=false&queue=true"
    await shared.submit(shared.bob)
    name = {"name": "new", "role": "read"}
    await shared.ask(shared.admin, "POST", "/tokens", name)

    assert "TokenCreated" in (await shared.ask(shared.admin, "GET", path)).text
    told = (await shared.ask(shared.bob, "GET", path)).text
    assert "Submitted" in told
    assert "TokenCreated" not in told


async def test_news_about_secrets_are_for_their_user_and_admins(shared: Shared) -> None:
    path = "/changes?follow=false&queue=true"
    await shared.ask(shared.bob, "PUT", "/secrets/BOBS_KEY", {"value": "x"})
    await shared.ask(shared.admin, "PUT", "/secrets/OUR_KEY", {"value": "x", "shared": True})

    for who, names in (
        (shared.admin, {"BOBS_KEY", "OUR_KEY"}),
        (shared.bob, {"BOBS_KEY"}),
        (shared.ada, set()),
    ):
        said = (await shared.ask(who, "GET", path)).text
        assert {name for name in ("BOBS_KEY", "OUR_KEY") if name in said} == names


async def test_a_queue_is_cleared_of_ones_own_jobs(shared: Shared) -> None:
    theirs = await shared.submit(shared.ada)
    mine = await shared.submit(shared.bob)

    cleared = (await shared.ask(shared.bob, "POST", "/queue/clear", {"project": None})).json()
    assert cleared["job_ids"] == [mine]
    cleared = (await shared.ask(shared.admin, "POST", "/queue/clear", {"project": None})).json()
    assert cleared["job_ids"] == [theirs]


async def test_of_several_jobs_ones_own_are_stopped(shared: Shared) -> None:
    theirs = await shared.submit(shared.ada)
    mine, other = [await shared.submit(shared.bob) for _ in range(2)]

    named = (await shared.ask(shared.bob, "POST", "/jobs/stop", {"jobs": [theirs, mine]})).json()
    assert named["stopped"] == [mine]
    (refused,) = named["refused"]
    assert (refused["job"], refused["error"]) == (theirs, "forbidden")
    assert "belongs to `ada`" in refused["message"]
    only = (await shared.ask(shared.bob, "POST", "/jobs/stop", {"jobs": [theirs]})).json()
    assert (only["stopped"], only["refused"]) == ([], [refused])
    taken = (await shared.ask(shared.bob, "POST", "/jobs/stop", {"filter": ""})).json()
    assert (taken["stopped"], taken["refused"]) == ([other], [])
    taken = (await shared.ask(shared.admin, "POST", "/jobs/stop", {"filter": ""})).json()
    assert taken["stopped"] == [theirs]


async def test_jobs_move_among_ones_own(shared: Shared) -> None:
    first, theirs, second = [
        await shared.submit(who) for who in (shared.bob, shared.ada, shared.bob)
    ]

    def move(*jobs: str, other: str | None = None) -> dict[str, object]:
        place = "first" if other is None else "before"
        return {"jobs": list(jobs), "place": place, "other": other}

    async def line() -> list[str]:
        jobs = (await shared.ask(shared.admin, "GET", "/jobs?filter=sort:position")).json()["jobs"]
        return [one["job_id"] for one in jobs]

    assert (await shared.ask(shared.bob, "POST", "/queue/move", move(theirs))).status_code == 403
    beside = move(second, other=theirs)
    assert (await shared.ask(shared.bob, "POST", "/queue/move", beside)).status_code == 403
    assert (await shared.ask(shared.bob, "POST", "/queue/move", move(second))).status_code == 200
    order = await shared.ask(shared.admin, "GET", "/jobs")
    places = {one["job_id"]: one["waiting"]["position"] for one in order.json()["jobs"]}
    assert sorted(places, key=lambda job_id: places[job_id]) == [second, theirs, first]


async def test_the_whole_queue_is_an_admins(shared: Shared) -> None:
    await shared.submit(shared.bob, "dogs")
    await shared.submit(shared.ada, "cats")

    for verb in ("pause", "resume"):
        path = f"/queue/{verb}"
        whole = await shared.ask(shared.bob, "POST", path, {"project": None})
        assert whole.status_code == 403
        assert "takes a token with the role `admin`" in whole.json()["message"]
        theirs = await shared.ask(shared.bob, "POST", path, {"project": "cats"})
        assert theirs.status_code == 403
        own = await shared.ask(shared.bob, "POST", path, {"project": "dogs"})
        assert own.status_code == 200
        assert (await shared.ask(shared.admin, "POST", path, {"project": None})).status_code == 200


async def test_a_project_of_several_is_an_admins(shared: Shared) -> None:
    await shared.submit(shared.bob)
    await shared.submit(shared.ada)
    answer = await shared.ask(shared.bob, "POST", "/projects/cats/rename", {"new_name": "dogs"})

    assert answer.status_code == 403
    assert "belongs to `ada`" in answer.json()["message"]
    answer = await shared.ask(shared.admin, "POST", "/projects/cats/rename", {"new_name": "dogs"})
    assert answer.status_code == 200


async def test_mounting_the_host_and_going_first_take_an_admin(shared: Shared) -> None:
    mount = {"volumes": [{"host": "/etc", "bind": "/mnt"}]}
    for spec, words in ((mount, "Mounting `/etc`"), ({"priority": 1}, "A priority above 0")):
        for path, body in (
            ("/jobs", shared.submission(**spec)),
            ("/arrays", {"submission": shared.submission(**spec), "indices": "0"}),
            ("/schedules", {"submission": shared.submission(**spec), "cron": "0 3 * * *"}),
        ):
            answer = await shared.ask(shared.bob, "POST", path, body)
            assert answer.status_code == 403
            assert answer.json()["message"].startswith(words)
            assert (await shared.ask(shared.admin, "POST", path, body)).status_code == 201
    job_id = await shared.submit(shared.bob, priority=-3)
    path = f"/jobs/{job_id}/priority"
    assert (await shared.ask(shared.bob, "PUT", path, {"priority": 1})).status_code == 403
    assert (await shared.ask(shared.bob, "PUT", path, {"priority": 0})).status_code == 200


async def test_everybody_names_the_volumes_that_are_offered_to_them(shared: Shared) -> None:
    shared.service.offered_volumes = {
        "datasets": OfferedVolume("datasets", "/srv/data"),
        "adas": OfferedVolume("adas", "/srv/ada", mode="rw", users=frozenset({"ada"})),
    }
    both = [{"name": "adas", "mode": "rw"}, {"name": "datasets", "mode": "ro"}]
    for who, volumes in ((shared.ada, both), (shared.bob, both[1:]), (shared.admin, both)):
        assert (await shared.ask(who, "GET", "/info")).json()["volumes"] == volumes
    asked = {"bind": "/d", "mode": "rw"}
    await shared.submit(shared.ada, volumes=[{"host": "adas", **asked}])
    for who, name, words in (
        (shared.bob, "adas", "There is no volume `adas` for you"),
        (shared.bob, "datasets", "The volume `datasets` can only be read"),
        (shared.admin, "none", "you may use: adas, datasets"),
    ):
        body = shared.submission(volumes=[{"host": name, **asked}])
        answer = await shared.ask(who, "POST", "/jobs", body)
        assert answer.status_code == 400
        assert words in answer.json()["message"]


async def test_nobody_takes_the_place_of_anothers_job(shared: Shared) -> None:
    unique = {"unique": {"key": "nightly", "if_exists": "replace"}}
    theirs = await shared.ask(shared.ada, "POST", "/jobs", {**shared.submission(), **unique})
    answer = await shared.ask(shared.bob, "POST", "/jobs", {**shared.submission(), **unique})

    assert answer.status_code == 403
    assert theirs.json()["job_id"] in answer.json()["message"]
    skip = {"unique": {"key": "nightly", "if_exists": "skip"}}
    existed = await shared.ask(shared.bob, "POST", "/jobs", {**shared.submission(), **skip})
    assert existed.json()["job_id"] == theirs.json()["job_id"]
    shared.service.sharing = Sharing.PRIVATE
    hidden = await shared.ask(shared.bob, "POST", "/jobs", {**shared.submission(), **skip})
    assert (hidden.status_code, hidden.json()["message"]) == (
        403,
        "Another user's job has this unique key. Choose another one.",
    )


async def test_the_same_key_of_two_users_means_two_jobs(shared: Shared) -> None:
    ids = []
    for who in (shared.ada, shared.bob, shared.bob):
        answer = await shared.door.http.post(
            "/jobs", json=shared.submission(), headers={**who, "Idempotency-Key": "once"}
        )
        ids.append(answer.json()["job_id"])

    assert ids[0] != ids[1] == ids[2]


async def test_a_private_job_is_nothing_to_come_after(shared: Shared) -> None:
    theirs = await shared.submit(shared.ada)
    shared.service.sharing = Sharing.PRIVATE
    for body in (
        {**shared.submission(), "after": [{"job": theirs}]},
        shared.submission(rerun_of=theirs),
    ):
        assert (await shared.ask(shared.bob, "POST", "/jobs", body)).status_code == 404


async def test_a_reader_submits_and_acts_on_nothing_of_their_own_name(shared: Shared) -> None:
    secret = await shared.door.secret(Role.READ, user="ada", name="ada reads")
    mine = await shared.submit(shared.ada)
    answer = await shared.ask(bearer(secret), "POST", f"/jobs/{mine}/stop")

    assert answer.status_code == 403
    assert json.loads(answer.text)["message"] == (
        "This takes a token with the role `submit`; yours has the role `read`."
    )


async def test_a_refusal_without_a_body_is_told_by_its_headers(shared: Shared) -> None:
    async def told(who: dict[str, str]) -> AtlasError:
        answer = await shared.ask(who, "HEAD", f"/bundles/{shared.bundle}")
        # A real server sends no body here.
        headers = {name: answer.headers[name] for name in ("X-Atlas-Version", "X-Atlas-Error")}
        return exchange.refusal(httpx.Response(answer.status_code, headers=headers), ATLAS)

    forbidden = await told(shared.reader)
    assert isinstance(forbidden, Forbidden)
    assert "takes a token with the role `submit`; yours has" in forbidden.message
    assert isinstance(await told({"Authorization": "Bearer x"}), NotAuthorised)
    with_body = await shared.ask(shared.reader, "POST", "/queue/clear", {"project": None})
    assert "X-Atlas-Error" not in with_body.headers
