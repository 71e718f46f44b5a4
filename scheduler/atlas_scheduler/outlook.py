"""What waiting jobs are told: why they wait, for whom, at which place, and when they may start."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.forecast import Kind, expected_starts, foreseen, kind_of, usual_ms
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.queue import choose_next
from atlas_scheduler.core.times import utc
from atlas_scheduler.core.waiting import Moment, Places
from atlas_scheduler.store import jobs
from atlas_scheduler.store.queue import QueueLine, past_durations_ms
from foundations.models import Waiting

FORECAST_FRESH_MS = 5_000
"""How old expected starts may be while the queue stays as it is."""
_USUAL_FRESH_MS = 30_000
_UNUSUAL_FRESH_MS = 1_000
"""For how long a kind is taken to have no past: its first end is news to all that wait."""
_TOLD_FRESH_MS = 1_000
"""How long an answer holds while nothing changes: pages that follow each other cost less then."""

_Seen = tuple[object, ...]
"""The queue, what runs and what there is in all."""


@dataclass(frozen=True, slots=True)
class _Forecast:
    """Expected starts, and what they were worked out from."""

    seen: _Seen
    """When that is the same, so is `stands`."""
    stands: tuple[object, ...]
    at_ms: int
    starts: dict[str, int]


class Outlook:
    """Explains the queue, on any thread. Its cost grows with what is asked, not with the queue."""

    def __init__(self) -> None:
        self._line = QueueLine()
        self._lock = threading.Lock()
        self._usual: dict[Kind, tuple[int, int | None]] = {}
        self._forecast = _Forecast((), (), 0, {})
        self._seen: _Seen = ()
        self._places: dict[str, int] | None = None
        self._answers: dict[str, Waiting] = {}
        """What was answered since `_answered_since_ms`, while `_seen` is what there is."""
        self._answered_since_ms = 0

    def of(
        self, conn: sqlite3.Connection, job_ids: Iterable[str], capacity: Capacity, *, now_ms: int
    ) -> dict[str, Waiting]:
        """Explain those of the jobs that wait.

        Args:
            conn: the database as it is to be explained.
            job_ids: jobs that are shown.
            capacity: what there is in all.
            now_ms: the time.
        """
        with self._lock:
            line = self._line.up_to_date(conn)
            asked = [line[job_id] for job_id in job_ids if job_id in line]
            if not asked:
                return {}
            holding = self._look(conn, capacity, now_ms=now_ms)
            untold = [job for job in asked if job.job_id not in self._answers]
            if untold:
                decision = choose_next(line, holding, capacity, now_ms=now_ms)
                self._tell(conn, untold, Moment(line, holding, capacity, decision, now_ms))
            return {job.job_id: self._answers[job.job_id] for job in asked}

    def places(
        self, conn: sqlite3.Connection, capacity: Capacity, *, now_ms: int
    ) -> Mapping[str, int]:
        """Say at which place each job is that has one, from 1.

        Args:
            conn: the database as it is to be explained.
            capacity: what there is in all.
            now_ms: the time.
        """
        with self._lock:
            line = self._line.up_to_date(conn)
            holding = self._look(conn, capacity, now_ms=now_ms)
            if self._places is None:
                self._places = numbered(Places(line, holding, capacity, now_ms=now_ms))
            return self._places

    def _look(self, conn: sqlite3.Connection, capacity: Capacity, *, now_ms: int) -> Sequence[Job]:
        """What runs. Forgets what was told of something else, or too long ago."""
        holding = jobs.holding(conn)
        running = tuple((job.job_id, job.state) for job in holding)
        seen = self._line.version, running, capacity
        if seen != self._seen or not 0 <= now_ms - self._answered_since_ms < _TOLD_FRESH_MS:
            self._seen, self._answered_since_ms = seen, now_ms
            self._answers, self._places = {}, None
        return holding

    def _tell(self, conn: sqlite3.Connection, asked: Iterable[Job], moment: Moment) -> None:
        places = moment.places()
        starts = self._expected_starts(conn, moment, places)
        for job in asked:
            self._answers[job.job_id] = _told(job, moment, places, starts)

    def _expected_starts(
        self, conn: sqlite3.Connection, moment: Moment, places: Places
    ) -> dict[str, int]:
        last = self._forecast
        is_fresh = 0 <= moment.now_ms - last.at_ms < FORECAST_FRESH_MS
        if is_fresh and last.seen == self._seen:
            return last.starts
        first = foreseen(moment, places)
        _, running, _ = self._seen
        stands = tuple(first), running, moment.capacity.max_running_jobs
        if is_fresh and last.stands == stands:
            self._forecast = replace(last, seen=self._seen)
        else:
            kinds = {kind_of(job) for job in (*first, *moment.holding)}
            usual = {kind: self._usual_ms(conn, kind, moment.now_ms) for kind in kinds}
            starts = expected_starts(moment, first, usual)
            self._forecast = _Forecast(self._seen, stands, moment.now_ms, starts)
        return self._forecast.starts

    def _usual_ms(self, conn: sqlite3.Connection, kind: Kind, now_ms: int) -> int | None:
        known = self._usual.get(kind)
        fresh_ms = _UNUSUAL_FRESH_MS if known is None or known[1] is None else _USUAL_FRESH_MS
        if known is None or not 0 <= now_ms - known[0] < fresh_ms:
            if len(self._usual) > 1_000:
                self._usual.clear()
            known = self._usual[kind] = now_ms, usual_ms(past_durations_ms(conn, kind))
        return known[1]


def numbered(places: Places) -> dict[str, int]:
    """The place of each job that has one, from 1."""
    return {job.job_id: place for place, job in enumerate(places.in_turn(), 1)}


def _told(job: Job, moment: Moment, places: Places, starts: dict[str, int]) -> Waiting:
    why = moment.why(job)
    start_ms = starts.get(job.job_id)
    return Waiting(
        reason=why.reason,
        position=places.of(job),
        blockers=list(why.blockers),
        expected_start_at=None if start_ms is None else utc(start_ms),
    )
