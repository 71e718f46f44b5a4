"""Conditions on what a job recorded: on rows of `metric_series`, `parameters` and `tags`.

How values are stored there, and so how they are compared, is told in the first migration. The row
is called `record` in all of these.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from atlas_scheduler.core.filters.terms import Aspect, Operator, Recorded, Records, Value
from atlas_scheduler.store.fragments import Fragment, written
from atlas_scheduler.store.parameters import RANK_LENGTH

COMPARED = {
    Operator.EQUAL: " = ?",
    Operator.DIFFERENT: " <> ?",
    Operator.LESS: " < ?",
    Operator.AT_MOST: " <= ?",
    Operator.GREATER: " > ?",
    Operator.AT_LEAST: " >= ?",
    Operator.MATCHES: " REGEXP ?",
}
"""What follows the left side of a comparison."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of records in the pieces that queries are made of."""

    exists: str
    """Begins the question whether a job has such a record."""
    job_numbers: str
    """Begins the list of the jobs that have one."""
    counted: str
    """Begins the same list for counting: an index alone can answer it."""
    sort_value: str
    """Begins the value that a job is ordered by: a number or a text, else missing."""
    rows: str
    """What to walk along, to meet jobs in the order of that value."""
    ranked: str
    """The column with that value; an index has its order."""
    is_ranked: str
    """Whether there is such a value."""


_TABLES = {
    Records.METRIC: _Table(
        exists=(
            "EXISTS (SELECT 1 FROM metric_series AS record "
            "WHERE record.job_number = jobs.job_number AND record.name = ? AND "
        ),
        job_numbers=(
            "SELECT record.job_number FROM metric_series AS record WHERE record.name = ? AND "
        ),
        counted="SELECT 1 FROM metric_series AS record WHERE record.name = ? AND ",
        sort_value=(
            "(SELECT record.last_value FROM metric_series AS record "
            "WHERE record.job_number = jobs.job_number AND record.name = ? AND "
        ),
        rows="metric_series AS record CROSS JOIN jobs ON jobs.job_number = record.job_number",
        ranked="record.last_value",
        # Numbers are less than every text. Texts have no bounded length, so they are no rank.
        is_ranked="record.last_value < ''",
    ),
    Records.PARAMETER: _Table(
        exists=(
            "EXISTS (SELECT 1 FROM parameters AS record "
            "WHERE record.job_number = jobs.job_number AND record.name = ? AND "
        ),
        job_numbers=(
            "SELECT record.job_number FROM parameters AS record WHERE record.name = ? AND "
        ),
        counted="SELECT 1 FROM parameters AS record WHERE record.name = ? AND ",
        sort_value=(
            "(SELECT record.rank FROM parameters AS record "
            "WHERE record.job_number = jobs.job_number AND record.name = ? AND "
        ),
        rows="parameters AS record CROSS JOIN jobs ON jobs.job_number = record.job_number",
        ranked="record.rank",
        is_ranked="record.rank IS NOT NULL",
    ),
    Records.TAG: _Table(
        exists=(
            "EXISTS (SELECT 1 FROM tags AS record "
            "WHERE record.job_number = jobs.job_number AND record.name = ? AND "
        ),
        job_numbers="SELECT record.job_number FROM tags AS record WHERE record.name = ? AND ",
        counted="SELECT 1 FROM tags AS record WHERE record.name = ? AND ",
        sort_value=(
            "(SELECT record.rank FROM tags AS record "
            "WHERE record.job_number = jobs.job_number AND record.name = ? AND "
        ),
        rows="tags AS record CROSS JOIN jobs ON jobs.job_number = record.job_number",
        ranked="record.rank",
        is_ranked="TRUE",
    ),
}
_SUMMARIES = {
    Aspect.LAST_STEP: "record.last_step",
    Aspect.MIN: "record.min_value",
    Aspect.MIN_STEP: "record.min_step",
    Aspect.MAX: "record.max_value",
    Aspect.MAX_STEP: "record.max_step",
    Aspect.COUNT: "record.points",
}
"""The columns that sum a series up: numbers, or NULL where there is none."""
_SORT_SUMMARY = (
    "(SELECT {} FROM metric_series AS record "
    "WHERE record.job_number = jobs.job_number AND record.name = ?)"
)
_IN_AN_INDEX = frozenset({Aspect.LAST, Aspect.MIN, Aspect.MAX})
_METRIC_TEXT = (
    "(CASE WHEN record.last_value GLOB '\"*' THEN json_extract(record.last_value, '$') END)"
)
_PARAMETER_TEXT = "(CASE WHEN record.rank >= '' THEN json_extract(record.value, '$') END)"
_PARAMETER_IS_NO_TRUTH = " AND record.value NOT IN ('true', 'false')"
_PARAMETER_IS_NAN = "(record.rank IS NULL AND record.value = '\"NaN\"')"


