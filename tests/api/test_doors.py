"""Who is let in, and what is said to those who are not."""

from __future__ import annotations

from collections.abc import MutableMapping

import httpx
import pytest
from fastapi import FastAPI

from atlas_scheduler.api import Door
from atlas_scheduler.core.access import RULES
from foundations.models import Role
from tests.api.guarded import BASE_URL, Guarded, bearer
from tests.api.in_memory import InMemory
from tests.api.schema import Contract

pytestmark = pytest.mark.anyio


def test_the_table_names_every_operation_and_no_other(contract: Contract) -> None:
    assert RULES.keys() == contract.operations().keys()


async def test_a_token_that_holds_is_let_in(door: Guarded) -> None:
    secret = await door.secret(Role.READ)
    answer = await door.http.get("/info", headers=bearer(secret))
    assert answer.status_code == 200


async def test_without_a_token_the_answer_says_how_to_get_one(door: Guarded) -> None:
    answer = await door.http.get("/info")

    assert (answer.status_code, answer.json()["error"]) == (401, "not_authorised")
    assert "`foundations login`" in answer.json()["message"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["X-Atlas-Version"]


async def test_a_role_that_is_too_small_is_named_beside_the_one_it_takes(door: Guarded) -> None:
    secret = await door.secret(Role.READ)
    answer = await door.http.put("/queue", json={}, headers=bearer(secret))

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert answer.json()["message"] == (
        "This takes a token with the role `admin`; yours has the role `read`."
    )


async def test_the_owner_needs_no_token(app: FastAPI) -> None:
    transport = InMemory(Door(app, tokens=None))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        assert (await http.put("/queue", json={})).status_code == 200


async def test_without_a_door_nobody_is_let_in(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=InMemory(app), base_url=BASE_URL) as http:
        assert (await http.get("/info")).status_code == 401


async def test_a_websocket_without_a_token_is_closed(door: Guarded, app: FastAPI) -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(dict(message))

    scope = {"type": "websocket", "path": "/", "headers": [], "client": ("10.0.0.2", 1)}
    await Door(app, tokens=door.tokens)(scope, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "not_authorised"}]
