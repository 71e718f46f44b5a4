"""Whatever the API can do, a command does, and there is no command that it does not serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from atlas_scheduler.api import create_app
from foundations.bundles.delivery import LISTED_ABOVE_BYTES
from foundations.cli.__main__ import cli
from foundations.models import JobSpec, NewSchedule, NewToken, Role, Submission
from tests.api.fake_service import FakeService, as_service
from tests.api.schema import Contract
from tests.cli.fake_scheduler import FakeScheduler

WAITS, RUNS, DONE = "a" * 36, "b" * 36, "c" * 36
ARRAY, SCHEDULE = "d" * 36, "e" * 36
COMMANDS = {
    "health": "info --env",
    "info": "info",
    "readiness": "info --ready",
    "measurements": "info --metrics",
    "host": "info --host",
    "disk": "info --disk",
    "environments": "list environments",
    "secrets": "secret list",
    "set_secret": "secret set scheduler API_KEY",
    "delete_secret": "secret delete scheduler API_KEY",
    "prune_environments": "prune environments scheduler",
    "images": "list images",
    "prune_images": "prune images scheduler",
    "queue_settings": "show queue",
    "set_queue_settings": "set queue scheduler --max-running-jobs 2",
    "clear_queue": "clear-queue scheduler",
    "pause_queue": "pause queue scheduler",
    "resume_queue": "resume queue scheduler",
    "move": f"move job scheduler {WAITS} first",
    "has_bundle": "submit scheduler project --detach",
    "upload_bundle": "submit scheduler project --detach",
    "declare_bundle": "submit scheduler large --detach",
    "send_files": "submit scheduler large --detach",
    "check_submission": "submit scheduler large --detach",
    "submit": "submit scheduler project --detach",
    "submit_array": "submit scheduler --array 0-2 project --detach",
    "create_schedule": "submit scheduler --cron=@hourly project --detach",
    "schedules": "list schedules",
    "schedule": f"show schedule scheduler {ARRAY}",
    "pause_schedule": f"pause schedule scheduler {ARRAY}",
    "resume_schedule": f"resume schedule scheduler {ARRAY}",
    "delete_schedule": f"delete schedule scheduler {SCHEDULE}",
    "array": f"show array scheduler {ARRAY}",
    "jobs": "list jobs",
    "job": f"show job scheduler {DONE}",
    "provenance": f"show provenance scheduler {DONE}",
    "stop": f"stop job scheduler {RUNS} --no-wait",
    "stop_jobs": f"stop job scheduler {RUNS} {WAITS} --no-wait",
    "delete": f"delete job scheduler {DONE}",
    "restore": f"restore job scheduler {DONE}",
    "set_priority": f"set job scheduler {WAITS} --priority 3",
    "hold": f"hold job scheduler {WAITS}",
    "release": f"release job scheduler {WAITS}",
    "start_exec": f"exec job scheduler {RUNS} true",
    "exec_output": f"exec job scheduler {RUNS} true",
    "write_exec": f"exec job scheduler {RUNS} true",
    "resize_exec": f"shell job scheduler {RUNS}",
    "end_exec": f"exec job scheduler {RUNS} true",
    "open_tunnel": f"forward job scheduler {RUNS} 0:8888",
    "read_tunnel": f"forward job scheduler {RUNS} 0:8888",
    "write_tunnel": f"forward job scheduler {RUNS} 0:8888",
    "close_tunnel": f"forward job scheduler {RUNS} 0:8888",
    "source_diff": f"diff jobs scheduler {DONE} {RUNS} --source",
    "archive": f"get job scheduler {DONE}",
    "tensorboard_logs": f"tensorboard scheduler {DONE}",
    "artifacts": f"get artifact scheduler {DONE}",
    "artifact": f"get artifact scheduler {DONE} model",
    "files": f"list files scheduler {DONE}",
    "file": f"get file scheduler {DONE} source/main.py",
    "tag": f"tag job scheduler {DONE} best",
    "untag": f"untag job scheduler {DONE} best",
    "note": f"note job scheduler {DONE} fine",
    "notes": f"note job scheduler {DONE} --list",
    "metrics": f"metrics job scheduler {DONE} --summary",
    "metric": f"metrics job scheduler {DONE}",
    "logs": f"get logs scheduler {DONE}",
    "log_times": f"get logs scheduler {DONE} --timestamps",
    "search_log": f"get logs scheduler {DONE} --grep step",
    "changes": "submit scheduler project",
    "projects": "list projects",
    "rename_project": "rename project scheduler demo digits",
    "describe_project": "describe project scheduler demo about",
    "set_retention": "set project scheduler demo --keep-last 20",
    "garbage": "gc scheduler --dry-run",
    "collect_garbage": "gc scheduler",
    "delete_project": "delete project scheduler demo --yes",
    "restore_project": "restore project scheduler demo",
    "whoami": "whoami",
    "tokens": "token list scheduler",
    "create_token": "token create scheduler laptop",
    "rotate_token": "token rotate scheduler ci",
    "revoke_token": "token revoke scheduler ci",
}
"""A command for each operation of the API."""
_TUNNELS = {"open_tunnel", "read_tunnel", "write_tunnel", "close_tunnel"}
TOLD_OTHERWISE = {"health", "queue_settings", "resize_exec", *_TUNNELS}
"""`info --env` and `config test` look past the connection that tests replace; `show queue` reads
`info`, which has the settings too; only a real terminal changes its size; a tunnel is opened for
whoever connects (test_forward)."""
BUILT_ON_OTHERS = {
    "rerun job": "submit",
    "compare jobs": "job",
    "export jobs": "jobs",
    "wait job": "changes",
    "list events": "changes",
    "set user": "set_queue_settings",
    "notebook": "submit",
}
"""Commands that use an operation in a way of their own."""
CLIENT_ALONE = {
    *("init", "doctor", "completion", "tui", "login", "logout"),
    *("config add", "config remove", "config list", "config default", "config test"),
}
"""Commands that are about the user's own machine or terminal."""


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(create_app(as_service(FakeService())).openapi())


