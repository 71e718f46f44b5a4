"""Paths below the home, and the socket's short place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from foundations.errors import ConfigError
from foundations.home import LONGEST_SOCKET_PATH_BYTES, Home


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUNDATIONS_HOME", str(tmp_path / "mine"))
    assert Home.default() == Home(tmp_path / "mine")
    monkeypatch.setenv("FOUNDATIONS_HOME", "")
    assert Home.default().root == Path.home().resolve() / ".foundations"


def test_a_home_has_one_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert Home("link/../real/") == Home(tmp_path / "link") == Home(str(tmp_path / "real"))


def test_a_new_home_is_for_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    home.create()
    home.create()
    assert home.root.stat().st_mode & 0o777 == 0o700


def test_everything_lies_below_the_root(tmp_path: Path) -> None:
    home = Home(tmp_path)
    job = "45540b52-ffe2-44ab-9838-db467d3499c0"
    assert home.archive(job) == tmp_path / "job_data" / "archive" / job
    assert home.job_dir(job) == tmp_path / "local_docker_scheduler" / "work_dir" / job
    assert home.library("abc") == tmp_path / "run" / "lib" / "abc"
    assert home.server_log == tmp_path / "logs" / "server.log"
    assert home.config_dir == tmp_path / "config" / "submission"


@pytest.mark.parametrize("job_id", ["", ".", "..", "../x", "a/b", "/etc", "a\0b"])
def test_an_id_that_leads_elsewhere_is_refused(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(ValueError, match="not usable"):
        Home(tmp_path).job_dir(job_id)
    with pytest.raises(ValueError, match="not usable"):
        Home(tmp_path).archive(job_id)


def test_a_short_home_holds_its_socket() -> None:
    assert Home("/h").socket == Path("/h/run/atlas.sock")


def test_the_socket_of_a_long_home_has_a_short_path(tmp_path: Path) -> None:
    home, other = Home(tmp_path / ("long" * 30)), Home(tmp_path / ("long" * 31))
    assert len(os.fsencode(home.socket)) <= LONGEST_SOCKET_PATH_BYTES
    assert home.socket != other.socket
    assert home.socket == Home(home.root).socket

    directory = home.secure_socket_dir()

    assert directory == home.socket.parent
    assert directory.stat().st_mode & 0o777 == 0o700


def test_the_directory_for_the_socket_is_made_in_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    if home.socket.parent == home.run:
        assert home.secure_socket_dir() == home.run
        assert home.root.stat().st_mode & 0o777 == 0o700


def test_a_socket_directory_that_is_a_link_is_not_trusted(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.create()
    (tmp_path / "elsewhere").mkdir()
    home.run.symlink_to(tmp_path / "elsewhere")
    if home.socket.parent == home.run:
        with pytest.raises(ConfigError, match="not a directory of yours"):
            home.secure_socket_dir()


def test_a_socket_directory_that_others_may_write_to_is_closed(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.create()
    home.run.mkdir()
    home.run.chmod(0o777)
    if home.socket.parent == home.run:
        home.secure_socket_dir()
        assert home.run.stat().st_mode & 0o777 == 0o700
