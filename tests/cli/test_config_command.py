"""`foundations config`: scheduler configs that commands write, read and remove."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from foundations import config_files, configs
from foundations.errors import ConfigError
from foundations.home import Home
from foundations.transport.trust import Trust
from tests.cli.conftest import Run

PIN = "9e" * 32


def config_path(home: Path, name: str) -> Path:
    return home / "config" / "submission" / f"{name}.config.yaml"


def test_a_scheduler_is_added_used_by_default_and_removed(run: Run, home: Path, work: Path) -> None:
    added = run("config", "add", "lab", "unix:///nowhere/atlas.sock")
    path = config_path(home, "lab")
    assert added.stdout == f"Added lab: {path}\n"
    assert path.read_text() == 'scheduler_url: "unix:///nowhere/atlas.sock"\n'
    assert path.stat().st_mode & 0o777 == 0o600

    assert run("config", "default").stdout == "scheduler\n"
    assert run("config", "default", "lab").stdout == "lab\n"
    assert run("config", "default").stdout == "lab\n"
    assert "Where no scheduler is named, lab is meant." in run("config", "list").stderr
    assert run("config", "default", "--unset").stdout == "scheduler\n"

    run("config", "default", "lab")
    assert run("config", "remove", "lab").stdout == f"Removed {path}\n"
    assert run("config", "default").stdout == "scheduler\n"


def test_a_scheduler_is_added_with_its_pin_and_a_token(run: Run, home: Path, work: Path) -> None:
    (work / "token").write_text("atlas_secret\n")
    colons = ":".join(["9E"] * 32)

    result = run(
        *("config", "add", "lab", "https://gpu-box:5000", "--fingerprint", colons, "--default"),
        *("--token-file", "token"),
    )

    assert "Where no scheduler is named, lab is meant." in result.stdout
    assert "atlas_secret" not in result.output
    assert yaml.safe_load(config_path(home, "lab").read_text()) == {
        "scheduler_url": "https://gpu-box:5000",
        "tls_fingerprint": colons,
        "token": "atlas_secret",
    }
    assert configs.load("lab", home=Home(home)).trust == Trust(fingerprint=PIN)


def test_without_a_token_one_is_told_to_sign_in(run: Run, work: Path) -> None:
    (work / "ca.pem").touch()
    told = run("config", "add", "lab", "https://lab", "--ca", "ca.pem").stderr
    assert told == "Sign in with: foundations login lab\n"


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("a/b http://x", 1, "`a/b` cannot be the name of a scheduler config"),
        (".x http://x", 1, "`.x` cannot be the name"),
        ("lab ftp://x", 1, "The URL of a scheduler must start with"),
        ("lab http://me:pw@x", 1, "holds no user or password"),
        ("lab http://x:99999", 1, "is not the URL of a scheduler"),
        ("lab http://x --fingerprint aa", 2, "are for URLs that begin with https://"),
        ("lab https://x --fingerprint aa", 2, "takes 64 hexadecimal digits"),
        ("lab https://x --token-file empty", 1, "No token was given"),
        ("scheduler http://x", 1, "is there already. Change it, or replace it with --force."),
    ],
)
def test_what_cannot_be_a_config_is_not_written(
    run: Run, home: Path, work: Path, words: str, code: int, expected: str
) -> None:
    configs.ensure_default(Home(home))
    before = sorted(path.name for path in (home / "config" / "submission").iterdir())
    (work / "empty").touch()

    assert expected in run("config", "add", *words.split(), exit_code=code).stderr

    assert sorted(path.name for path in (home / "config" / "submission").iterdir()) == before


def test_a_config_is_replaced_when_told(run: Run, home: Path, work: Path) -> None:
    run("config", "add", "lab", "http://one:5000")
    run("config", "add", "lab", "http://two:5000", "--force")
    assert configs.load("lab", home=Home(home)).scheduler_url == "http://two:5000"


def test_this_machines_own_scheduler_and_unknown_ones_are_not_removed(run: Run, work: Path) -> None:
    assert "this machine's own" in run("config", "remove", "scheduler", exit_code=1).stderr
    assert (
        "There is no scheduler config `lab`" in run("config", "remove", "lab", exit_code=1).stderr
    )
    assert "`nosuch`" in run("config", "default", "nosuch", exit_code=1).stderr


def test_a_test_tells_that_nothing_answers(
    run: Run, work: Path, run_json: Callable[..., Any]
) -> None:
    run("config", "add", "lab", "http://127.0.0.1:9")
    assert "does not answer" in run("config", "test", "lab", exit_code=1).stderr
    result = run("config", "test", "lab", "--json", exit_code=1)
    document = json.loads(result.stdout)
    assert (document["env_name"], document["reachable"]) == ("lab", False)


# -- tokens in files


@pytest.fixture
def kept(tmp_path: Path) -> Home:
    return Home(tmp_path / "kept")


def written(home: Home, text: str) -> configs.SchedulerConfig:
    home.config_dir.mkdir(parents=True, exist_ok=True)
    path = home.config_dir / "lab.config.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return configs.load("lab", home=home)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("scheduler_url: http://x", 'scheduler_url: http://x\ntoken: "new"\n'),
        (
            "# mine\nscheduler_url: http://x # here\ntoken: old\n# end\n",
            '# mine\nscheduler_url: http://x # here\n# end\ntoken: "new"\n',
        ),
        ("'token' : 'old'\nscheduler_url: http://x\n", 'scheduler_url: http://x\ntoken: "new"\n'),
        (
            "scheduler_url: http://x\ntoken: >-\n  old\nworker: {}\n",
            'scheduler_url: http://x\nworker: {}\ntoken: "new"\n',
        ),
    ],
)
def test_a_token_is_put_into_a_file_and_taken_out_and_the_rest_stays(
    kept: Home, before: str, after: str
) -> None:
    config = written(kept, before)

    config_files.keep_token(config, "new", home=kept)
    assert config.path.read_text() == after
    assert config.path.stat().st_mode & 0o777 == 0o600
    assert configs.load("lab", home=kept).token == "new"

    assert config_files.forget_token(config)
    assert config.path.read_text() == after.removesuffix('token: "new"\n')
    assert not config_files.forget_token(config)


def test_a_file_that_takes_no_line_is_left_as_it_was(kept: Home) -> None:
    text = "{scheduler_url: 'http://x'}\n"
    config = written(kept, text)

    with pytest.raises(ConfigError):
        config_files.keep_token(config, "new", home=kept)

    assert config.path.read_text() == text
    assert [path.name for path in kept.config_dir.iterdir()] == ["lab.config.yaml"]


def test_a_token_never_goes_into_a_project(kept: Home, tmp_path: Path) -> None:
    near = tmp_path / "project" / "config" / "submission"
    near.mkdir(parents=True)
    (near / "lab.config.yaml").write_text("scheduler_url: http://x\n")
    config = configs.load("lab", home=kept, cwd=tmp_path / "project")

    with pytest.raises(ConfigError, match="a token in it would go along with every job"):
        config_files.keep_token(config, "new", home=kept)

    assert (near / "lab.config.yaml").read_text() == "scheduler_url: http://x\n"
