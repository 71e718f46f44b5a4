"""Where jobs go in the queue when somebody moves them, and the orders that put them there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from atlas_scheduler.core.job import Job
from foundations.models import MovePlace


class ImpossibleMove(Exception):
    """A move that nothing can carry out; the text says why."""


def reorder(
    queued: Sequence[Job], moved: Iterable[str], place: MovePlace, other: str | None = None
) -> dict[str, int]:
    """Move queued jobs, and return the new `Job.order` of every job whose order changes.

    A job keeps its priority: it moves among the jobs that have the same. Jobs that are moved
    together keep their order among themselves. `first` gives orders of 0 and below, which go before
    the fair share of projects. Orders stay unique: a move to an end takes numbers
    that nobody has, every other one deals the numbers that are there out anew.

    Args:
        queued: every job that waits.
        moved: ids of the jobs to move, all of them queued.
        place: where to.
        other: for `before` and `after`, the id of the queued job that they are put next to.

    Raises:
        ImpossibleMove: they do not have the priority of the job that they are to stand next to.
    """
    chosen = set(moved)
    line = sorted(queued, key=lambda job: job.turn)
    if other is not None:
        _require_same_priority(line, chosen, other)
    orders = [job.order for job in line]
    changed: dict[str, int] = {}
    for _, group in groupby(line, key=lambda job: job.priority):
        before = list(group)
        after = _arranged(before, chosen, place, other)
        if after == before:
            continue
        block = [job.job_id for job in after if job.job_id in chosen]
        if place == "first":
            before_all = min(*orders, 1)
            new = dict(zip(block, range(before_all - len(block), before_all), strict=True))
        elif place == "last":
            new = dict(
                zip(block, range(max(orders) + 1, max(orders) + 1 + len(block)), strict=True)
            )
        else:
            new = _dealt(before, after)
        orders += new.values()
        changed |= new
    return changed


def _require_same_priority(line: Iterable[Job], chosen: set[str], other: str) -> None:
    priorities = {job.job_id: job.priority for job in line}
    for job_id in chosen:
        if priorities[job_id] != priorities[other]:
            raise ImpossibleMove(
                f"Job `{job_id}` has priority {priorities[job_id]} and job `{other}` has "
                f"{priorities[other]}: jobs are moved among those of the same priority. "
                "Change the priority first."
            )


def _arranged(line: list[Job], chosen: set[str], place: MovePlace, other: str | None) -> list[Job]:
    """The jobs of one priority in their new sequence."""
    block = [job for job in line if job.job_id in chosen - {other}]
    if not block:
        return line
    rest = [job for job in line if job.job_id not in chosen - {other}]
    match place:
        case "first":
            return block + rest
        case "last":
            return rest + block
        case "up":
            return _lifted(line, chosen)
        case "down":
            return _lifted(line[::-1], chosen)[::-1]
    spot = next(index for index, job in enumerate(rest) if job.job_id == other)
    spot += place == "after"
    return rest[:spot] + block + rest[spot:]


def _lifted(line: list[Job], chosen: set[str]) -> list[Job]:
    """Each chosen job one place nearer to the front, unless only chosen ones are before it."""
    lifted = list(line)
    for index in range(1, len(lifted)):
        if lifted[index].job_id in chosen and lifted[index - 1].job_id not in chosen:
            lifted[index - 1], lifted[index] = lifted[index], lifted[index - 1]
    return lifted


def _dealt(before: list[Job], after: list[Job]) -> dict[str, int]:
    """The orders of one sequence dealt out to another, where they differ."""
    return {new.job_id: old.order for old, new in zip(before, after, strict=True) if old is not new}
