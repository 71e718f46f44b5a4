"""Tokens of a server that runs: made beside it, kept over a restart, and told to nobody."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_processes


def places_with(text: str, top: Path) -> list[str]:
    """Files in which a text is."""
    wanted = text.encode()
    files = (path for path in top.rglob("*") if path.is_file())
    return [str(path) for path in files if wanted in path.read_bytes()]


def command_lines() -> str:
    """What runs on this machine, with all arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:  # it has ended meanwhile
            continue
    return "\n".join(found)


@on_processes
def test_tokens_are_made_while_the_server_runs_and_kept_as_hashes(own: Scheduler) -> None:
    done = own.server("token", "create", "laptop", "--user", "ada", "--expires", "90d")
    secret = done.out.strip()
    assert secret.startswith("atlas_")
    assert "of ada, role submit, holds until" in done.err
    fresh = own.cli("token", "rotate", "scheduler", "laptop").out.strip()
    own.server("stop")
    own.start()

    listed = json.loads(own.server("token", "list", "--json").out)
    assert [(one["name"], one["user"], one["holds"]) for one in listed] == [
        ("laptop", "ada", True),
        ("laptop", "ada", True),
    ]
    assert own.server("token", "revoke", "laptop").out.count("is revoked") == 2
    events = json.loads(own.cli("list", "events", "--json").out)
    assert [(one["event"], one["detail"]["source"]) for one in events] == [
        ("TokenCreated", "unix socket"),
        ("TokenRotated", "unix socket"),
        ("TokenRevoked", "unix socket"),
        ("TokenRevoked", "unix socket"),
    ]
    for one in (secret, fresh):
        assert places_with(one.split("_", 2)[2], own.home.root) == []
        assert one not in command_lines()
    assert own.home.database.stat().st_mode & 0o077 == 0


@on_processes
def test_without_a_server_it_is_said_how_to_start_one(own: Scheduler) -> None:
    own.server("stop")
    done = own.server("token", "list", code=1)
    assert "Start it with `atlas-server start`." in done.err
