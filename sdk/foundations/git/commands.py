"""Runs git so that a repository cannot make it run anything else, and within a time limit."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = (
    "core.fsmonitor=",  # empty is off in every version; older ones would run `false`
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
    "protocol.allow=never",
)
_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH")
_FIXED = {
    "GIT_OPTIONAL_LOCKS": "0",  # no index is written, so nobody's `git commit` is in the way
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_STDERR_BYTES = 2_000
_READ_BYTES = 64 * 1024


class GitTrouble(Exception):
    """Git gave no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What git printed."""

    output: bytes
    is_cut: bool


class Git:
    """Git in one directory, for as long as there is time."""

    def __init__(self, directory: Path, *, deadline: float) -> None:
        """Prepare.

        Args:
            directory: where to run.
            deadline: by `time.monotonic`; later nothing is waited for.

        Raises:
            GitTrouble: it is not installed.
        """
        program = shutil.which("git")
        if program is None:
            raise GitTrouble("git is not installed where the job was submitted")
        self._directory = directory
        self._deadline = deadline
        self._prefix = [program, "--no-pager", "--literal-pathspecs"]
        for setting in _SETTINGS:
            self._prefix += ["-c", setting]

    def disarm(self, filters: Iterable[str]) -> None:
        """Have content filters do nothing.

        Raises:
            GitTrouble: one has a name that cannot be given on a command line.
        """
        for name in filters:
            if "=" in name or "\n" in name:
                raise GitTrouble("the repository has a content filter whose name has a `=`")
            for setting in ("clean=", "process=", "required=false"):
                self._prefix += ["-c", f"filter.{name}.{setting}"]

    def begin(self, *arguments: str, limit_bytes: int) -> Running:
        """Start a command; several may run at once."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith("GIT_")
        }
        try:
            process = subprocess.Popen(
                [*self._prefix, *arguments],
                cwd=self._directory,
                env={**environment, **_FIXED},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise GitTrouble(f"git cannot be run: {error.strerror}") from error
        return Running(process, limit_bytes=limit_bytes, deadline=self._deadline)

    def run(self, *arguments: str, limit_bytes: int) -> Answer:
        """Run a command to its end.

        Raises:
            GitTrouble: it failed, or there is no more time.
        """
        return self.begin(*arguments, limit_bytes=limit_bytes).answer()


class Running:
    """One git process."""

    def __init__(
        self, process: subprocess.Popen[bytes], *, limit_bytes: int, deadline: float
    ) -> None:
        self._process = process
        self._limit_bytes = limit_bytes
        self._deadline = deadline

    def answer(self) -> Answer:
        """Wait for what it prints, up to the limit; nothing of it runs afterwards.

        Raises:
            GitTrouble: it failed, or there is no more time.
        """
        output, stderr = self._process.stdout, self._process.stderr
        assert output is not None
        assert stderr is not None
        try:
            with output, stderr:
                printed, complaint = self._read(output.fileno(), stderr.fileno())
            if len(printed) > self._limit_bytes:
                return Answer(printed[: self._limit_bytes], is_cut=True)
            code = self._wait()
        finally:
            self.end()
        if code != 0:
            raise GitTrouble(f"git says: {_first_line(complaint) or f'exit code {code}'}")
        return Answer(printed, is_cut=False)

    def end(self) -> None:
        """Kill it and what it started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)  # one that hangs in the kernel goes later
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self, output: int, stderr: int) -> tuple[bytes, bytes]:
        found = {output: bytearray(), stderr: bytearray()}
        with selectors.DefaultSelector() as selector:
            for descriptor in found:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map() and len(found[output]) <= self._limit_bytes:
                ready = selector.select(self._left_seconds())
                for key, _ in ready:
                    data = os.read(key.fd, _READ_BYTES)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == output or len(found[stderr]) < _STDERR_BYTES:
                        found[key.fd] += data
        return bytes(found[output]), bytes(found[stderr])

    def _wait(self) -> int:
        try:
            return self._process.wait(self._left_seconds())
        except subprocess.TimeoutExpired as error:
            raise _too_slow() from error

    def _left_seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _too_slow()
        return left


def _too_slow() -> GitTrouble:
    return GitTrouble("git did not answer in time")


def _first_line(complaint: bytes) -> str:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    fatal = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    first = (fatal or lines or [""])[0]
    return first.removeprefix("fatal: ").removeprefix("error: ")[:500]
