"""The notice of a job's end reaches the terminal, also through tmux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundations.home import Home
from tests.e2e.processes import kill_jobs
from tests.tui.terminal import (
    DEADLINE_SECONDS,
    Terminal,
    atlas,
    environment_of,
    foundations,
    running_scheduler,
)

pytestmark = pytest.mark.slow

MAIN = """
import pathlib, time

while not pathlib.Path({signal!r}).exists():
    time.sleep(0.05)
"""


class Waiting:
    """A job that ends when it is told to."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._signal = folder / "go"
        project = folder / "digits"
        project.mkdir()
        (project / "main.py").write_text(MAIN.format(signal=str(self._signal)))
        foundations(home, "submit", "--detach", "scheduler", str(project))

    def end(self) -> None:
        self._signal.touch()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with running_scheduler(tmp_path / "home") as made:
        yield made
    kill_jobs(Home(made))


def notify(home: Path, kind: str) -> None:
    (home / "config" / "tui.yaml").write_text(f"notify: {kind}\nnotify_jobs: all\nbell: true\n")


@pytest.mark.parametrize(
    ("kind", "begin"), [("osc9", "\x1b]9;Job "), ("osc777", "\x1b]777;notify;Atlas;Job ")]
)
def test_the_terminal_gets_the_notice_and_the_bell(
    home: Path, tmp_path: Path, kind: str, begin: str
) -> None:
    notify(home, kind)
    job = Waiting(home, tmp_path)
    with atlas(home) as terminal:
        terminal.until_seen("running")
        assert begin.encode() not in terminal.seen
        job.end()
        terminal.until_seen(begin)
        terminal.until_seen(" of digits completed\x07")
        terminal.type("q")
        assert terminal.wait(DEADLINE_SECONDS) == 0
        rest = terminal.seen.partition(begin.encode())[2].partition(b"\x07")
        assert b"\x07" in terminal.seen.replace(rest[0] + rest[1], b""), "it rings as well"


@pytest.mark.parametrize("allowed", [True, False])
def test_tmux_passes_the_notice_on_when_it_is_allowed_to(
    home: Path, tmp_path: Path, allowed: bool
) -> None:
    tmux = shutil.which("tmux")
    assert tmux is not None, "tmux is not installed; .ci/run installs it"
    notify(home, "osc9")
    job = Waiting(home, tmp_path)
    passing = f"set -g allow-passthrough {'on' if allowed else 'off'}\n"
    (tmp_path / "tmux.conf").write_text(passing + "set -g status off\n")
    socket = str(tmp_path / "tmux.sock")
    terminal = Terminal(
        [
            *(tmux, "-S", socket, "-f", str(tmp_path / "tmux.conf"), "new-session"),
            *(sys.executable, "-m", "atlas_tui"),
        ],
        environment=environment_of(home, LANG="C.UTF-8"),
        directory=tmp_path,
        size=(100, 30),
    )
    try:
        terminal.until_seen("running")
        job.end()
        if allowed:
            terminal.until_seen("\x1b]9;Job ")
            terminal.until_seen(" of digits completed\x07")
        terminal.until_seen("of digits completed")
        assert (b"\x1b]9;Job " in terminal.seen) == allowed
        terminal.type("q")
        assert terminal.wait(DEADLINE_SECONDS) == 0
    finally:
        subprocess.run(
            [tmux, "-S", socket, "-f", os.devnull, "kill-server"],
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
        terminal.close()