def is_indexed(field: Recorded) -> bool:
    """Whether an index finds the jobs that have a value of a name."""
    return field.aspect in _IN_AN_INDEX


def is_there(field: Recorded) -> Fragment:
    """Whether a record has a value."""
    return Fragment(_SUMMARIES[field.aspect] + " IS NOT NULL" if field.is_summary else "TRUE")


def of_job(field: Recorded, condition: Fragment) -> Fragment:
    """Whether a job has the record, and a condition holds for it."""
    return written(Fragment(_TABLES[field.kind].exists, (field.name,)), condition, ")")


def job_numbers(field: Recorded, condition: Fragment) -> Fragment:
    """The numbers of the jobs that have the record, and for which a condition holds."""
    return written(Fragment(_TABLES[field.kind].job_numbers, (field.name,)), condition)


def counted(field: Recorded, condition: Fragment) -> Fragment:
    """One row for each of the jobs, for less than their numbers."""
    return written(Fragment(_TABLES[field.kind].counted, (field.name,)), condition)


def sort_value(field: Recorded) -> Fragment:
    """What a job is ordered by; NULL where it has nothing of that kind."""
    if field.is_summary:
        start = _SORT_SUMMARY.format(_SUMMARIES[field.aspect])
        return Fragment(start, (field.name,))
    table = _TABLES[field.kind]
    return Fragment(table.sort_value + table.is_ranked + ")", (field.name,))


def is_ranked(field: Recorded) -> Fragment:
    """Whether the record has something that jobs are ordered by."""
    return is_there(field) if field.is_summary else Fragment(_TABLES[field.kind].is_ranked)


def rows(field: Recorded) -> Fragment:
    """The records with their jobs, to select from."""
    return Fragment(_TABLES[field.kind].rows)


def has_name(field: Recorded) -> Fragment:
    """Whether a record is the one of that name."""
    return Fragment("record.name = ?", (field.name,))


def ranked(field: Recorded) -> Fragment | None:
    """The value that an index has in order, or None where there is no such index."""
    if not is_indexed(field):
        return None
    return Fragment(_SUMMARIES.get(field.aspect, _TABLES[field.kind].ranked))


def matching(field: Recorded, operator: Operator, value: Value) -> Fragment:
    """Whether a record compares with a value. May be NULL for false."""
    if field.is_summary:
        return Fragment(_SUMMARIES[field.aspect] + COMPARED[operator], (value,))
    if field.kind is Records.TAG:
        return Fragment("record.value" + COMPARED[operator], (value,))
    if field.kind is Records.METRIC:
        return _metric(operator, value)
    return _parameter(operator, value)


def matching_by_rank(field: Recorded, operator: Operator, value: Value) -> Fragment:
    """What `matching` says and an index can answer alone: some parameters too many."""
    if field.kind is Records.PARAMETER and operator is not Operator.MATCHES:
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            return Fragment("record.rank" + _number_compared(operator, "record.rank"), (value,))
        if isinstance(value, str) and operator is Operator.EQUAL:
            return Fragment("record.rank = ?", (value[:RANK_LENGTH],))
    return matching(field, operator, value)


def _metric(operator: Operator, value: Value) -> Fragment:
    if value != value:
        is_nan = operator is Operator.EQUAL
        return Fragment("record.last_value IS " + ("NULL" if is_nan else "NOT NULL"))
    # The database has texts and truth values as JSON, whose quotes keep them apart.
    stored = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else value
    if operator is Operator.EQUAL:
        return Fragment("record.last_value = ?", (stored,))
    if operator is Operator.DIFFERENT:
        return Fragment("record.last_value IS NOT ?", (stored,))
    if isinstance(value, str):
        return Fragment(_METRIC_TEXT + COMPARED[operator], (value,))
    return Fragment("record.last_value" + _number_compared(operator, "record.last_value"), (value,))


def _parameter(operator: Operator, value: Value) -> Fragment:
    if operator is Operator.DIFFERENT:
        return written("NOT coalesce(", _parameter(Operator.EQUAL, value), ", FALSE)")
    if value != value:
        return Fragment(_PARAMETER_IS_NAN)
    if isinstance(value, bool):
        return Fragment("record.value = ?", (json.dumps(value),))
    if isinstance(value, int | float):
        is_number = _number_compared(operator, "record.rank") + _PARAMETER_IS_NO_TRUTH
        return Fragment("record.rank" + is_number, (value,))
    assert isinstance(value, str)
    if operator is Operator.EQUAL:
        whole = json.dumps(value, ensure_ascii=False)
        return Fragment("record.rank = ? AND record.value = ?", (value[:RANK_LENGTH], whole))
    return Fragment(_PARAMETER_TEXT + COMPARED[operator], (value,))


def _number_compared(operator: Operator, column: str) -> str:
    """What follows a column to compare it with a number: every text is more than a number."""
    above = operator in (Operator.GREATER, Operator.AT_LEAST)
    return COMPARED[operator] + (" AND " + column + " < ''" if above else "")