@pytest.fixture
def scheduler(
    scheduler: FakeScheduler, work: Path, monkeypatch: pytest.MonkeyPatch
) -> FakeScheduler:
    monkeypatch.setenv("XDG_CACHE_HOME", str(work / "cache"))
    (work / "large").mkdir()
    (work / "large" / "main.py").touch()
    with (work / "large" / "zeros").open("wb") as file:
        file.truncate(LISTED_ABOVE_BYTES + 1)
    done = scheduler.add(
        DONE, artifacts={"model": b"weights"}, metrics={"loss": 1}, series={"loss": [(0.0, 1)]}
    )
    scheduler.start(done)
    scheduler.print(done, b"output\n")
    scheduler.finish(done)
    scheduler.tokens.make(NewToken(name="ci", role=Role.READ), by="ada")
    scheduler.start(scheduler.add(RUNS, project="other"))
    scheduler.add(WAITS, project="other")
    made = scheduler.add_schedule(
        NewSchedule(
            submission=Submission(spec=JobSpec(project="demo"), bundle=f"sha256:{'0' * 64}"),
            cron="0 3 * * *",
        )
    )
    scheduler.schedules[SCHEDULE] = scheduler.schedules.pop(made).model_copy(
        update={"schedule_id": SCHEDULE}
    )
    return scheduler


def commands(group: click.Group, *words: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)
        else:
            yield " ".join((*words, name))


def test_every_operation_has_a_command(contract: Contract) -> None:
    assert contract.operations().keys() == COMMANDS.keys()


@pytest.mark.parametrize("operation", sorted(COMMANDS.keys() - TOLD_OTHERWISE))
def test_the_command_asks_for_its_operation(
    scheduler: FakeScheduler, contract: Contract, operation: str
) -> None:
    asked: list[str | None] = []

    def note(request: httpx.Request) -> None:
        asked.append(contract.operation_id(request))

    scheduler.on_request = note
    CliRunner().invoke(cli, COMMANDS[operation].split(), prog_name="foundations", input="text\n")

    assert operation in asked
    assert None not in asked


def test_every_command_is_one_of_these() -> None:
    shown = (*COMMANDS.values(), *BUILT_ON_OTHERS)
    served = {
        name for name in commands(cli) if any(f"{one} ".startswith(f"{name} ") for one in shown)
    }

    assert set(commands(cli)) - served == CLIENT_ALONE
    assert BUILT_ON_OTHERS.keys() <= served
    assert set(BUILT_ON_OTHERS.values()) <= COMMANDS.keys()
