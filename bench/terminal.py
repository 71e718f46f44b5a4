"""A program in a pseudo-terminal, and what it costs: time to paint, bytes, processor, memory."""

from __future__ import annotations

import fcntl
import os
import pty
import re
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

from bench.measure import milliseconds_since
from foundations.home import HOME_VARIABLE, Home

WAIT_SECONDS = 100.0
"""Longest wait for anything; a stock table of 100,000 rows needs half a minute."""
COLUMNS, ROWS = 120, 40
PEER = Path(__file__).with_name("tui_peer.py")
_QUIET_SECONDS = 0.3
_OVERLAP_BYTES = 2_000
"""A text with its colours and places is not longer."""
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\)"
)
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _plain(written: bytes | bytearray) -> str:
    return _SEQUENCE.sub(b"", bytes(written)).decode(errors="replace")


class Terminal:
    """The side of a pseudo-terminal that people sit at."""

    def __init__(self, command: Sequence[str], *, environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.written = bytearray()
        """What was written since the last key."""
        self.written_bytes = 0
        """How much was written in all."""
        self.began = time.perf_counter()
        """When the process was started."""
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)

    def press(self, keys: str) -> float:
        """Press keys; what was written before is forgotten. Returns `time.perf_counter()`."""
        self.written.clear()
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def read(self, seconds: float) -> bool:
        """Read once what is written within a time; whether there was something."""
        if not select.select([self._master], [], [], max(seconds, 0))[0]:
            return False
        try:
            found = os.read(self._master, 1 << 16)
        except OSError as error:  # nobody is at the other side any more
            raise RuntimeError(f"the program has ended: {self.text[-1000:]}") from error
        self.written += found
        self.written_bytes += len(found)
        return True

    def read_for(self, seconds: float) -> None:
        """Read all that is written within a time."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def settle(self) -> None:
        """Read until nothing more is written for a moment."""
        deadline = time.perf_counter() + WAIT_SECONDS
        while self.read(_QUIET_SECONDS):
            if time.perf_counter() > deadline:
                raise TimeoutError("the program never ceases to paint")

    def first_byte(self, keys: str) -> float:
        """Press keys; milliseconds until something is written."""
        at = self.press(keys)
        self._until(lambda: bool(self.written), f"reacted to {keys!r}")
        return milliseconds_since(at)

    def until_shown(self, text: str, *, since: float) -> float:
        """Wait until a text was written since the last key. Returns milliseconds since a time."""
        seen = 0

        def is_shown() -> bool:
            # Only what is new: who reads slowly holds up the program that writes.
            nonlocal seen
            start, seen = max(0, seen - _OVERLAP_BYTES), len(self.written)
            return text in _plain(self.written[start:])

        self._until(is_shown, f"showed {text!r}")
        return milliseconds_since(since)

    def until_painted(self, row: int, *, since: float) -> float:
        """Wait until a row of the screen was painted since the last key; milliseconds."""
        place = f"\x1b[{row};".encode()
        self._until(lambda: place in self.written, f"painted row {row}")
        return milliseconds_since(since)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.perf_counter() + WAIT_SECONDS
        while not holds():
            if time.perf_counter() > deadline:
                raise TimeoutError(f"never {what}; it wrote: {self.text[-1000:]}")
            self.read(0.05)

    @property
    def text(self) -> str:
        """What was written since the last key, without colours and places."""
        return _plain(self.written)

    @property
    def cpu_seconds(self) -> float:
        """Processor time that the process took so far."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    @property
    def memory_mib(self) -> float:
        """Its resident memory."""
        return int(self._proc("statm").split()[1]) * _PAGE_BYTES / 2**20

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self._process.pid}/{name}").read_text(encoding="utf-8")

    def quit(self) -> None:
        """Press `q`, and wait for the end."""
        self.press("q")
        deadline = time.perf_counter() + WAIT_SECONDS
        while self._process.poll() is None and time.perf_counter() < deadline:
            try:
                self.read(0.05)
            except RuntimeError:
                self._process.wait(WAIT_SECONDS)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        os.close(self._master)


@contextmanager
def terminal(command: Sequence[str], **more: str) -> Iterator[Terminal]:
    """Run a program in a terminal of true colours; `more` goes into its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    one = Terminal(command, environment={**kept, **colours, **more})
    try:
        yield one
    finally:
        one.close()


@contextmanager
def atlas(home: Home) -> Iterator[Terminal]:
    """Run the control center of a home."""
    variables = {HOME_VARIABLE: str(home.root)}
    with terminal([sys.executable, "-m", "atlas_tui"], **variables) as shown:
        yield shown


@contextmanager
def peer(*words: str) -> Iterator[Terminal]:
    """Run one of the apps of stock widgets."""
    with terminal([sys.executable, "-P", str(PEER), *words]) as shown:
        yield shown
