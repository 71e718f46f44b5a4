"""A command line whose scheduler is the fake one, in an empty home and directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner, Result

from foundations import autostart
from foundations.cli.__main__ import cli
from tests.cli.fake_scheduler import FakeScheduler


class Run(Protocol):
    """Runs `foundations` with arguments and checks the exit code."""

    def __call__(self, *args: str, exit_code: int = 0) -> Result: ...


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("FOUNDATIONS_HOME", str(home))
    for name in ("NO_COLOR", "FOUNDATIONS_JOB_ID", "FOUNDATIONS_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(autostart, "start_server", _refuse_to_start)
    return home


def _refuse_to_start(*_: object, **__: object) -> None:
    """Nobody would stop a real server that a test of the command line starts unawares."""
    pytest.fail("this test asks for a real server: give it the fixture `scheduler`")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The current directory, with a project called `project` in it."""
    work = tmp_path / "work"
    (work / "project").mkdir(parents=True)
    (work / "project" / "main.py").write_text("print('hello')\n")
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch, work: Path) -> Iterator[FakeScheduler]:
    """The scheduler that every config leads to."""
    fake = FakeScheduler()
    monkeypatch.setattr(autostart, "connect", lambda config, **_: fake.client())
    yield fake
    fake.close()


@pytest.fixture
def run(work: Path) -> Run:
    def run(*args: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(cli, args, prog_name="foundations", catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Run a command and read its standard output as one JSON document."""

    def run_json(*args: str, exit_code: int = 0) -> Any:
        return json.loads(run(*args, exit_code=exit_code).stdout)

    return run_json
