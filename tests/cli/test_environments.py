"""`list environments` and `prune environments`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cli.conftest import Run
from tests.cli.fake_machine import environments
from tests.cli.fake_scheduler import FakeScheduler


def test_environments_are_listed_with_what_they_take(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.environments = environments("numpy==2.1.0", "pandas==2.3.0")
    result = run("list", "environments")
    header, row = result.stdout.splitlines()
    assert header.split()[0] == "KEY"
    assert row.startswith("3f2a3f2a")
    assert "80.0 MB" in row
    assert "atlas-ce/worker:latest" in row
    assert "80.0 MB of environments and 1.0 kB of downloads; at most 20.0 GB" in result.stderr
    found = run_json("list", "environments", "--json")
    assert found["environments"][0]["packages"] == ["numpy==2.1.0", "pandas==2.3.0"]


def test_whose_they_are_is_listed_where_not_all_are_of_one_user(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.environments = environments("numpy==2.1.0")
    (one,) = scheduler.environments.environments
    hers, everybodys = one.model_copy(update={"user": "ada"}), one
    for listed, is_told in (([hers, hers], False), ([hers, everybodys], True)):
        found = scheduler.environments.model_copy(update={"environments": listed})
        scheduler.environments = found
        header, *rows = run("list", "environments").stdout.splitlines()
        assert ("USER" in header.split()) == is_told
        assert [row.split()[1] for row in rows] == (["ada", "-"] if is_told else ["3.11.2"] * 2)


def test_no_environments_are_said_to_be_none(run: Run, scheduler: FakeScheduler) -> None:
    assert run("list", "environments", "scheduler").stdout == "No environments.\n"


def test_pruning_says_what_went_and_what_stays(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    result = run("prune", "environments", "scheduler", "--unused-days", "7")
    assert result.stdout == "Removed 2 environments, 7 bytes.\n"
    scheduler.environments = environments("numpy==2.1.0")
    result = run("prune", "environments", "scheduler")
    assert result.stdout == "Removed 2 environments, 0 bytes; 1 stays, which jobs use.\n"
    pruned = run_json("prune", "environments", "scheduler", "--json")
    assert pruned == {"removed": 2, "freed_bytes": 0, "in_use": 1}


def test_days_below_zero_are_refused(run: Run) -> None:
    result = run("prune", "environments", "scheduler", "--unused-days", "-1", exit_code=2)
    assert "--unused-days" in result.stderr
