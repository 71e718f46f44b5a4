"""How long a job may wait and run, and how often it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from foundations.models import JobSpec
from foundations.text.durations import write_duration

DEFAULT_RETRY_DELAY_MS = 10_000
"""Pause before the first retry of a job that says nothing of it."""
LONGEST_DOUBLED_DELAY_MS = 3_600_000
"""Pauses double up to this, unless the first one is longer already."""


class Cause(StrEnum):
    """Why an attempt ended in a way that may be tried again."""

    EXIT = "exit"
    """Its program ended with another exit code than 0."""
    OOM = "oom"
    """It was killed for want of memory."""
    LOST = "lost"
    """The infrastructure lost it."""

    @property
    def words(self) -> str:
        """What happened to the attempt before."""
        return {
            Cause.EXIT: "its program failed",
            Cause.OOM: "it ran out of memory",
            Cause.LOST: "it was lost",
        }[self]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the submitter allows a job; the defaults limit nothing and retry nothing."""

    time_ms: int | None = None
    """Longest that an attempt may run."""
    queue_ms: int | None = None
    """Longest that it may wait, from when it could have had its turn."""
    exit: int = 0
    """Retries after `Cause.EXIT`, and so on."""
    oom: int = 0
    lost: int = 0
    retry_delay_ms: int = DEFAULT_RETRY_DELAY_MS
    """Pause before the first retry; it doubles with each."""

    @classmethod
    def of(cls, spec: JobSpec) -> Limits:
        """Read what a spec says."""
        retries, delay_ms = spec.retries, _ms(spec.retry_delay_seconds)
        return cls(
            time_ms=_ms(spec.time_limit_seconds),
            queue_ms=_ms(spec.queue_ttl_seconds),
            exit=retries.exit if retries else 0,
            oom=retries.oom if retries else 0,
            lost=retries.lost if retries else 0,
            retry_delay_ms=DEFAULT_RETRY_DELAY_MS if delay_ms is None else delay_ms,
        )

    def retries(self, cause: Cause) -> int:
        """How often a job may be tried again for this cause."""
        return {Cause.EXIT: self.exit, Cause.OOM: self.oom, Cause.LOST: self.lost}[cause]

    def pause_ms(self, *, retries_before: int) -> int:
        """How long a retry waits after that many others."""
        longest = max(self.retry_delay_ms, LONGEST_DOUBLED_DELAY_MS)
        # A shift by more than this is over the cap in any case, and the number stays small.
        return min(self.retry_delay_ms << min(retries_before, 32), longest)

    @property
    def time_words(self) -> str:
        """The time limit as it is written."""
        return write_duration((self.time_ms or 0) // 1000)

    @property
    def queue_words(self) -> str:
        """The longest wait as it is written."""
        return write_duration((self.queue_ms or 0) // 1000)


NO_LIMITS = Limits()


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
