"""Runs TensorBoard on the logs of jobs."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from foundations import extras
from foundations.errors import AtlasError
from foundations.logdir_copy import LogdirCopy

if TYPE_CHECKING:
    from foundations.client import Client

START_SECONDS = 60.0
"""Longest wait for TensorBoard to say where it is."""
REFRESH_SECONDS = 5.0
"""How often the logs of jobs that run are copied again."""
_END_SECONDS = 10.0
_LINES_KEPT = 20
_URL = re.compile(r"TensorBoard \S+ at (http\S+)")


class TensorBoard:
    """A TensorBoard of one's own, as long as it is open: a context manager."""

    def __init__(
        self,
        client: Client,
        refs: Sequence[str],
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        refresh_seconds: float = REFRESH_SECONDS,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Copy the logs of jobs, and start TensorBoard on the copy.

        Args:
            client: the jobs' scheduler.
            refs: the jobs.
            host: the address that it listens at. Whoever reaches it sees the logs.
            port: likewise; None takes 6006 or the next free one, 0 any.
            refresh_seconds: how often to copy what jobs that run have added.
            tell: called with what the user should know, also from another thread.

        Raises:
            NotFound: there is no such job, or it has ended and has no logs.
            MissingExtra: TensorBoard is not installed.
            AtlasError: it does not start.
        """
        extras.load("tensorboard", extra="tensorboard", purpose="Showing logs")
        self._tell = tell
        self._refresh_seconds = refresh_seconds
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._url: str | None = None
        self._has_spoken = threading.Event()
        self._closing = threading.Event()
        self._copy = LogdirCopy(client, refs, tell=tell)
        try:
            self._process = self._start(host, port)
        except BaseException:
            self._copy.close()
            raise
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._listen, self._refresh)
        ]
        try:
            for thread in self._threads:
                thread.start()
            self._await_url()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where it is."""
        assert self._url is not None
        return self._url

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Return when TensorBoard has ended by itself."""
        self._process.wait()

    def close(self) -> None:
        """End TensorBoard, and remove the copy of the logs."""
        self._closing.set()
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join()
        self._copy.close()

    @property
    def last_words(self) -> str:
        """The last lines that it printed."""
        return "".join(self._last_lines).strip()

    def _start(self, host: str, port: int | None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(self._copy.path)]
        command += ["--host", host, *([] if port is None else ["--port", str(port)])]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def _await_url(self) -> None:
        if not self._has_spoken.wait(START_SECONDS):
            raise AtlasError(f"TensorBoard did not start within {START_SECONDS:.0f} seconds.")
        if self._url is None:
            raise AtlasError(f"TensorBoard did not start: {self.last_words}")

    def _listen(self) -> None:
        """Read what TensorBoard prints, to its end: a full pipe would hold it up."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._last_lines.append(line)
                found = _URL.search(line)
                if found is not None:
                    self._url = found[1]
                    self._has_spoken.set()
        self._has_spoken.set()

    def _refresh(self) -> None:
        told = ""
        while not self._closing.wait(self._refresh_seconds):
            try:
                if not self._copy.refresh():
                    return
            except (AtlasError, OSError) as error:
                if str(error) != told:
                    told = str(error)
                    self._tell(f"The logs cannot be copied now: {told}")
