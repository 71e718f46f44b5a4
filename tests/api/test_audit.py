"""Every action is in the history, with who did it, and from where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from atlas_scheduler.api import Door
from atlas_scheduler.store import history
from foundations.models import Change, QueueChange
from tests.api.guarded import BASE_URL
from tests.api.in_memory import InMemory
from tests.api.shared_scheduler import Shared, shared_scheduler

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


async def told(shared: Shared) -> list[Change | QueueChange]:
    """What happened since the tokens were made."""
    found = await shared.service._database.read(lambda conn: history.all_changes_since(conn, 0))
    return [one for one in found if one.event != "TokenCreated"]


def token_id(header: dict[str, str]) -> str:
    return header["Authorization"].split("_")[1]


async def test_every_change_says_who_from_where_and_with_which_token(shared: Shared) -> None:
    job_id = await shared.submit(shared.bob)
    asked: list[tuple[str, str, Any]] = [
        ("POST", f"/jobs/{job_id}/tags", {"tags": {"a": "b"}}),
        ("DELETE", f"/jobs/{job_id}/tags?key=a", None),
        ("POST", f"/jobs/{job_id}/notes", {"text": "hello"}),
        ("POST", f"/jobs/{job_id}/hold", None),
        ("POST", f"/jobs/{job_id}/release", None),
        ("PUT", f"/jobs/{job_id}/priority", {"priority": -1}),
        ("POST", "/queue/pause", {"project": "cats"}),
        ("POST", "/queue/resume", {"project": "cats"}),
        ("PUT", "/projects/cats/description", {"description": "mice"}),
        ("PUT", "/projects/cats/retention", {"rule": {"keep_last": 3}}),
        ("POST", "/projects/cats/rename", {"new_name": "lions"}),
        ("POST", f"/jobs/{job_id}/stop", None),
        ("DELETE", f"/jobs/{job_id}", None),
        ("POST", f"/jobs/{job_id}/restore", None),
        ("DELETE", "/projects/lions", None),
        ("POST", "/projects/lions/restore", None),
    ]
    for method, path, body in asked:
        answer = await shared.ask(shared.bob, method, path, body)
        assert answer.is_success, (path, answer.text)

    found = await told(shared)
    assert [one.event for one in found] == [
        "Submitted", "Tagged", "Untagged", "Noted", "Held", "Released", "Prioritized",
        "QueuePaused", "QueueResumed", "ProjectDescribed", "RetentionSet", "ProjectRenamed",
        "StopRequested", "Deleted", "Restored", "Deleted", "ProjectDeleted", "Restored",
        "ProjectRestored",
    ]  # fmt: skip
    for one in found:
        assert one.detail.get("by", one.detail.get("user")) == "bob", one.event
        assert (one.detail["source"], one.detail["token"]) == ("10.0.0.2", token_id(shared.bob))


async def test_what_an_admin_prunes_is_told_too(shared: Shared) -> None:
    answer = await shared.ask(shared.admin, "POST", "/environments/prune", {"unused_days": 0})
    assert answer.status_code == 200

    (change,) = await told(shared)
    assert change.event == "EnvironmentsPruned"
    assert (change.detail["by"], change.detail["token"]) == ("root", token_id(shared.admin))


async def test_the_owner_comes_through_the_socket(shared: Shared) -> None:
    transport = InMemory(Door(shared.app, tokens=None))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        await http.put("/queue", json={"max_running_jobs": 3})

    (change,) = await told(shared)
    assert change.detail["source"] == "unix socket"
    assert "token" not in change.detail


async def test_what_the_scheduler_does_by_itself_came_from_nowhere(shared: Shared) -> None:
    await shared.submit(shared.bob)
    shared.service.engine.problem = None
    await shared.service.claim_next()

    claimed = (await told(shared))[-1]
    assert claimed.event == "Claimed"
    assert not {"source", "token"} & claimed.detail.keys()


async def test_refused_attempts_are_in_the_servers_log(shared: Shared) -> None:
    theirs = await shared.submit(shared.ada)
    with structlog.testing.capture_logs() as logged:
        await shared.ask({}, "GET", "/jobs")
        await shared.ask(shared.reader, "POST", "/queue/clear", {"project": None})
        await shared.ask(shared.bob, "POST", f"/jobs/{theirs}/stop")

    assert [one["event"] for one in logged] == ["not let in", "refused", "refused"]
    assert [one.get("what") for one in logged] == [None, "clear_queue", f"job {theirs}"]
    assert {one["peer"] for one in logged} == {"10.0.0.2"}
    assert logged[2]["token"] == token_id(shared.bob)
