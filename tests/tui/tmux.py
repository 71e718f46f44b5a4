"""A tmux server of the test's own, with one window."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

DEADLINE_SECONDS = 60


class Tmux:
    """One window, and the keys that are sent to it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def press(self, *keys: str) -> None:
        """Send keys by their names in tmux, such as `Enter` and `C-d`."""
        self._run("send-keys", "-t", "walk", *keys)

    def type(self, text: str) -> None:
        """Send a text as it is."""
        self._run("send-keys", "-t", "walk", "-l", text)

    def text(self) -> str:
        """What the window shows."""
        return self._run("capture-pane", "-t", "walk", "-p")

    def until(self, *texts: str) -> None:
        """Wait until the window shows all of some texts."""
        self.until_that(lambda shown: all(text in shown for text in texts), f"never {texts}")

    def until_that(self, condition: Callable[[str], bool], what: str) -> None:
        """Wait until something holds for what the window shows."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition(shown := self.text()):
            assert time.monotonic() < deadline, f"{what}; shown is\n{shown}"
            time.sleep(0.05)

    def _run(self, *command: str) -> str:
        tmux = shutil.which("tmux")
        assert tmux is not None, "tmux is not installed; .ci/run installs it"
        done = subprocess.run(
            [tmux, "-S", str(self._socket), "-f", os.devnull, *command],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, command: Sequence[str], environment: dict[str, str], size: str) -> None:
        """Run a command in the window; the window stays when it has ended."""
        width, _, height = size.partition("x")
        given = [f"{name}={value}" for name, value in environment.items() if name != "TERM"]
        line = shlex.join(["env", "-i", "TERM=tmux-256color", *given, *command])
        self._run("new-session", "-d", "-s", "walk", "-x", width, "-y", height, "sh")
        self.type(f"{line}; echo it ended with $?")
        self.press("Enter")

    def kill(self) -> None:
        """End the server of this socket."""
        self._run("kill-server")


@contextmanager
def in_tmux(
    folder: Path, command: Sequence[str], environment: dict[str, str], *, size: str = "100x30"
) -> Iterator[Tmux]:
    """Run a command in tmux."""
    tmux = Tmux(folder / "tmux.sock")
    tmux.start(command, environment, size)
    try:
        yield tmux
    finally:
        tmux.kill()
