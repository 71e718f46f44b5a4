"""Whose a secret is: the user's of the token, or the one's whom the owner's client names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from atlas_scheduler.api import Door
from tests.api.guarded import BASE_URL
from tests.api.in_memory import InMemory
from tests.api.shared_scheduler import Shared, shared_scheduler

pytestmark = pytest.mark.anyio

WANTS: dict[str, Any] = {"secrets": {"KEY": "file"}}


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


@pytest.fixture
async def owner(shared: Shared) -> AsyncIterator[httpx.AsyncClient]:
    """The owner's client, at the Unix socket."""
    transport = InMemory(Door(shared.app, tokens=None))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        yield http


async def names(http: httpx.AsyncClient, user: str) -> list[str]:
    listed = await http.get("/secrets", params={"user": user})
    return [one["name"] for one in listed.json()]


async def test_jobs_of_the_user_who_is_named_over_the_socket_get_their_secrets(
    shared: Shared, owner: httpx.AsyncClient
) -> None:
    """Through ssh the account there is seldom called like the one here."""
    kept = await owner.put("/secrets/KEY", params={"user": "lin"}, json={"value": "x"})
    assert kept.status_code == 200
    for user, status in (("lin", 201), ("mae", 400)):
        answer = await owner.post("/jobs", json=shared.submission(user=user, **WANTS))
        assert answer.status_code == status, answer.text
    assert await names(owner, "lin") == ["KEY"]
    assert await names(owner, "mae") == []
    assert (await owner.delete("/secrets/KEY", params={"user": "mae"})).status_code == 404
    assert (await owner.delete("/secrets/KEY", params={"user": "lin"})).status_code == 204
    assert await names(owner, "lin") == []


async def test_who_shows_a_token_is_its_user_whatever_they_say(shared: Shared) -> None:
    for who, user in ((shared.bob, "ada"), (shared.admin, "ada")):
        path = f"/secrets/KEY?user={user}"
        assert (await shared.ask(who, "PUT", path, {"value": "x"})).status_code == 200
    assert (await shared.ask(shared.ada, "GET", "/secrets")).json() == []
    bobs = (await shared.ask(shared.bob, "GET", "/secrets?user=ada")).json()
    assert [one["name"] for one in bobs] == ["KEY"]
