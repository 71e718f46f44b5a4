"""All schedulers are asked at the same time, and the dead ones hold up nobody."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import foundations
from foundations import default_config, scheduler_status
from foundations.home import Home
from foundations.scheduler_status import SchedulerStatus
from tests.api.served import Served


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FOUNDATIONS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    home = Home.default()
    home.config_dir.mkdir(parents=True)
    return home


def write(home: Home, name: str, url: str) -> None:
    (home.config_dir / f"{name}.config.yaml").write_text(f"scheduler_url: {url}\n")


@pytest.fixture
def silent() -> Iterator[str]:
    """A place that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_every_scheduler_tells_who_it_is_or_why_not(
    home: Home, tmp_path: Path, silent: str
) -> None:
    for index in range(20):
        write(home, f"silent-{index:02}", silent)
    write(home, "wrong", "ftp://x")
    with Served(tmp_path / "lab.sock", tcp=True) as served:
        write(home, "lab", served.tcp_url)
        default_config.choose("lab", home=home)

        found = {one.name: one for one in foundations.schedulers(timeout_seconds=1)}

    lab = found.pop("lab")
    assert (lab.reachable, lab.is_default, lab.problem) == (True, True, None)
    assert lab.version == foundations.__version__
    assert lab.url == served.tcp_url
    assert "no server listens there" in (found.pop("scheduler").problem or "")
    assert "must start with unix://" in (found.pop("wrong").problem or "")
    assert len(found) == 20
    for one in found.values():
        assert (one.reachable, one.url) == (False, silent)
        assert one.problem is not None


def test_whoever_finds_no_end_is_not_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a look-up of a name that takes longer than any answer may."""
    gone = threading.Event()

    def endless(status: SchedulerStatus, timeout_seconds: float) -> SchedulerStatus:
        gone.wait(30)
        return status

    monkeypatch.setattr(scheduler_status, "_ask", endless)
    write(home, "endless", "http://lab:5000")

    found = {one.name: one for one in foundations.schedulers(timeout_seconds=0.1)}
    gone.set()

    assert found["endless"].problem == "no answer within 0.1 s"
    assert found["endless"].url == "http://lab:5000"
