"""`atlas` in a real terminal: how it begins, how it ends, and what it leaves behind."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_tui.session import Session, path_of
from foundations.home import Home
from tests.tui.terminal import (
    DEADLINE_SECONDS,
    Terminal,
    atlas,
    environment_of,
    running_scheduler,
    server,
)

END_SECONDS = 4
"""Twice what is promised: other tests run meanwhile."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_scheduler(tmp_path_factory.mktemp("atlas")) as started:
        yield started


def shown(terminal: Terminal) -> None:
    """Wait until the app is connected."""
    terminal.until_seen("No jobs yet.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_the_terminal_is_as_before(home: Path, number: signal.Signals) -> None:
    with atlas(home) as terminal:
        shown(terminal)
        os.kill(terminal.process.pid, number)
        assert terminal.wait(END_SECONDS) == 128 + number
        assert terminal.is_restored


def test_q_quits_and_the_terminal_is_as_before(home: Path) -> None:
    with atlas(home) as terminal:
        shown(terminal)
        terminal.type("q")
        assert terminal.wait(END_SECONDS) == 0
        assert terminal.is_restored


def test_ctrl_c_twice_quits(home: Path) -> None:
    with atlas(home) as terminal:
        shown(terminal)
        terminal.type("\x03")
        terminal.until_seen("Ctrl-C again quits")
        terminal.type("\x03")
        assert terminal.wait(END_SECONDS) == 0
        assert terminal.is_restored


def test_ctrl_z_suspends_and_it_comes_back(home: Path) -> None:
    with atlas(home) as terminal:
        shown(terminal)
        terminal.type("\x1a")
        terminal.until(lambda: _state(terminal.process.pid) == "T", "stopped")
        assert terminal.is_restored
        before = len(terminal.seen)
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until(lambda: b"No jobs yet." in terminal.seen[before:], "painted anew")
        terminal.type("q")
        assert terminal.wait(END_SECONDS) == 0


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("ignores_hangup", [False, True])
def test_a_lost_terminal_ends_it(home: Path, ignores_hangup: bool) -> None:
    with atlas(home, ignores_hangup=ignores_hangup) as terminal:
        shown(terminal)
        terminal.hang_up()
        assert terminal.wait(END_SECONDS) == 128 + signal.SIGHUP


@pytest.mark.parametrize("options", [["m"], []])
def test_the_mouse_is_given_back_by_a_key(home: Path, options: list[str]) -> None:
    with atlas(home, *(["--no-mouse"] if not options else [])) as terminal:
        shown(terminal)
        assert (b"\x1b[?1003h" in terminal.seen) == bool(options)
        before = len(terminal.seen)
        terminal.type("m")
        wanted = b"\x1b[?1003l" if options else b"\x1b[?1003h"
        terminal.until(lambda: wanted in terminal.seen[before:], "switched the mouse")
        terminal.type("q")
        assert terminal.wait(END_SECONDS) == 0


def run(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        env=environment_of(home, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("words", [["atlas_tui"], ["foundations.cli", "tui"]])
def test_without_a_terminal_it_says_so_and_ends(tmp_path: Path, words: list[str]) -> None:
    words = ["foundations.cli.__main__", *words[1:]] if len(words) > 1 else words
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert "atlas needs a terminal" in done.stderr
    assert "foundations list jobs --json" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "run").exists(), "nothing is started for nothing"


def test_a_dumb_terminal_is_none(tmp_path: Path) -> None:
    with atlas(tmp_path, TERM="dumb") as terminal:
        assert terminal.wait(DEADLINE_SECONDS) == 2
        assert b"atlas needs a terminal" in terminal.seen


def test_errors_that_go_to_a_file_leave_nothing_to_paint_on(tmp_path: Path) -> None:
    script = f"{shlex.quote(sys.executable)} -m atlas_tui 2>said"
    terminal = Terminal(
        ["sh", "-c", script], environment=environment_of(tmp_path), directory=tmp_path
    )
    try:
        assert terminal.wait(DEADLINE_SECONDS) == 2
    finally:
        terminal.close()
    assert "atlas needs a terminal" in (tmp_path / "said").read_text()


def test_wrong_settings_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tui.yaml").write_text("bell: true\nthem: atlas-dark\n")
    with atlas(tmp_path) as terminal:
        assert terminal.wait(DEADLINE_SECONDS) == 1
        text = terminal.seen.decode().replace("\r\n", " ")
        assert "tui.yaml, line 2: unknown key `them`. Did you mean `theme`?" in text


def test_an_embedded_scheduler_ends_with_the_app_unless_it_shall_stay(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "server.yaml").write_text("engine: process\n")
    try:
        for options, stays in (([], False), (["--keep"], True)):
            with atlas(tmp_path, "--embedded", *options) as terminal:
                shown(terminal)
                terminal.type("q")
                assert terminal.wait(DEADLINE_SECONDS) == 0
                assert (b"Stopped the scheduler." in terminal.seen) != stays
            assert (server(tmp_path, "status").returncode == 0) == stays
    finally:
        server(tmp_path, "stop")


def test_the_last_view_is_there_at_once_and_the_screen_is_the_same(home: Path) -> None:
    with atlas(home) as terminal:
        shown(terminal)
        terminal.type("2")
        terminal.until_seen("No job fits.")
        terminal.type("q")
        assert terminal.wait(END_SECONDS) == 0
    with atlas(home) as terminal:
        terminal.until_seen("No job fits.")
        terminal.type("1q")
        assert terminal.wait(END_SECONDS) == 0


def test_without_colours_all_is_grey(home: Path) -> None:
    with atlas(home, NO_COLOR="1", COLORTERM="truecolor") as terminal:
        shown(terminal)
        colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.seen)
        assert colours
        assert {len(set(one)) for one in colours} == {1}
        assert b"38;5;" not in terminal.seen


def test_a_terminal_of_sixteen_colours_gets_its_own(home: Path) -> None:
    with atlas(home, TERM="xterm") as terminal:
        shown(terminal)
        assert not re.search(rb"[34]8;[25];", terminal.seen)
        assert re.search(rb"\x1b\[(\d+;)*9?3\d(;\d+)*m", terminal.seen)


@pytest.mark.slow
def test_the_demo_shows_running_jobs_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with atlas(tmp_path, "--demo", TMPDIR=str(folder)) as terminal:
        terminal.until_seen("running")
        assert list(folder.glob("atlas-demo-*"))
        terminal.type("q")
        assert terminal.wait(DEADLINE_SECONDS) == 0
    deadline = time.monotonic() + END_SECONDS
    while list(folder.iterdir()):
        assert time.monotonic() < deadline


def is_live(written: bytes, scheduler: str) -> bool:
    """Whether the name of a scheduler was shown with the sign of a connection that stands."""
    return re.search(rb"\xe2\x97\x8f[^\r\n]{0,60}" + scheduler.encode(), written) is not None


def test_another_scheduler_is_shown_without_leaving(tmp_path: Path, home: Path) -> None:
    with running_scheduler(tmp_path / "own") as own:
        configs = own / "config" / "submission"
        configs.mkdir(parents=True, exist_ok=True)
        other = f"scheduler_url: unix://{Home(home).socket}\n"
        (configs / "other.config.yaml").write_text(other)
        with atlas(own) as terminal:
            shown(terminal)
            terminal.type("@")
            terminal.until_seen("ype to narrow down")
            before = len(terminal.seen)
            terminal.type("other\r")
            terminal.until(lambda: b"No jobs yet." in terminal.seen[before:], "showed the other")
            terminal.until(
                lambda: is_live(terminal.seen[before:], "other"), "was connected to the other"
            )
            terminal.type("q")
            assert terminal.wait(END_SECONDS) == 0
        sessions = [Session.load(path_of(Home(own), name)) for name in ("scheduler", "other")]
        homes = [session.info["home"] for session in sessions if session.info is not None]
        assert homes == [str(own.resolve()), str(home.resolve())]


@pytest.mark.parametrize("moment", ["\x1b[?1049h", "\x1b[?7l", "1 Dashboard"])
def test_a_signal_while_it_starts_ends_it_as_well(home: Path, moment: str) -> None:
    with atlas(home) as terminal:
        terminal.until_seen(moment)
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.wait(END_SECONDS) == 128 + signal.SIGTERM
        assert terminal.is_restored


def test_low_bandwidth_and_plain_send_fewer_bytes_and_only_ascii(home: Path) -> None:
    seen = []
    # One after the other: what waits is painted anew whenever the scheduler has news.
    for options in ((), ("--low-bandwidth", "--plain")):
        with atlas(home, *options) as terminal:
            shown(terminal)
            terminal.type("?")
            terminal.until_seen("Keys of Dashboard")
            terminal.type("q")
            terminal.type("q")
            assert terminal.wait(END_SECONDS) == 0
            seen.append(terminal.seen)
    rich, poor = seen
    assert len(poor) < len(rich)
    assert poor.isascii()
    assert not rich.isascii()
