"""Follow one container to its end and bring all it writes into a log, once and in order.

A followed stream is quick and not to be trusted: it may be cut, it may hang after the end, and
some versions of Docker lose the last line when that has no newline. So the log's own length says
where to go on, every new stream is read from the beginning up to there, and after the end what
the stream may have missed is read once more. Podman's loses lines in the middle, where a job
writes fast: there nothing is followed, and what is new is asked for again and again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from docker.errors import NotFound

from atlas_scheduler.engine.daemon import CALL_SECONDS, Daemon, Stream
from atlas_scheduler.engine.ends import REMOVED, container_end, is_its_own, lost
from atlas_scheduler.engine.frames import (
    Entry,
    FrameSplitter,
    LineMender,
    Mark,
    Verbatim,
    behind,
    count_after,
    mend_timed,
)
from atlas_scheduler.engine.log_place import LogPlace
from atlas_scheduler.engine.port import Ended, JobLog
from atlas_scheduler.engine.state import ContainerState
from foundations.errors import EngineDown, StorageFull
from foundations.logs.times import TimeMark

_FLUSH_BYTES = 65_536
_WHOLE_ENTRIES = 4096
"""Up to so many, reading all entries again costs less than finding the place."""
_TAIL_ENTRIES = 1024
_RECENT_ENTRIES = 256
_SETTLE_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3)
"""Pauses between the end of the stream and the engine's word that the container ended."""
_ASK_SECONDS = (0.2, 2.0)
"""Shortest and longest pause before it is asked again what is new."""
_ASKING_SHARE = 0.1
"""Part of the time that this may take, within these."""
_RETRY_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class FollowAborted(Exception):
    """Nobody wants the container followed any more."""


