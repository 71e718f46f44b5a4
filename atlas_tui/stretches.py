"""How long a job was in which state, out of its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from foundations.models import FINAL_STATES, Change, JobState


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time that a job was in one state without a break."""

    state: JobState
    event: str
    """What brought it there."""
    start: datetime
    seconds: float | None
    """How long; to now where it lasts, None for the state that a job ended in."""
    lasts: bool = False
    """Whether it is in that state now."""


def stretches(history: Sequence[Change], now: datetime) -> list[Stretch]:
    """Put the changes of a job together to one entry a state, the oldest first.

    Changes that move nothing, such as a tag, are passed over.
    """
    moves: list[Change] = []
    for change in history:
        if not moves or moves[-1].state != change.state:
            moves.append(change)
    found = []
    for place, change in enumerate(moves):
        after = moves[place + 1].at if place + 1 < len(moves) else None
        if after is None and change.state in FINAL_STATES:
            found.append(Stretch(change.state, change.event, change.at, None))
            continue
        seconds = max(0.0, ((after or now) - change.at).total_seconds())
        found.append(Stretch(change.state, change.event, change.at, seconds, after is None))
    return found
