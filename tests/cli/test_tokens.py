"""Who may use a scheduler over a network: `foundations token`, `atlas-server token`, `whoami`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx

from foundations.errors import NotAuthorised
from foundations.models import NewToken, Role
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler


def test_a_new_token_is_alone_on_standard_output(run: Run, scheduler: FakeScheduler) -> None:
    result = run("token", "create", "scheduler", "laptop", "--user", "eve", "--role", "read")

    assert re.fullmatch(r"atlas_[0-9a-f]{8}_\S{43}\n", result.stdout)
    assert "Token 00000001 of eve, role read, holds" in result.stderr
    assert "the only time that it is shown" in result.stderr


def test_a_token_has_a_year_and_the_servers_limits_unless_it_is_said(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    asked: list[dict[str, Any]] = []
    make = scheduler.tokens.make

    def note(wanted: NewToken, **more: Any) -> Any:
        asked.append(wanted.model_dump(exclude_none=True))
        return make(wanted, **more)

    scheduler.tokens.make = note  # type: ignore[method-assign]  # to see what was asked
    run_json("token", "create", "scheduler", "a", "--json")
    options = ("--expires", "never", "--followers", "3", "--stored-gb", "0.5")
    run_json("token", "create", "scheduler", "b", *options, "--json")

    first, second = asked
    assert first == {
        "name": "a",
        "role": Role.SUBMIT,
        "expires_seconds": 365 * 86_400,
        "limits": {},
    }
    assert "expires_seconds" not in second
    assert second["limits"] == {"followers": 3, "stored_gb": 0.5}


def test_tokens_are_listed_without_those_that_hold_no_longer(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    assert run("token", "list", "scheduler").stdout == "No tokens.\n"
    scheduler.tokens.make(NewToken(name="ci", role=Role.ADMIN), by="ada")
    scheduler.tokens.make(NewToken(name="old", role=Role.READ), by="ada")
    assert (
        run("token", "revoke", "scheduler", "old").stdout == "Token 00000002 (`old`) is revoked\n"
    )

    header, row = run("token", "list", "scheduler").stdout.splitlines()
    assert header.split()[:4] == ["TOKEN", "NAME", "USER", "ROLE"]
    assert row.split()[:4] == ["00000001", "ci", "ada", "admin"]
    assert "revoked by ada" in run("token", "list", "scheduler", "--all").stdout
    shown = run_json("token", "list", "scheduler", "--all", "--json")
    assert [one["holds"] for one in shown] == [True, False]
    assert "secret" not in str(shown)


def test_a_rotation_prints_the_new_token(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.tokens.make(NewToken(name="ci", role=Role.ADMIN), by="ada")
    result = run("token", "rotate", "scheduler", "ci", "--overlap", "2h")
    assert result.stdout.startswith("atlas_00000002_")
    run("token", "rotate", "scheduler", "ci", "--overlap", "soon", exit_code=2)


def test_a_token_that_is_not_there_is_named(run: Run, scheduler: FakeScheduler) -> None:
    result = run("token", "revoke", "scheduler", "ghost", exit_code=1)
    assert "There is no token 'ghost'" in result.stderr


def test_whoami_names_user_role_and_way(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    told = run("whoami").stdout
    assert told == "ada, role admin, by the socket that only you can open\n"
    assert run_json("whoami", "--json")["role"] == "admin"


def test_who_is_not_known_is_told_where_to_sign_in(run: Run, scheduler: FakeScheduler) -> None:
    def refuse(request: httpx.Request) -> None:
        raise NotAuthorised("This scheduler wants to know who asks.")

    scheduler.on_request = refuse

    assert run("list", "jobs", "scheduler", exit_code=1).stderr == (
        "Error: This scheduler wants to know who asks.\nTo sign in: foundations login scheduler\n"
    )
