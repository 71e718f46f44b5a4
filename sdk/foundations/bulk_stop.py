"""Stops many jobs: in as few requests as the scheduler can, one by one if it knows no other way."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

from foundations.calls import jobs as calls
from foundations.errors import Forbidden, InvalidRequest, JobConflict, SchedulerError
from foundations.job_states import FINAL_STATES, STOPPABLE_STATES
from foundations.lazy_models import models
from foundations.stop_refusals import refused, too_many

if TYPE_CHECKING:
    from foundations.calls import Call

    Steps = Generator[Call[Any], Any, models.JobsStopped]
    """Calls to send one after the other; each is answered, or fails, before the next is made."""

MOST_AT_ONCE = 10_000
"""How many jobs one request may name."""
LISTED_AT_ONCE = 200


def stop_jobs(
    refs: Iterable[str] = (),
    *,
    filter: str | None = None,
    project: str | None = None,
    at_most: int | None = None,
) -> Steps:
    """Ask several jobs to end; see `JobVerbs.stop_jobs`."""
    named = list(dict.fromkeys(refs))
    outcome = models.JobsStopped(stopped=[], stopping=[])
    for start in range(0, max(1, len(named)), MOST_AT_ONCE):
        part = named[start : start + MOST_AT_ONCE]
        done = yield calls.stop_jobs(part, filter=filter, project=project, at_most=at_most)
        if done is None:
            done = yield from _singly(part, filter, project, at_most)
        outcome.stopped.extend(done.stopped)
        outcome.stopping.extend(done.stopping)
        outcome.refused.extend(done.refused)
    return outcome


def _singly(refs: list[str], filter: str | None, project: str | None, at_most: int | None) -> Steps:
    if bool(refs) == (filter is not None):
        raise InvalidRequest("Give either `jobs` or a `filter`.")
    if filter is None:
        return (yield from _one_by_one(refs))
    return (yield from _all_taken(filter, project, at_most))


def _all_taken(filter: str, project: str | None, at_most: int | None) -> Steps:
    """Stop what a filter takes. What has ended meanwhile, or is of others, it does not take."""
    taken: list[str] = []
    cursor, is_last = None, False
    while not is_last:
        page = yield calls.jobs(
            filter=filter,
            project=project,
            states=STOPPABLE_STATES,
            limit=LISTED_AT_ONCE,
            cursor=cursor,
        )
        taken += [job.job_id for job in page.jobs]
        cursor = page.next_cursor
        is_last = cursor is None
    if at_most is not None and len(taken) > at_most:
        raise too_many(len(taken), at_most=at_most)
    outcome = yield from _one_by_one(taken)
    not_taken = (Forbidden.code, JobConflict.code)
    outcome.refused[:] = [one for one in outcome.refused if one.error not in not_taken]
    return outcome


def _one_by_one(refs: Iterable[str]) -> Steps:
    outcome = models.JobsStopped(stopped=[], stopping=[])
    for ref in refs:
        try:
            job = yield calls.stop(ref)
        except SchedulerError as error:
            outcome.refused.append(refused(ref, error))
        else:
            kind = outcome.stopped if job.state in FINAL_STATES else outcome.stopping
            kind.append(job.job_id)
    return outcome
