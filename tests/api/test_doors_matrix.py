"""Every operation x every token x every way to ask: as the table of rules says, and no other way.

The operations are those of OpenAPI, so that a new one cannot be left out.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from atlas_scheduler.core.access import PUBLIC_PATHS, RULES
from foundations.models import HostView, Role
from tests.api.guarded import bearer
from tests.api.schema import Contract
from tests.api.shared_scheduler import NOBODYS, Shared, shared_scheduler
from tests.core.test_access import ORDER

pytestmark = pytest.mark.anyio

WAYS: dict[str, tuple[dict[str, str], bool]] = {
    "good": ({"Host": "atlas"}, True),
    "of this machine": ({"Host": "127.0.0.1:5000"}, True),
    "bad host": ({"Host": "evil.example"}, False),
    "rebound host": ({"Host": "localhost.evil.example:5000"}, False),
    "cross origin": ({"Host": "atlas", "Origin": "https://evil.example"}, False),
    "own origin": ({"Host": "localhost:5000", "Origin": "http://localhost:5000"}, False),
    "cross site": ({"Host": "atlas", "Sec-Fetch-Site": "cross-site"}, False),
}
"""Headers, and whether programs ask like that."""
NAMES = {"port": "8888", **dict.fromkeys(("key", "path", "digest"), f"sha256:{'0' * 64}")}
"""What stands in a path where there is no id and no name."""


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


async def strangers(shared: Shared) -> dict[str, dict[str, str]]:
    """What does not let anybody in."""
    door = shared.door
    revoked = await door.secret(Role.ADMIN, name="revoked")
    expired = await door.secret(Role.ADMIN, name="expired", expires_seconds=1)
    await door.tokens.revoke("revoked", by="root")
    door.clock.now_ms += 120_000
    right = shared.admin["Authorization"].removeprefix("Bearer ")
    return {
        "none": {},
        "empty": {"Authorization": ""},
        "wrong": bearer(f"{right[:-1]}{'A' if right[-1] != 'A' else 'B'}"),
        "revoked": bearer(revoked),
        "expired": bearer(expired),
        "basic": {"Authorization": f"Basic {right}"},
        "cookie": {"Cookie": f"token={right}"},
    }


def path_of(path: str) -> str:
    """Name things that are not there."""
    return re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], NOBODYS), path)


def test_anybody_is_told_whether_the_server_is_ready_and_nothing_else(contract: Contract) -> None:
    public = {
        one
        for one, _, path in contract.routes()
        if path.removeprefix("http://atlas") in PUBLIC_PATHS
    }
    assert public == {"readiness"}
    assert len(PUBLIC_PATHS) == 1


def test_no_operation_is_without_a_rule_and_no_rule_without_an_operation(
    contract: Contract,
) -> None:
    assert {operation for operation, _, _ in contract.routes()} == RULES.keys()


async def test_who_shows_no_token_that_holds_gets_nothing_whatever_they_ask(
    shared: Shared, contract: Contract
) -> None:
    for name, header in (await strangers(shared)).items():
        shared.door.forgive()
        for operation, method, path in contract.routes():
            answer = await shared.door.http.request(method, path_of(path), headers=header)
            if operation == "readiness":  # the one that anybody may ask
                assert (name, answer.status_code) == (name, 200)
                continue
            assert (name, operation, answer.status_code) == (name, operation, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            shared.door.forgive()


async def test_a_token_in_the_query_lets_nobody_in(shared: Shared) -> None:
    secret = shared.admin["Authorization"].removeprefix("Bearer ")
    for name in ("token", "access_token", "authorization"):
        answer = await shared.door.http.get("/info", params={name: secret})
        assert answer.status_code == 401


@pytest.mark.parametrize("way", WAYS)
async def test_each_role_may_what_the_table_says_and_only_in_a_way_that_programs_ask(
    shared: Shared, contract: Contract, way: str
) -> None:
    headers, is_good = WAYS[way]
    bearers = {Role.READ: shared.reader, Role.SUBMIT: shared.bob, Role.ADMIN: shared.admin}
    for operation, method, path in contract.routes():
        if operation == "changes":
            path += "?follow=false"
        for role, header in bearers.items():
            answer = await shared.door.http.request(
                method, path_of(path), headers={**headers, **header}
            )
            told = (operation, role, answer.status_code)
            allowed = is_good and ORDER.index(role) >= ORDER.index(RULES[operation].role)
            if allowed:
                assert answer.status_code not in (401, 403, 429, 500), told
            else:
                assert answer.status_code == 403, told


async def test_what_is_no_operation_is_not_there_and_needs_a_token_too(shared: Shared) -> None:
    for path in ("/", "/api", "/api/v1/nothing", "/docs", "/openapi.json", "/api/v2/jobs"):
        url = f"http://atlas{path}"
        assert (await shared.door.http.get(url)).status_code == 401
        answer = await shared.door.http.get(url, headers=shared.admin)
        assert answer.status_code == 404
    description = "http://atlas/api/v1/openapi.json"
    assert (await shared.door.http.get(description)).status_code == 401
    assert (await shared.door.http.get(description, headers=shared.reader)).status_code == 200


async def test_no_token_is_in_an_answer_or_in_the_log(shared: Shared, contract: Contract) -> None:
    right = shared.admin["Authorization"].removeprefix("Bearer ")
    wrong = f"{right[:-2]}{'AA' if right[-2:] != 'AA' else 'BB'}"
    canary = right.split("_", 2)[2][:-2]
    shared.service.machine.host = _broken  # type: ignore[method-assign]  # a defect is logged too
    with structlog.testing.capture_logs() as logged:
        for header in (bearer(right), bearer(wrong), {"Authorization": right}):
            for operation, method, path in contract.routes():
                path += "?follow=false" if operation == "changes" else ""
                answer = await shared.door.http.request(method, path_of(path), headers=header)
                told = f"{answer.headers} {answer.text}"
                assert canary not in told, operation
                shared.door.forgive()

    assert {one["event"] for one in logged} >= {"not let in", "request_failed"}
    assert canary not in str(logged)


async def _broken() -> HostView:
    raise RuntimeError("a defect")
