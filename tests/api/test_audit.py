"""Every action is in the history, with who did it, and from where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from atlas_scheduler.api import Door
from atlas_scheduler.core.access import RULES
from atlas_scheduler.core.events import Started
from atlas_scheduler.core.job import Job
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.store import history
from foundations.models import Change, QueueChange, Role
from tests.api.echo_session import EchoSession
from tests.api.guarded import BASE_URL
from tests.api.in_memory import InMemory
from tests.api.shared_scheduler import Shared, shared_scheduler
from tests.service.onlooker import Onlooker

pytestmark = pytest.mark.anyio

SUBMITTER_ASKS: list[tuple[str, str, str, Any]] = [
    ("tag", "POST", "/jobs/{job}/tags", {"tags": {"a": "b"}}),
    ("untag", "DELETE", "/jobs/{job}/tags?key=a", None),
    ("note", "POST", "/jobs/{job}/notes", {"text": "hello"}),
    ("hold", "POST", "/jobs/{job}/hold", None),
    ("release", "POST", "/jobs/{job}/release", None),
    ("set_priority", "PUT", "/jobs/{job}/priority", {"priority": -1}),
    ("pause_queue", "POST", "/queue/pause", {"project": "cats"}),
    ("resume_queue", "POST", "/queue/resume", {"project": "cats"}),
    ("set_secret", "PUT", "/secrets/KEY", {"value": "s3cret"}),
    ("delete_secret", "DELETE", "/secrets/KEY", None),
    ("start_exec", "POST", "/jobs/{running}/execs", {"command": ["ls"]}),
    ("open_tunnel", "POST", "/jobs/{running}/ports/8888/tunnels", None),
    ("describe_project", "PUT", "/projects/cats/description", {"description": "mice"}),
    ("set_retention", "PUT", "/projects/cats/retention", {"rule": {"keep_last": 3}}),
    ("rename_project", "POST", "/projects/cats/rename", {"new_name": "lions"}),
    ("stop", "POST", "/jobs/{job}/stop", None),
    ("delete", "DELETE", "/jobs/{job}", None),
    ("restore", "POST", "/jobs/{job}/restore", None),
    ("delete_project", "DELETE", "/projects/lions", None),
    ("restore_project", "POST", "/projects/lions/restore", None),
]
"""The operation, and a request for it."""
SUBMITTER_TOLD = [
    "Submitted", "Submitted", "Tagged", "Untagged", "Noted", "Held", "Released", "Prioritized",
    "QueuePaused", "QueueResumed", "SecretSet", "SecretDeleted", "CommandRun", "PortOpened",
    "ProjectDescribed", "RetentionSet", "ProjectRenamed",
    "StopRequested", "Deleted", "Restored", "Deleted", "ProjectDeleted", "Restored",
    "ProjectRestored",
]  # fmt: skip
OF_THE_SCHEDULER = {"Claimed", "Started"}
TOLD_ELSEWHERE = {
    "submit", "submit_array", "create_schedule", "pause_schedule", "resume_schedule",
    "delete_schedule", "move", "clear_queue", "stop_jobs", "collect_garbage",
    "set_queue_settings", "create_token", "rotate_token", "revoke_token",
    "prune_environments", "prune_images",
}  # fmt: skip
"""By the tests of what they do, and below."""
CHANGES_NOTHING = {
    "secrets", "tokens", "garbage", "has_bundle", "upload_bundle", "declare_bundle", "send_files",
    "check_submission",
    "exec_output", "write_exec", "resize_exec", "end_exec", "read_tunnel", "write_tunnel",
    "close_tunnel",
}  # fmt: skip
"""They look, or are parts of something that is told when it begins, or when it is used."""


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


async def told(shared: Shared) -> list[Change | QueueChange]:
    """What happened since the tokens were made."""
    found = await shared.service._database.read(lambda conn: history.all_changes_since(conn, 0))
    return [one for one in found if one.event != "TokenCreated"]


class Beside(Onlooker):
    """A shell of jobs that run, beside which everything can be put."""

    async def run_beside(self, job: Job, plan: ExecPlan) -> ExecSession:
        return EchoSession()

    async def connect(self, job: Job, port: int) -> ExecSession:
        return EchoSession()


def token_id(header: dict[str, str]) -> str:
    return header["Authorization"].split("_")[1]


async def running(shared: Shared, project: str) -> str:
    """Submit a job of Bob's that runs, with room for others to be put beside it."""
    shared.service.shell = Beside()
    shared.service.engine.problem = None
    job_id = await shared.submit(shared.bob, project)
    await shared.service.take_turn()
    await shared.service.apply(job_id, Started(shared.door.clock()))
    return job_id


async def test_every_change_says_who_from_where_and_with_which_token(shared: Shared) -> None:
    places = {"running": await running(shared, "dogs"), "job": await shared.submit(shared.bob)}
    for operation, method, path, body in SUBMITTER_ASKS:
        answer = await shared.ask(shared.bob, method, path.format_map(places), body)
        assert answer.is_success, (operation, answer.text)

    found = [one for one in await told(shared) if one.event not in OF_THE_SCHEDULER]
    assert [one.event for one in found] == SUBMITTER_TOLD
    for one in found:
        assert one.detail.get("by", one.detail.get("user")) == "bob", one.event
        assert (one.detail["source"], one.detail["token"]) == ("10.0.0.2", token_id(shared.bob))
    assert "s3cret" not in str(found)


def test_no_operation_that_changes_something_goes_untold() -> None:
    changing = {name for name, rule in RULES.items() if rule.role is not Role.READ}
    asked = {operation for operation, *_ in SUBMITTER_ASKS}
    assert changing == asked | TOLD_ELSEWHERE | CHANGES_NOTHING


async def test_whoever_connects_to_a_port_again_is_told_once(shared: Shared) -> None:
    job_id = await running(shared, "cats")
    for who, port in ((shared.bob, 80), (shared.bob, 80), (shared.bob, 81), (shared.admin, 80)):
        assert (await shared.ask(who, "POST", f"/jobs/{job_id}/ports/{port}/tunnels")).is_success

    opened = [one.detail for one in await told(shared) if one.event == "PortOpened"]
    assert [(one["by"], one["port"]) for one in opened] == [("bob", 80), ("bob", 81), ("root", 80)]


async def test_what_an_admin_prunes_is_told_too(shared: Shared) -> None:
    for what in ("environments", "images"):
        answer = await shared.ask(shared.admin, "POST", f"/{what}/prune", {"unused_days": 0})
        assert answer.status_code == 200

    changes = await told(shared)
    assert [one.event for one in changes] == ["EnvironmentsPruned", "ImagesPruned"]
    for change in changes:
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
    await shared.service.take_turn()

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
