"""Where jobs go in the queue when somebody moves them, and the orders that put them there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby

from atlas_scheduler.core.job import Job
from foundations.models import MovePlace

_HasPlace = Callable[[Job], bool]


def is_free(job: Job) -> bool:
    """Whether nobody holds a job."""
    return job.held_by is None


class ImpossibleMove(Exception):
    """A move that nothing can carry out; the text says why."""


def reorder(
    line: Sequence[Job],
    moved: Iterable[str],
    place: MovePlace,
    other: str | None = None,
    *,
    has_place: _HasPlace = is_free,
) -> dict[str, int]:
    """Move queued jobs, and return the new `Job.order` of every job whose order changes.

    A job keeps its priority: it moves among the jobs that have the same. Jobs that are moved
    together keep their order among themselves. Orders stay unique. A move within a project deals
    the numbers that are there out anew. One past jobs of other projects would be undone by the fair
    share between them: it gives orders of 0 and below, which go before that, to the job and to
    everyone before it. `last` is behind all of the job's own project.

    Args:
        line: every job that waits, in the order of their turns.
        moved: ids of the jobs to move, all of them queued.
        place: where to.
        other: for `before` and `after`, the id of the queued job that they are put next to.
        has_place: whether a job is counted in the queue.

    Raises:
        ImpossibleMove: they do not have the priority of the job that they are to stand next to.
    """
    chosen = set(moved)
    if other is not None:
        _require_same_priority(line, chosen, other)
    orders = [job.order for job in line]
    changed: dict[str, int] = {}
    for _, group in groupby(line, key=lambda job: job.priority):
        before = list(group)
        after = _arranged(before, chosen, place, other, has_place)
        new = _new_orders(before, after, chosen, place, taken=orders)
        orders += new.values()
        changed |= new
    return changed


def reorder_own(
    line: Iterable[Job],
    moved: Iterable[str],
    place: MovePlace,
    other: str | None = None,
    *,
    has_place: _HasPlace = is_free,
) -> dict[str, int]:
    """Move queued jobs of one user so that no job of anybody else has its turn later.

    The orders that the user's jobs of one project and priority have are dealt out anew among them.

    Args:
        line: every job of the user that waits, in the order of their turns.
        moved: ids of the jobs to move, all of them in it.
        place: where to.
        other: for `before` and `after`, the id of the job in it that they are put next to.
        has_place: whether a job is counted in the queue.

    Raises:
        ImpossibleMove: they do not have the priority and the project of the job that they are to
            stand next to.
    """
    chosen = set(moved)
    groups: dict[tuple[str, int], list[Job]] = {}
    for job in line:
        groups.setdefault((job.project, job.priority), []).append(job)
    changed: dict[str, int] = {}
    for group in groups.values():
        ids = {job.job_id for job in group}
        if other is not None and other not in ids and chosen & ids:
            raise ImpossibleMove(
                f"Job `{other}` has another project or priority: without the role `admin` jobs are "
                "moved among your own of the same project and priority."
            )
        if chosen & ids:
            changed |= _dealt(group, _arranged(group, chosen & ids, place, other, has_place))
    return changed


def _new_orders(
    before: list[Job],
    after: list[Job],
    chosen: set[str],
    place: MovePlace,
    *,
    taken: Collection[int],
) -> dict[str, int]:
    """The orders that make the jobs of one priority have their turns in another sequence."""
    block = [job for job in after if job.job_id in chosen]
    if place == "first":
        if after == before and all(job.order <= 0 for job in block):
            return {}
        return _numbered(block, min(*taken, 1) - len(block))
    if after == before:
        return {}
    if place == "last":
        return _numbered(block, max(taken) + 1)
    differ = [index for index, job in enumerate(after) if job is not before[index]]
    window = slice(differ[0], differ[-1] + 1)
    if len({job.project for job in before[window]}) == 1:
        return _dealt(before[window], after[window])
    ahead = after[: window.stop]
    return _numbered(ahead, min(*taken, 1) - len(ahead))


def _numbered(jobs: list[Job], start: int) -> dict[str, int]:
    return {job.job_id: order for order, job in enumerate(jobs, start)}


def _require_same_priority(line: Iterable[Job], chosen: set[str], other: str) -> None:
    priorities = {job.job_id: job.priority for job in line}
    for job_id in chosen:
        if priorities[job_id] != priorities[other]:
            raise ImpossibleMove(
                f"Job `{job_id}` has priority {priorities[job_id]} and job `{other}` has "
                f"{priorities[other]}: jobs are moved among those of the same priority. "
                "Change the priority first."
            )


def _arranged(
    line: list[Job],
    chosen: set[str],
    place: MovePlace,
    other: str | None,
    has_place: _HasPlace,
) -> list[Job]:
    """The jobs of one priority in their new sequence."""
    moving = chosen - {other}
    block = [job for job in line if job.job_id in moving]
    if not block:
        return line
    rest = [job for job in line if job.job_id not in moving]
    match place:
        case "first":
            return block + rest
        case "last":
            return rest + block
        case "up":
            return _lifted(line, chosen, has_place)
        case "down":
            return _lifted(line[::-1], chosen, has_place)[::-1]
    spot = next(index for index, job in enumerate(rest) if job.job_id == other)
    spot += place == "after"
    return rest[:spot] + block + rest[spot:]


def _lifted(line: list[Job], chosen: set[str], has_place: _HasPlace) -> list[Job]:
    """Each chosen job one place nearer to the front, unless only chosen ones are before it.

    What has a place passes those next to it that have none, with the one behind.
    """
    lifted = list(line)
    for index, job in enumerate(line):
        if job.job_id not in chosen:
            continue
        spot = index - 1
        while spot >= 0 and has_place(job) and _is_passed(lifted[spot], chosen, has_place):
            spot -= 1
        if spot >= 0 and lifted[spot].job_id not in chosen:
            lifted.insert(spot, lifted.pop(index))
    return lifted


def _is_passed(one: Job, chosen: set[str], has_place: _HasPlace) -> bool:
    return one.job_id not in chosen and not has_place(one)


def _dealt(before: Sequence[Job], after: Sequence[Job]) -> dict[str, int]:
    """The orders of one sequence dealt out to another, where they differ."""
    return {new.job_id: old.order for old, new in zip(before, after, strict=True) if old is not new}
