"""Where an engine is looked for that nobody named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from atlas_scheduler.engine import sockets
from atlas_scheduler.engine.sockets import DEFAULT_ADDRESS, find_socket, own_sockets


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of a user who has no Docker of the machine's."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(sockets, "DEFAULT_ADDRESS", f"unix://{tmp_path}/none.sock")
    (tmp_path / "podman").mkdir()
    return tmp_path


def listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def default() -> str:
    return sockets.DEFAULT_ADDRESS


def test_without_any_socket_the_usual_one_is_used(runtime: Path) -> None:
    assert find_socket(default()) is None


def test_rootless_podman_is_found_where_there_is_no_docker(runtime: Path) -> None:
    listen(runtime / "podman" / "podman.sock")
    assert find_socket(default()) == str(runtime / "podman" / "podman.sock")


def test_rootless_docker_goes_before_podman(runtime: Path) -> None:
    listen(runtime / "podman" / "podman.sock")
    listen(runtime / "docker.sock")
    assert find_socket(default()) == str(runtime / "docker.sock")


def test_the_machines_docker_goes_before_both(runtime: Path) -> None:
    listen(runtime / "docker.sock")
    listen(runtime / "none.sock")
    assert find_socket(default()) is None


def test_an_engine_that_was_chosen_is_not_passed_over(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(runtime / "docker.sock")
    assert find_socket("unix:///elsewhere.sock") is None
    monkeypatch.setenv("DOCKER_HOST", default())
    assert find_socket(default()) is None


def test_a_file_that_is_no_socket_is_no_engine(runtime: Path) -> None:
    (runtime / "podman" / "podman.sock").touch()
    assert find_socket(default()) is None


def test_a_user_without_a_runtime_directory_has_the_systems() -> None:
    first, second = own_sockets({}, uid=1234)
    assert str(first) == "/run/user/1234/docker.sock"
    assert str(second) == "/run/user/1234/podman/podman.sock"
    assert DEFAULT_ADDRESS == "unix:///var/run/docker.sock"
    assert own_sockets({"XDG_RUNTIME_DIR": "/x"}, uid=os.getuid())[0] == Path("/x/docker.sock")
