"""When waiting jobs are expected to start, from how long others of their kind took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.playing import play
from atlas_scheduler.core.queue import set_aside
from atlas_scheduler.core.waiting import Moment, Places

FORESEEN = 64
"""For how many jobs of the queue, in the order of their turns, a start is worked out."""
PAST_JOBS = 20
"""From how many past jobs a duration is taken."""

Kind = tuple[str, str]
"""Project and script: what jobs have in common that take about as long."""


def kind_of(job: Job) -> Kind:
    """The kind of a job."""
    return job.project, job.script


def usual_ms(durations_ms: Iterable[int]) -> int | None:
    """How long a job of a kind usually takes: the median; None when none has ended yet."""
    known = sorted(durations_ms)
    return known[(len(known) - 1) // 2] if known else None


def expected_starts(
    moment: Moment, first: Sequence[Job], usual: Mapping[Kind, int | None]
) -> dict[str, int]:
    """Work out when the first jobs of the queue start (ms), were nothing submitted any more.

    The queue is played through: each job lasts as long as is usual for its kind. Starts that depend
    on the end of a job of unknown duration stay unknown.

    Args:
        moment: the queue as it stands.
        first: its first jobs, as `foreseen` gives them.
        usual: duration (ms) of each kind of job that runs or is among the first.
    """
    played = play(
        first,
        moment.holding,
        moment.capacity,
        lambda job: usual.get(kind_of(job)),
        now_ms=moment.now_ms,
    )
    return played.starts


def foreseen(moment: Moment, places: Places) -> list[Job]:
    """The first jobs of the queue that have a turn, in its order."""
    capacity = moment.capacity
    if capacity.problem or any(pause.project is None for pause in capacity.pauses):
        return []  # nobody has, however long the queue is
    ready = (
        job for job in places.in_turn() if set_aside(job, capacity, now_ms=moment.now_ms) is None
    )
    return list(islice(ready, FORESEEN))
