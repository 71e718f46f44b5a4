"""Runs the user's own OpenSSH, and keeps what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from foundations.errors import Unreachable
from foundations.text.terminal import clean

_NOISE = ("Warning: Permanently added", "@@@@")


@dataclass(frozen=True, slots=True)
class Ran:
    """How one ssh ended."""

    code: int | None
    """Its exit code; None when it was ended because it took too long."""
    out: str
    words: tuple[str, ...]
    """Lines that it wrote to standard error; empty where it wrote to the user's terminal."""

    @property
    def is_fine(self) -> bool:
        """Whether it did what it was told."""
        return self.code == 0


def can_ask() -> bool:
    """Tell whether ssh may ask for a password or a host key: the user looks at a terminal."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):  # a stream is None or closed
        return False


def run(
    arguments: Sequence[str], *, asks: bool = False, seconds: float | None, script: str = ""
) -> Ran:
    """Run ssh to its end, or until it goes to the background.

    Args:
        arguments: all of them.
        asks: let it use the user's terminal; otherwise it fails where it would have to ask.
        seconds: longest that it may take.
        script: what it reads from standard input.

    Raises:
        Unreachable: ssh is not installed.
    """
    program = shutil.which("ssh")
    if program is None:
        raise Unreachable("ssh:// needs OpenSSH's program `ssh`, which is not on the PATH.")
    command = [program, "-T", "-o", f"BatchMode={'no' if asks else 'yes'}", *arguments]
    # Files, not pipes: what goes to the background may keep them open for hours.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out:
        given.write(script.encode())
        given.seek(0)
        with tempfile.TemporaryFile() as words:
            code = _run(command, (given, out, None if asks else words), seconds)
            return Ran(code, _text(out), _lines(_text(words)))


def _run(
    command: list[str], streams: tuple[BinaryIO, BinaryIO, BinaryIO | None], seconds: float | None
) -> int | None:
    given, out, words = streams
    try:
        # Without a terminal of its own session it can ask nobody, whatever its settings say.
        done = subprocess.run(
            command,
            stdin=given,
            stdout=out,
            stderr=words,
            timeout=seconds,
            start_new_session=words is not None,
            cwd=os.sep,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _lines(text: str) -> tuple[str, ...]:
    cleaned = (clean(line.rstrip("\r"), one_line=True).strip() for line in text.split("\n"))
    return tuple(line for line in cleaned if line and not line.startswith(_NOISE))
