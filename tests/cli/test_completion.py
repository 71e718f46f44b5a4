"""Shell completion: the scripts, and the candidates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from foundations.cli import completion
from foundations.cli.__main__ import cli
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


def candidates(*args: str, incomplete: str = "") -> list[str]:
    """What the shell would offer after these words."""
    complete = ShellComplete(cli, {}, "foundations", "_FOUNDATIONS_COMPLETE")
    return [item.value for item in complete.get_completions(list(args), incomplete)]


@pytest.fixture
def answering(scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> FakeScheduler:
    """A scheduler that completion reaches too."""
    monkeypatch.setattr("foundations.autostart.look_for", lambda config: None)
    monkeypatch.setattr("foundations.client.Client", lambda url, **_: scheduler.client())
    return scheduler


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(run: Run, shell: str) -> None:
    output = run("completion", shell).stdout

    assert "_FOUNDATIONS_COMPLETE" in output
    assert f"{shell}_complete" in output


def test_an_unknown_shell_is_wrong_usage(run: Run) -> None:
    run("completion", "csh", exit_code=2)


def test_commands_are_offered(home: Path) -> None:
    assert candidates(incomplete="s") == [*("submit", "show", "shell", "stop", "set", "secret")]
    assert candidates("get") == ["artifact", "file", "job", "logs"]


def test_configs_are_offered(home: Path, work: Path) -> None:
    (home / "config" / "submission").mkdir(parents=True)
    (home / "config" / "submission" / "aws.config.yaml").touch()

    assert candidates("submit") == ["aws", "scheduler"]
    assert candidates("stop", "job", incomplete="a") == ["aws"]


def test_jobs_are_offered_newest_first_and_each_once(answering: FakeScheduler, run: Run) -> None:
    answering.add(JOB_ID)
    newer = answering.add("4554ffff" + JOB_ID[8:])
    answering.add("00000000" + JOB_ID[8:])
    run("info")  # makes the default config

    assert candidates("get", "logs", "scheduler", incomplete="4554") == [newer.job_id, JOB_ID]
    assert candidates("delete", "job", "scheduler", JOB_ID, incomplete="455") == [newer.job_id]
    for words in (("move", "job"), ("hold", "job"), ("set", "job"), ("tag", "job")):
        assert candidates(*words, "scheduler", incomplete="45540") == [JOB_ID]
    assert candidates("move", "job", "scheduler", JOB_ID, incomplete="f") == ["first"]
    assert candidates("move", "job", "scheduler", incomplete="f") == []


@pytest.mark.parametrize("prepare", [lambda home: None, lambda home: home.mkdir()])
def test_nothing_is_offered_and_nothing_started_where_no_scheduler_answers(
    home: Path, work: Path, prepare: Callable[[Path], None]
) -> None:
    prepare(home)

    assert candidates("get", "logs", "scheduler") == []
    assert not list(home.glob("*"))


def test_an_answer_is_not_waited_for_long() -> None:
    assert completion.ANSWER_SECONDS <= 1
