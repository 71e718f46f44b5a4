"""Reaching the local scheduler: it is started when nothing answers, once, and failures are told."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from foundations import autostart, configs
from foundations.autostart import connect, is_answering, is_own_scheduler, look_for
from foundations.configs import SchedulerConfig
from foundations.errors import Unreachable
from foundations.home import Home

LISTEN = """\
import os, socket, sys
home, socket_path = sys.argv[sys.argv.index("--home") + 1], {socket!r}
os.makedirs(os.path.dirname(socket_path), exist_ok=True)
print("arguments:", *sys.argv[1:], file=open(home + "/started", "a"))
if os.fork() == 0:
    server = socket.socket(socket.AF_UNIX)
    server.bind(socket_path)
    server.listen()
    while server.accept()[0].recv(1) != b"q":
        pass
"""
FAIL = """\
import os, sys
home = sys.argv[sys.argv.index("--home") + 1]
os.makedirs(home + "/logs", exist_ok=True)
open(home + "/logs/server.log", "w").write("first\\nlast words\\n")
sys.exit("Error: the port is taken")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("FOUNDATIONS_JOB_ID", raising=False)
    return Home(tmp_path / "home")


@pytest.fixture
def own(home: Home) -> SchedulerConfig:
    configs.ensure_default(home)
    return configs.load("scheduler", home=home)


def install(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program stand in for the server's module."""
    package = tmp_path / "installed" / "atlas_scheduler"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))


@contextmanager
def listening(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield


def quit_server(home: Home) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(home.socket))
        client.sendall(b"q")


def test_a_server_that_listens_is_used(home: Home, own: SchedulerConfig) -> None:
    with listening(home.socket):
        assert is_answering(home)
        with connect(own, home=home) as client:
            assert client.url == f"unix://{home.socket}"


def test_a_server_is_started_in_the_background_and_announced(
    home: Home, own: SchedulerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(LISTEN.format(socket=str(home.socket)), tmp_path, monkeypatch)
    (tmp_path / "cwd").mkdir()
    # Nothing in the user's directory may be imported by the server.
    (tmp_path / "cwd" / "socket.py").write_text("raise SystemExit('imported the wrong file')\n")
    monkeypatch.chdir(tmp_path / "cwd")
    said: list[str] = []

    with connect(own, home=home, announce=said.append):
        pass
    with connect(own, home=home, announce=said.append):
        pass

    quit_server(home)
    assert said == ["Starting the Atlas server…"]
    started = (home.root / "started").read_text()
    assert started == f"arguments: start --detach --home {home.root}\n"


def test_a_socket_that_nobody_serves_any_more_does_not_count(
    home: Home, own: SchedulerConfig
) -> None:
    with listening(home.socket):
        pass

    assert home.socket.exists()
    assert not is_answering(home)


def test_a_start_that_fails_is_told_with_the_end_of_the_log(
    home: Home, own: SchedulerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(FAIL, tmp_path, monkeypatch)
    monkeypatch.setattr(autostart, "_AFTER_FAILURE_SECONDS", 0.0)

    with pytest.raises(Unreachable) as caught:
        connect(own, home=home)

    assert caught.value.message.splitlines() == [
        f"The Atlas server could not be started for {home.root}.",
        "the port is taken",
        f"The end of {home.server_log}:",
        "  first",
        "  last words",
    ]


def test_a_server_that_another_command_started_at_the_same_time_is_used(
    home: Home, own: SchedulerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(FAIL, tmp_path, monkeypatch)
    over = threading.Event()

    def serve() -> None:
        with listening(home.socket):
            over.wait(timeout=30)

    other = threading.Thread(target=serve)
    try:
        with connect(own, home=home, announce=lambda _: other.start()) as client:
            assert client.url == own.scheduler_url
    finally:
        over.set()
        other.join()


def test_no_server_is_started_inside_a_job(
    home: Home, own: SchedulerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOUNDATIONS_JOB_ID", "45540b52-ffe2-44ab-9838-db467d3499c0")

    with pytest.raises(Unreachable, match="inside a job none is started"):
        connect(own, home=home)


def test_without_an_interpreter_the_user_is_told_what_to_start(
    home: Home, own: SchedulerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")

    with pytest.raises(Unreachable, match="atlas-server start"):
        connect(own, home=home)


def test_the_scheduler_of_another_home_is_not_started(home: Home, tmp_path: Path) -> None:
    other = SchedulerConfig("x", tmp_path / "x.config.yaml", f"unix://{tmp_path}/other.sock")

    assert not is_own_scheduler(other, home=home)
    with connect(other, home=home) as client:
        assert client.url == other.scheduler_url
    with pytest.raises(Unreachable, match="does not answer"):
        look_for(other)
