"""Reading long answers piece by piece over connections that may break: places, not I/O.

A follower reads until its connection ends, then asks again from the place that it has reached.
`LogPlace` and `FeedPlace` know that place and what to ask next; `Backoff` knows when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import foundations
from foundations import calls
from foundations.calls import Call
from foundations.calls.jobs import Standing
from foundations.calls.scheduler import Topic
from foundations.errors import SchedulerError, Unreachable
from foundations.lazy_models import models

if TYPE_CHECKING:
    News = models.Change | models.QueueChange | models.NewRecords | models.HostView
    """What a feed tells of."""

MEDIA_TYPE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client goes on asking: while nothing answers, and while a limit refuses it."""

    first_delay_seconds: float = 0.2
    longest_delay_seconds: float = 5.0
    """Each delay is twice the one before, up to this."""
    give_up_seconds: float = 60.0
    """Time without any answer after which it gives up."""
    deferred_seconds: float = 60.0
    """Longest time for which one request that is over a limit is sent again."""


PATIENCE = Patience()


class Backoff:
    """When to ask again, and when to give up."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._delay_seconds = patience.first_delay_seconds
        self._silent_since: float | None = None

    def answered(self) -> None:
        """Note that the server is there."""
        self._delay_seconds = self._patience.first_delay_seconds
        self._silent_since = None

    def lost(self, now: float) -> float | None:
        """Note that the connection was lost, or not made.

        Args:
            now: the time on a monotonic clock, in seconds.

        Returns:
            Seconds to wait before asking again; None to give up.
        """
        if self._silent_since is None:
            self._silent_since = now
        left = self._silent_since + self._patience.give_up_seconds - now
        if left <= 0:
            return None
        delay = min(self._delay_seconds, left)
        self._delay_seconds = min(2 * self._delay_seconds, self._patience.longest_delay_seconds)
        return delay


class LogPlace:
    """How far one reader of a log has come."""

    def __init__(self, ref: str, *, offset: int, follow: bool, length: int | None = None) -> None:
        self.ref = ref
        self.offset = offset
        self.connected = False
        """Whether the server has answered at all."""
        self.finished = False
        self.asks_state = False
        """Whether the next thing to ask is how the job stands, not for more of the log."""
        self._follow = follow
        self._left = length

    def call(self) -> Call[None]:
        """What asks for the rest of the log."""
        return calls.logs.logs(self.ref, offset=self.offset, follow=self._follow, length=self._left)

    def opened(self, headers: Mapping[str, str]) -> bool:
        """Learn from an answer's headers where it begins. Returns whether it is a log's."""
        offset, job_id = headers.get("x-log-offset", ""), headers.get("x-job-id", "")
        if not offset.isdecimal() or not job_id:
            return False
        self.offset, self.ref, self.connected = int(offset), job_id, True
        return True

    def took(self, size_bytes: int) -> None:
        """Move on by what was read."""
        self.offset += size_bytes
        if self._left is not None:
            self._left = max(0, self._left - size_bytes)

    def ended(self) -> None:
        """Note that the server ended its answer in good order.

        A followed log ends with its job, but also when the server is stopped.
        """
        self.finished = not self._follow or self._left == 0
        self.asks_state = not self.finished

    def saw(self, now: Standing) -> None:
        """Learn how the job stands.

        Raises:
            Unreachable: it has not ended, so the end of the answer was not the end of the log.
        """
        self.asks_state = False
        if now.state not in models.FINAL_STATES:
            raise Unreachable("The scheduler ended the log before the job had ended.")
        self._follow = False
        self.finished = self.offset >= now.log_size_bytes


class DownloadPlace:
    """How far a download has come."""

    def __init__(self, call: Call[None]) -> None:
        self.finished = False
        self._call = call
        self._offset = 0
        self._tag: str | None = None

    def call(self) -> Call[None]:
        """What asks for the rest."""
        if self._tag is None:
            return self._call
        return replace(
            self._call,
            params=(*self._call.params, ("offset", str(self._offset))),
            headers={**self._call.headers, "If-Range": self._tag},
        )

    def opened(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers what it is, and where it begins.

        Raises:
            SchedulerError: it is not what was begun with.
        """
        if self._offset and headers.get("x-offset") != str(self._offset):
            raise SchedulerError("The file changed while it was downloaded. Download it again.")
        self._tag = headers.get("etag")

    def took(self, size_bytes: int) -> None:
        """Move on by what was read."""
        self._offset += size_bytes

    def lost(self, error: Unreachable) -> None:
        """Note that the connection was lost, or raise `error` where nothing can be gone on with."""
        if self._tag is None:
            raise error


