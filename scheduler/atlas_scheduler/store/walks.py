"""The orders that jobs can be met in without sorting them: the indexes of fields and records."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.filters.terms import Comparison, Field, Operator, Recorded
from atlas_scheduler.store import recorded_sql
from atlas_scheduler.store.filter_sql import built_in, resolved
from atlas_scheduler.store.fragments import Fragment, written

JOB_NUMBER = Fragment("jobs.job_number")
_NOT_WALKED_BY = frozenset({Operator.CONTAINS, Operator.MATCHES})


@dataclass(frozen=True, slots=True)
class Way:
    """Jobs with a value, in its order."""

    source: Fragment
    """What to select from."""
    value: Fragment
    """What the order is of; an index has it."""
    chosen: tuple[Fragment, ...] = ()
    """Conditions that say which rows these are."""
    number: Fragment = JOB_NUMBER
    field: Recorded | None = None
    """Of what was recorded, when it is no field that every job has."""

    def bound(self, comparison: Comparison, *, now_ms: int) -> Fragment | None:
        """A condition on the value, said so that it bounds the walk; None where it cannot."""
        operator, value = comparison.operator, comparison.value
        if self.field is not None:
            return written("(", recorded_sql.matching(self.field, operator, value), ")")
        if operator in _NOT_WALKED_BY:
            return None
        compared = Fragment(recorded_sql.COMPARED[operator], (resolved(value, now_ms),))
        return written("(", self.value, compared, ")")


@dataclass(frozen=True, slots=True)
class Walk:
    """All jobs in the order of a field."""

    ways: tuple[Way, ...]
    """To be merged, when there are several."""
    without: Fragment | None
    """Whether a job has no value; None where each has one."""


def walk_along(field: Field, *, newest_last: bool, now_ms: int) -> Walk | None:
    """How to meet jobs in the order of a field, or None where no index has it.

    Args:
        field: what the order is of.
        newest_last: of those with one value the newest come last, when the values go up; one walks
            backwards for values that go down.
        now_ms: the time that spans count back from.
    """
    if isinstance(field, Recorded):
        return _along_records(field)
    if field is BuiltIn.DURATION:
        return _along_durations(now_ms)
    if field is BuiltIn.PROJECT:
        return Walk((Way(_BY_PROJECT, Fragment("projects.name")),), None)
    if field in _ALIKE:
        index = _ALIKE[field] + ("" if newest_last else "_newest_first")
        return Walk((Way(_indexed(index), built_in(field, now_ms=now_ms)),), None)
    if field in _MOMENTS:
        value = built_in(field, now_ms=now_ms)
        chosen = written(value, " IS NOT NULL")
        way = Way(_indexed(_MOMENTS[field]), value, (chosen,))
        return Walk((way,), written(value, " IS NULL"))
    return None


_ALIKE = {BuiltIn.USER: "jobs_by_user", BuiltIn.STATE: "jobs_by_state"}
"""Fields that many jobs have the same value of, with indexes for both directions."""
_MOMENTS = {BuiltIn.STARTED: "jobs_by_start", BuiltIn.FINISHED: "jobs_by_end"}
_BY_PROJECT = Fragment(
    "projects CROSS JOIN jobs INDEXED BY jobs_by_project "
    "ON jobs.project_number = projects.project_number"
)


def _along_records(field: Recorded) -> Walk | None:
    column = recorded_sql.ranked(field)
    if column is None:
        return None
    is_ranked = recorded_sql.is_ranked(field)
    chosen = recorded_sql.has_name(field), is_ranked
    without = written("NOT ", recorded_sql.of_job(field, is_ranked))
    way = Way(
        recorded_sql.rows(field),
        column,
        chosen,
        field=field,
        # The same number, and the one that is in the index.
        number=Fragment("record.job_number"),
    )
    return Walk((way,), without)


def _along_durations(now_ms: int) -> Walk:
    """Those that ended have theirs in an index; of the others only a few are under way."""
    ended = Way(
        _indexed("jobs_by_duration"),
        Fragment("jobs.ran_seconds"),
        (Fragment("jobs.ran_seconds IS NOT NULL"),),
    )
    under_way = Way(
        _indexed("jobs_under_way"),
        built_in(BuiltIn.DURATION, now_ms=now_ms),
        (Fragment("jobs.finished_at_ms IS NULL AND jobs.started_at_ms IS NOT NULL"),),
    )
    return Walk((ended, under_way), Fragment("jobs.started_at_ms IS NULL"))


def _indexed(index: str) -> Fragment:
    return Fragment(f"jobs INDEXED BY {index}")
