"""A real terminal with a real `atlas` in it, on a real scheduler of a home of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

DEADLINE_SECONDS = 30
_ENTER_SCREEN, _LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """The side of a pseudo-terminal that people sit at."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: dict[str, str],
        directory: Path,
        size: tuple[int, int] = (80, 24),
        ignores_hangup: bool = False,
    ) -> None:
        self._master, slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.attributes = termios.tcgetattr(slave)
        self._slave: int | None = slave
        self.seen = b""
        """Everything that was written so far."""

        def take_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if ignores_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=directory,
            env=environment,
            start_new_session=True,
            preexec_fn=take_terminal,
        )

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Read what is written until something holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"never {what}: {self.seen[-2000:]!r}"
            self._read()

    def until_seen(self, text: str) -> None:
        """Read until a text was written."""
        self.until(lambda: text.encode() in self.seen, f"wrote {text!r}")

    def wait(self, seconds: float) -> int:
        """Wait for the end of the process; its exit code, negative for a signal."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still there after {seconds} s"
            self._read()
        self._read()
        return self.process.returncode

    def hang_up(self) -> None:
        """Take the terminal away, as a lost connection does."""
        os.close(self._master)
        self._master = -1
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is as it was: main screen, no mouse, cursor, modes of its lines."""
        written = self.seen
        return (
            written.rfind(_LEAVE_SCREEN) > written.rfind(_ENTER_SCREEN)
            and written.rfind(b"\x1b[?1003l") > written.rfind(b"\x1b[?1003h")
            and written.rfind(b"\x1b[?25h") > written.rfind(b"\x1b[?25l")
            and self.has_modes_of_before
        )

    @property
    def has_modes_of_before(self) -> bool:
        """Whether its lines are read and shown as they were."""
        assert self._slave is not None
        return termios.tcgetattr(self._slave)[:4] == self.attributes[:4]

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        for descriptor in (self._master, self._slave):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)

    def _read(self) -> None:
        if self._master < 0:
            time.sleep(0.01)
            return
        ready, _, _ = select.select([self._master], [], [], 0.05)
        if ready:
            try:
                self.seen += os.read(self._master, 65536)
            except OSError:  # the last one at the other side has gone
                time.sleep(0.01)


def environment_of(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user whose home of Atlas is at a place."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "TERM": "xterm-256color", "FOUNDATIONS_HOME": str(home), **more}


def server(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `atlas-server` for a home."""
    return _ended(home, "atlas_scheduler", *command, "--home", str(home))


def foundations(home: Path, *command: str) -> str:
    """Run `foundations` for a home, which must succeed. Returns what it printed."""
    done = _ended(home, "foundations.cli", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _ended(home: Path, module: str, *command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", module, *command]
    return subprocess.run(
        words, env=environment_of(home), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running_scheduler(home: Path) -> Iterator[Path]:
    """Run a scheduler that starts jobs as plain processes."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "server.yaml").write_text("engine: process\n")
    started = server(home, "start", "--detach")
    assert started.returncode == 0, started.stderr
    try:
        yield home
    finally:
        server(home, "stop")


@contextmanager
def atlas(
    home: Path, *options: str, ignores_hangup: bool = False, **environment: str
) -> Iterator[Terminal]:
    """Run `atlas` in a terminal."""
    terminal = Terminal(
        [sys.executable, "-m", "atlas_tui", *options],
        environment=environment_of(home, **environment),
        directory=home,
        ignores_hangup=ignores_hangup,
    )
    try:
        yield terminal
    finally:
        terminal.close()