class FeedPlace:
    """How far one reader of the change feed has come."""

    def __init__(
        self, since: int, *, job: str | None, follow: bool, also: Sequence[Topic] = ()
    ) -> None:
        self.since = since
        self.connected = False
        self.finished = False
        self._job = job
        self._follow = follow
        self._also = also
        self._events = EventReader()

    @classmethod
    def after(cls, seen: models.JobDetail) -> FeedPlace:
        """Return the place from which a job's feed misses nothing that came after this view."""
        place = cls(max((one.seq for one in seen.history), default=0), job=seen.job_id, follow=True)
        place.connected = True
        return place

    def call(self) -> Call[None]:
        """What asks for the rest of the feed."""
        return calls.scheduler.changes(
            self.since, job=self._job, follow=self._follow, also=self._also
        )

    def opened(self, headers: Mapping[str, str]) -> bool:
        """Begin a new answer. Returns whether it is a feed."""
        if not headers.get("content-type", "").startswith(MEDIA_TYPE):
            return False
        self._events = EventReader()
        self.connected = True
        return True

    def read(self, piece: bytes) -> Iterator[News | None]:
        """Yield the news that end in `piece`, and None for each sign of life.

        Kinds of events that this version does not know are passed over.

        Raises:
            SchedulerError: the server's version has changes of another form.
        """
        for event in self._events.feed(piece):
            news = None if event is None else _news(event)
            if event is None or isinstance(news, models.NewRecords | models.HostView):
                yield news
            elif news is not None and news.seq > self.since:
                self.since = news.seq
                yield news

    def ended(self) -> None:
        """Note that the server ended its answer in good order.

        Raises:
            Unreachable: a followed feed has no end; the server is being stopped.
        """
        self.finished = not self._follow
        if self._follow:
            raise Unreachable("The scheduler ended the change feed.")


def _news(event: ServerEvent) -> News | None:
    try:
        match event.kind:
            case "":
                return models.Change.model_validate_json(event.data)
            case "queue":
                return models.QueueChange.model_validate_json(event.data)
            case "records":
                return models.NewRecords.model_validate_json(event.data)
            case "host":
                return models.HostView.model_validate_json(event.data)
    except ValueError as error:
        raise SchedulerError(
            f"This client (version {foundations.__version__}) cannot read the scheduler's change "
            "feed. Install the same version on both sides."
        ) from error
    return None


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event."""

    data: bytes
    kind: str = ""
    """What its `event:` says; empty without one."""


class EventReader:
    """Takes server-sent events out of a stream of bytes, however that is cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._kind = ""

    def feed(self, piece: bytes) -> Iterator[ServerEvent | None]:
        """Yield each event that ends in `piece`, and None for each comment."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")
            if not line:
                if self._data:
                    yield ServerEvent(b"\n".join(self._data), self._kind)
                self._data, self._kind = [], ""
            elif line.startswith(b":"):
                yield None
            elif line.startswith(b"data:"):
                self._data.append(line.removeprefix(b"data:").removeprefix(b" "))
            elif line.startswith(b"event:"):
                kind = line.removeprefix(b"event:").removeprefix(b" ")
                self._kind = kind.decode("utf-8", "replace")
