"""`foundations secret`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from foundations.cli.__main__ import cli
from tests.cli.fake_scheduler import FakeScheduler


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="foundations", input=given)


def test_a_value_comes_from_standard_input_or_a_file(
    scheduler: FakeScheduler, tmp_path: Path
) -> None:
    done = run("secret", "set", "scheduler", "KEY", given="s3cret\n")
    assert done.output == "Set secret `KEY`. Jobs that ask for it get it from now on.\n"
    file = tmp_path / "value"
    file.write_text("two\nlines\n\n", encoding="utf-8")
    assert (
        run("secret", "set", "scheduler", "A", "--shared", "--from-file", str(file)).exit_code == 0
    )
    assert scheduler.secrets == {("KEY", False): "s3cret", ("A", True): "two\nlines\n"}


def test_secrets_are_listed_without_values(scheduler: FakeScheduler) -> None:
    assert run("secret", "list").output == "No secrets.\n"
    scheduler.secrets = {("KEY", False): "s3cret", ("DATA", True): "s3cret"}
    lines = run("secret", "list").output.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["SECRET", "WHOSE"],
        ["DATA", "all"],
        ["KEY", "yours"],
    ]
    listed = json.loads(run("secret", "list", "--json").output)
    assert [one["name"] for one in listed] == ["DATA", "KEY"]
    assert "s3cret" not in str(listed)


def test_a_secret_is_deleted(scheduler: FakeScheduler) -> None:
    scheduler.secrets = {("KEY", False): "s3cret"}
    assert run("secret", "delete", "scheduler", "KEY").output == "Deleted secret `KEY`.\n"
    assert scheduler.secrets == {}
    done = run("secret", "delete", "scheduler", "KEY")
    assert done.exit_code == 1


def test_what_is_no_value_is_refused(scheduler: FakeScheduler) -> None:
    for given, said in ((b"", "The value is empty."), (b"\xff", "The value is not text in UTF-8")):
        done = run("secret", "set", "scheduler", "KEY", given=given)
        assert done.exit_code == 2
        assert said in done.output
    assert scheduler.secrets == {}
