"""Unpack bundles in child processes that limit themselves, one of them always started ahead."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path

import foundations
from foundations.bundles.rules import Limits
from foundations.errors import BundleRejected, ServerFault, StorageFull

DEFAULT_TIMEOUT_SECONDS = 900.0

_LIBRARY = Path(foundations.__file__).parent.parent
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from foundations.bundles.unpack import main; main()"
)
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Without these some interpreters do not start; the child gets nothing else of the environment."""
_LONGEST_ANSWER_BYTES = 64 * 1024
_EXIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to unpack, and where to."""

    archive: Path
    destination: Path
    """An existing, empty directory."""
    manifest: Path
    """Where the manifest is written."""
    boot_id: str
    """Kept in the manifest."""


class Extractor:
    """Runs each extraction in a process of its own; several may run at once."""

    def __init__(
        self, *, limits: Limits | None = None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        self._limits = limits or Limits()
        self._timeout_seconds = timeout_seconds
        self._spare = _Spare()
        # A spare child must not outlive its owner, even one that nobody closed.
        self._finalizer = weakref.finalize(self, self._spare.close)

    def warm(self) -> None:
        """Start the spare child, unless there is one."""
        self._spare.fill()

    def close(self) -> None:
        """Stop the spare child. Extractions under way go on."""
        self._finalizer()

    def extract(self, order: Order) -> None:
        """Unpack, and wait for it without an event loop.

        Raises:
            BundleRejected: the archive is damaged, hostile or too large.
            StorageFull: there is no space for its content.
        """
        child = self._spare.take()
        try:
            child.send(self._request(order))
            deadline = time.monotonic() + self._timeout_seconds
            while not child.has_answered:
                child.wait(deadline - time.monotonic())
                if time.monotonic() > deadline:
                    raise self._too_slow()
                child.read()
        finally:
            self._replace(child)
        child.judge_answer()

    async def extract_async(self, order: Order) -> None:
        """Unpack as `extract` does; a cancelled caller takes the child with it."""
        loop = asyncio.get_running_loop()
        child = self._spare.take()
        answered = asyncio.Event()

        def read() -> None:
            child.read()
            if child.has_answered:
                answered.set()

        loop.add_reader(child.descriptor, read)
        try:
            child.send(self._request(order))
            async with asyncio.timeout(self._timeout_seconds):
                await answered.wait()
        except TimeoutError:
            raise self._too_slow() from None
        finally:
            loop.remove_reader(child.descriptor)
            replaced = loop.run_in_executor(None, self._replace, child)
            if not child.has_result:
                # It may still be writing; who comes next is to find it gone.
                await asyncio.shield(replaced)
        child.judge_answer()

    def _replace(self, child: _Child) -> None:
        child.stop()
        self._spare.fill()

    def _request(self, order: Order) -> bytes:
        fields = {
            "archive": os.fspath(order.archive),
            "destination": os.fspath(order.destination),
            "manifest": os.fspath(order.manifest),
            "boot_id": order.boot_id,
            "limits": self._limits._asdict(),
        }
        return json.dumps(fields).encode() + b"\n"

    def _too_slow(self) -> BundleRejected:
        return BundleRejected(
            f"The bundle took longer than {self._timeout_seconds:g} seconds to unpack."
        )


class _Spare:
    """At most one child that waits for its order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._is_closed = False

    def take(self) -> _Child:
        with self._lock:
            child, self._child = self._child, None
        if child is not None and child.is_alive:
            return child
        if child is not None:
            child.stop()
        return _Child()

    def fill(self) -> None:
        with self._lock:
            if self._child is None and not self._is_closed:
                # Without a spare the next extraction starts its own, and reports the trouble.
                with contextlib.suppress(OSError):
                    self._child = _Child()

    def close(self) -> None:
        with self._lock:
            child, self._child = self._child, None
            self._is_closed = True
        if child is not None:
            child.stop()


class _Child:
    """One process for one archive."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, os.fspath(_LIBRARY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            cwd="/",
        )
        self._answer = b""
        self.has_answered = False

    @property
    def descriptor(self) -> int:
        """Readable when there is an answer, or the process ended."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def has_result(self) -> bool:
        """Whether it has said how it went, as its last act."""
        return self.has_answered and bool(self._answer)

    def send(self, request: bytes) -> None:
        assert self._process.stdin is not None
        # A child that is gone says so by an answer that is empty.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(request)
            self._process.stdin.flush()

    def wait(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)

    def read(self) -> None:
        """Take in what is there of the answer, after `wait`."""
        data = os.read(self.descriptor, _LONGEST_ANSWER_BYTES)
        self._answer += data
        self.has_answered = not data or data.endswith(b"\n")

    def stop(self) -> None:
        """End the process and let go of it."""
        if self.has_answered and not self.has_result:
            # It is ending by itself, and how it ends is the answer.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_SECONDS)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            # What an ended child did not read any more cannot be flushed.
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def judge_answer(self) -> None:
        """Raise what the answer says."""
        if not self._answer:
            if self._process.returncode < 0:
                raise BundleRejected(
                    "The bundle could not be unpacked within the limits of time and memory."
                )
            raise ServerFault(f"The extractor ended with exit code {self._process.returncode}.")
        answer = json.loads(self._answer)
        if "error" not in answer:
            return
        if answer["kind"] == "full":
            raise StorageFull("The scheduler has no space left to unpack the bundle.")
        if answer["kind"] == "refused":
            raise BundleRejected(answer["error"])
        raise ServerFault(f"The bundle could not be unpacked: {answer['error']}.")
