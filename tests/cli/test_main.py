"""The command line as a whole: help, version, errors, what is loaded when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

import foundations
from foundations.cli.__main__ import COMMANDS, cli
from foundations.cli.other_words import OF_OTHER_PROGRAMS
from foundations.errors import AtlasError
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

WATCHED = ("pydantic", "httpx", "yaml", "pathspec", "click")
"""What takes long to import."""


def loaded_by(*args: str, home: Path) -> set[str]:
    """Run a command in a process of its own and say which of the watched modules it loaded."""
    program = (
        "import sys, json, atexit\n"
        f"atexit.register(lambda: print(json.dumps([m for m in {WATCHED} if m in sys.modules]),"
        " file=sys.stderr))\n"
        "from foundations.cli.__main__ import main\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *args],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "FOUNDATIONS_HOME": str(home)},
    )
    return set(json.loads(result.stderr.splitlines()[-1]))


def test_version_is_told_as_the_original_did(run: Run) -> None:
    assert run("--version").stdout == f"Running Foundations version {foundations.__version__}\n"


def test_no_command_prints_the_help(run: Run) -> None:
    output = run().stdout

    assert output == run("--help").stdout
    for name, (_, short_help) in COMMANDS.items():
        assert name in output
        assert short_help in output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    assert run(name, "--help").stdout.startswith(f"Usage: foundations {name}")


def test_short_help_in_the_list_is_that_of_the_commands() -> None:
    context = click.Context(cli, info_name="foundations")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize("args", [["--help"], ["submit", "--help"], ["get", "--help"]])
def test_help_loads_nothing_that_takes_long(args: list[str], home: Path) -> None:
    assert loaded_by(*args, home=home) == {"click"}


def test_init_and_completion_load_nothing_that_takes_long(home: Path, work: Path) -> None:
    assert loaded_by("init", "new", home=home) == {"click"}
    assert loaded_by("completion", "fish", home=home) == {"click"}


def test_an_unknown_command_is_wrong_usage(run: Run) -> None:
    assert "No such command 'submti'. Did you mean 'submit'?" in run("submti", exit_code=2).stderr
    assert run("zzzzzz", exit_code=2).stderr.endswith("No such command 'zzzzzz'.\n")


@pytest.mark.parametrize(
    ("other", "meant"),
    [
        ("logs", "get logs"),
        ("ps", "list jobs"),
        ("queue", "show queue"),
        ("run", "submit"),
        ("cancel", "stop job"),
    ],
)
def test_who_types_the_word_of_another_program_is_told_ours(
    run: Run, other: str, meant: str
) -> None:
    assert run(other, "4711", exit_code=2).stderr.endswith(
        f"No such command '{other}'. Did you mean '{meant}'?\n"
    )


def test_every_word_of_another_program_leads_to_a_command() -> None:
    context = click.Context(cli, info_name="foundations")
    for other, words in OF_OTHER_PROGRAMS.items():
        assert other not in COMMANDS
        verb, *noun = words.split()
        command = cli.get_command(context, verb)
        assert command is not None
        if noun:
            assert isinstance(command, click.Group)
            assert command.get_command(context, noun[0]) is not None


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (
            ("delete", "scheduler", "4711"),
            "'scheduler' is none of 'delete job', 'delete project', 'delete schedule'.",
        ),
        (("rerun", "4711"), "'4711' is not 'rerun job'."),
        (("get", "artifacts", "scheduler"), "'artifacts' is none of 'get artifact', 'get file', "),
        (("get", "artifacts", "scheduler"), "'get job', 'get logs'. Did you mean 'get artifact'?"),
        (("list", "job"), "Did you mean 'list jobs'?"),
        (("config", "rm", "lab"), "is none of 'config add', 'config default', 'config list', "),
        (("get", "--oops"), "No such option"),
    ],
)
def test_a_word_left_out_after_the_verb_is_told(run: Run, args: tuple[str, ...], told: str) -> None:
    assert told in run(*args, exit_code=2).stderr


def test_an_error_of_atlas_is_one_line_on_standard_error(
    run: Run, scheduler: FakeScheduler
) -> None:
    result = run("show", "job", "scheduler", "45", exit_code=1)

    assert result.stdout == ""
    assert result.stderr == "Error: `45` is too short\n"


@pytest.mark.parametrize(
    "args",
    [
        ["--debug", "show", "job", "scheduler", "45"],
        ["submit", "--debug", "scheduler", "nowhere"],
    ],
)
def test_debug_lets_the_error_through(scheduler: FakeScheduler, args: list[str]) -> None:
    result = CliRunner().invoke(cli, args)

    assert isinstance(result.exception, AtlasError)


def test_an_error_of_the_file_system_names_the_file(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    job = scheduler.add()
    scheduler.start(job)

    result = run(
        "get", "job", "scheduler", job.job_id, "--save-dir", "project/main.py/x", exit_code=1
    )

    assert result.stderr == "Error: project/main.py/x: Not a directory\n"


def test_text_of_an_error_cannot_control_the_terminal(run: Run, scheduler: FakeScheduler) -> None:
    result = run("show", "job", "scheduler", "\x1b[2Jabc", exit_code=1)

    assert "\x1b" not in result.stderr
    assert "␛[2Jabc" in result.stderr


def test_ctrl_c_ends_a_command_with_130(run: Run, scheduler: FakeScheduler) -> None:
    def interrupt(request: httpx.Request) -> None:
        raise KeyboardInterrupt

    scheduler.on_request = interrupt

    run("list", "jobs", exit_code=130)


def test_a_closed_pipe_is_no_error_worth_a_word(scheduler: FakeScheduler) -> None:
    def close(request: httpx.Request) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    scheduler.on_request = close

    assert CliRunner().invoke(cli, ["list", "jobs"]).stderr == ""


def test_no_color_is_honoured(scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler.add()
    coloured = CliRunner().invoke(cli, ["list", "jobs"], color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    plain = CliRunner().invoke(cli, ["list", "jobs"], color=True).stdout

    assert "\x1b[33mqueued" in coloured
    assert "\x1b" not in plain