class Follower:
    """Follows one container, in a thread; `abort` and `nudge` come from others."""

    def __init__(
        self,
        daemon: Daemon,
        name: str,
        log: JobLog,
        *,
        was_stopped: Callable[[], bool],
    ) -> None:
        """Prepare to follow a container."""
        self._daemon = daemon
        self._name = name
        self._log = log
        self._was_stopped = was_stopped
        self._kept = 0
        """Bytes of the job's output that the log has."""
        self._position = 0
        """Bytes of the job's output that the stream has given since its beginning."""
        self._received = 0
        self._entries = 0
        self._recent: deque[Mark] = deque(maxlen=_RECENT_ENTRIES)
        self._lines: LineMender | Verbatim = LineMender()
        self._place = LogPlace()
        self._verdict: Ended | None = None
        self._broke = False
        self._aborted = threading.Event()
        self._nudged = False
        self._is_following = False
        self._lock = threading.Lock()
        self._stream: Stream | None = None

    @property
    def received_bytes(self) -> int:
        """How much of the job's output came in so far, known parts included; only grows."""
        return self._received

    def run(self) -> Ended:
        """Follow to the end.

        An engine that does not answer is waited for, as it may come back with the container, and
        so is space for the log.

        Raises:
            FollowAborted: `abort` was called.
        """
        self._kept = self._log.begin_output()
        failures = 0
        while True:
            kept_before = self._kept
            try:
                ended = self._follow_once()
                if ended is not None:
                    return ended
            except NotFound:
                return self._without_container()
            except EngineDown:
                self._broke = not self._nudged
                self._nudged = False
            except StorageFull:
                # The engine keeps the output until there is space; a part may have found some.
                self._kept = self._log.begin_output()
            failures = 0 if self._kept > kept_before else failures + 1
            self._pause(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])

    def abort(self) -> None:
        """Let `run` end soon, leaving the container as it is."""
        self._aborted.set()
        with self._lock:
            if self._stream is not None:
                self._stream.abort()

    def nudge(self) -> None:
        """Let go of a followed stream: the container has ended, and the stream hangs."""
        with self._lock:
            if self._stream is not None and self._is_following:
                self._nudged = True
                self._stream.abort()

    def _pause(self, seconds: float) -> None:
        if self._aborted.wait(seconds):
            raise FollowAborted

    # -- the container

    def _follow_once(self) -> Ended | None:
        """Follow as long as the stream lasts; None when the container runs on."""
        state = self._state()
        if not state.has_ended and not state.is_going:
            self._broke = False
            self._rewind()
            if self._daemon.is_podman():
                self._read_again_and_again()
            else:
                self._read(follow=1)
            state = self._state_after_stream()
        if state.is_going:
            return lost(REMOVED)
        if not state.has_ended:
            return None
        self._verdict = self._verdict or container_end(
            state,
            was_stopped=self._was_stopped(),
            was_cut=self._broke,
            is_here=self._daemon.socket_path is not None,
        )
        self._collect_rest()
        return self._verdict

    def _state(self) -> ContainerState:
        answer = self._daemon.call(lambda api: api.inspect_container(self._name))
        return ContainerState.from_inspect(answer)

    def _state_after_stream(self) -> ContainerState:
        """Ask until the engine has noted the end that the stream's end announced."""
        for seconds in _SETTLE_SECONDS:
            state = self._state()
            if state.has_ended or state.is_going:
                break
            self._pause(seconds)
        return state

    def _without_container(self) -> Ended:
        """Say how it ended when the container went away meanwhile."""
        if self._verdict is not None and is_its_own(self._verdict):
            return self._verdict
        return lost(REMOVED)

    # -- the output

    def _rewind(self) -> None:
        self._position = self._entries = 0
        self._recent.clear()
        self._place = LogPlace()
        # Podman passes parts of lines on as they come, and loses no newline.
        self._lines = Verbatim() if self._daemon.is_podman() else LineMender()

    def _read(self, **params: int) -> None:
        """Read a stream from the output's beginning, and keep what is not kept yet."""
        for entries in self._batches(**params):
            self._take(entries)

    def _read_again_and_again(self) -> None:
        """Read what there is, then what is new, until the container has ended."""
        self._read(follow=0)
        while True:
            began = time.monotonic()
            state = self._state()
            if state.has_ended or state.is_going:
                return
            self._read_new()
            spent = time.monotonic() - began
            self._pause(min(max(_ASK_SECONDS[0], spent / _ASKING_SHARE), _ASK_SECONDS[1]))

    def _read_new(self) -> None:
        """Read what came after all that was read."""
        for entries in self._batches(since=self._place.read_again()):
            self._take(self._place.unseen(entries))

    def _take(self, entries: Sequence[Entry]) -> None:
        """Take the next entries of the output."""
        self._entries += len(entries)
        self._place.passed(entries)
        self._recent.extend(_mark(entry) for entry in entries)
        data, written = mend_timed(self._lines, entries)
        known = max(0, self._kept - self._position)
        self._position += len(data)
        self._received += len(data)
        self._keep(data[known:], behind(known, written))

    def _keep(self, data: bytes, written: Sequence[TimeMark]) -> None:
        if data:
            self._log.append(data, written)
            self._kept += len(data)

    def _collect_rest(self) -> None:
        """Keep what the followed stream did not give, now that the container has ended."""
        if self._entries > _WHOLE_ENTRIES and self._position == self._kept:
            if self._daemon.is_podman():
                self._read_new()  # the last entries of a long line take it very long to find
                return
            if self._collect_tail():
                return
        self._rewind()
        self._read(follow=0)

    def _collect_tail(self) -> bool:
        """Find the place in the last entries only; False when it cannot be found for sure."""
        tail = [entry for entries in self._batches(tail=_TAIL_ENTRIES) for entry in entries]
        count = count_after(self._recent, [_mark(entry) for entry in tail])
        if count is None:
            return False
        self._keep(*mend_timed(self._lines, tail[len(tail) - count :]))
        return True

    def _batches(self, **params: float) -> Iterator[list[Entry]]:
        """Give a stream's entries, many at a time where many are there.

        Raises:
            EngineDown: the stream was cut.
        """
        splitter = FrameSplitter()
        waiting: list[Entry] = []
        size_bytes = 0
        with self._open(params) as stream:
            for piece in stream:
                entries = splitter.feed(piece)
                waiting += entries
                size_bytes += sum(len(entry.data) for entry in entries)
                if size_bytes >= _FLUSH_BYTES or not stream.has_more_now():
                    yield waiting
                    waiting, size_bytes = [], 0
        yield waiting
        if not splitter.is_between_entries:
            raise EngineDown("the log stream ended in the middle of an entry")

    @contextmanager
    def _open(self, params: dict[str, float]) -> Iterator[Stream]:
        is_following = bool(params.get("follow"))
        stream = self._daemon.stream(
            f"/containers/{self._name}/logs",
            {"stdout": 1, "stderr": 1, "timestamps": 1, **params},
            silence_seconds=None if is_following else CALL_SECONDS,
        )
        with self._lock:
            self._stream, self._is_following = stream, is_following
        try:
            if self._aborted.is_set():
                raise FollowAborted
            yield stream
        finally:
            with self._lock:
                self._stream = None
            stream.close()


def _mark(entry: Entry) -> Mark:
    return Mark(entry.stamp, len(entry.data))
