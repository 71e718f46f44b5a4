"""Filters as conditions of SQL on a row of `jobs`. Each is true or false, never NULL."""

from __future__ import annotations

from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.filters.terms import (
    Ago,
    AllOf,
    AnyOf,
    At,
    Comparison,
    Expression,
    Has,
    Not,
    Operator,
    Recorded,
    Records,
    Value,
)
from atlas_scheduler.store.fragments import Fragment, all_of, any_of, written
from atlas_scheduler.store.recorded_sql import COMPARED, is_there, matching, of_job

NEVER_MISSING = frozenset(
    {
        *(BuiltIn.ID, BuiltIn.PROJECT, BuiltIn.USER, BuiltIn.STATE),
        *(BuiltIn.ATTEMPT, BuiltIn.PRIORITY, BuiltIn.GPUS, BuiltIn.SUBMITTED),
    }
)
_PROVENANCE = "(SELECT provenance.{} FROM provenance WHERE provenance.job_number = jobs.job_number)"
_COLUMNS = {
    BuiltIn.ID: "jobs.job_id",
    BuiltIn.PROJECT: (
        "(SELECT projects.name FROM projects WHERE projects.project_number = jobs.project_number)"
    ),
    BuiltIn.USER: "jobs.user",
    BuiltIn.STATE: "jobs.state",
    BuiltIn.REASON: "jobs.reason",
    BuiltIn.RERUN_OF: "jobs.rerun_of",
    BuiltIn.UNIQUE: "jobs.unique_key",
    BuiltIn.SCHEDULE: "jobs.schedule_id",
    BuiltIn.AFTER: (
        "(SELECT group_concat(dependencies.other_id, ' ') FROM dependencies "
        "WHERE dependencies.job_number = jobs.job_number)"
    ),
    BuiltIn.ARRAY: (
        "(SELECT arrays.array_id FROM arrays WHERE arrays.array_number = jobs.array_number)"
    ),
    BuiltIn.ARRAY_INDEX: "jobs.array_index",
    BuiltIn.COMMAND: (
        "(SELECT group_concat(word.value, ' ') FROM json_each(jobs.spec, '$.command') AS word)"
    ),
    BuiltIn.IMAGE: "json_extract(jobs.spec, '$.image')",
    BuiltIn.ENGINE: "jobs.engine",
    **{
        field: _PROVENANCE.format(column)
        for field, column in (
            (BuiltIn.IMAGE_ID, "image_id"),
            (BuiltIn.HOST, "host"),
            (BuiltIn.PYTHON, "python"),
            (BuiltIn.COMMIT, "git_commit"),
            (BuiltIn.BRANCH, "git_branch"),
            (BuiltIn.DIRTY, "git_dirty"),
        )
    },
    BuiltIn.EXIT_CODE: "jobs.exit_code",
    BuiltIn.ATTEMPT: "jobs.attempt",
    BuiltIn.PRIORITY: "jobs.priority",
    BuiltIn.TURN: "CASE WHEN jobs.state = 'queued' THEN jobs.queue_order END",
    BuiltIn.PLACE: "CASE WHEN jobs.state = 'queued' THEN queue_place(jobs.job_id) END",
    BuiltIn.HELD_BY: "jobs.held_by",
    BuiltIn.GPUS: "jobs.num_gpus",
    BuiltIn.CPUS: "json_extract(jobs.spec, '$.cpus')",
    BuiltIn.RAM: "json_extract(jobs.spec, '$.ram_gb')",
    BuiltIn.SUBMITTED: "jobs.submitted_at_ms",
    BuiltIn.STARTED: "jobs.started_at_ms",
    BuiltIn.FINISHED: "jobs.finished_at_ms",
}
_DURATION = "(max(0, coalesce(jobs.finished_at_ms, ?) - jobs.started_at_ms) / 1000.0)"
# By its number, so that the indexes of the table `jobs` can be used.
_OF_PROJECT = "jobs.project_number IS (SELECT project_number FROM projects WHERE name = ?)"
_NOTED = "EXISTS (SELECT 1 FROM notes WHERE notes.job_number = jobs.job_number AND "
_ARTIFACT = (
    "EXISTS (SELECT 1 FROM artifacts "
    "WHERE artifacts.job_number = jobs.job_number AND artifacts.key = ?)"
)


def condition(expression: Expression, *, now_ms: int) -> Fragment:
    """Say in SQL which jobs an expression takes.

    Args:
        expression: of a filter.
        now_ms: what spans of time count back from, and how far jobs that run are.
    """
    match expression:
        case AllOf(parts):
            return all_of(condition(part, now_ms=now_ms) for part in parts)
        case AnyOf(parts):
            return any_of(condition(part, now_ms=now_ms) for part in parts)
        case Not(part):
            return written("NOT ", condition(part, now_ms=now_ms))
        case Has(field):
            return _has(field, now_ms)
    return _comparison(expression, now_ms)


def built_in(field: BuiltIn, *, now_ms: int) -> Fragment:
    """The value of a field of a job in SQL; NULL where it is missing."""
    if field is BuiltIn.DURATION:
        return Fragment(_DURATION, (now_ms,))
    return Fragment(_COLUMNS[field])


def resolved(value: Value, now_ms: int) -> Value:
    """What a field is compared with in SQL: a moment is a number of milliseconds."""
    if isinstance(value, Ago):
        return now_ms - value.ms
    return value.ms if isinstance(value, At) else value


def _has(field: BuiltIn | Recorded, now_ms: int) -> Fragment:
    if field is BuiltIn.NOTE:
        return _noted(Fragment("TRUE"))
    if isinstance(field, BuiltIn):
        return written(built_in(field, now_ms=now_ms), " IS NOT NULL")
    if field.kind is Records.ARTIFACT:
        return Fragment(_ARTIFACT, (field.name,))
    return of_job(field, is_there(field))


def _noted(condition: Fragment) -> Fragment:
    """Whether a job has a note for which a condition holds."""
    return written(_NOTED, condition, ")")


def _compared(column: Fragment, operator: Operator, value: Value) -> Fragment:
    bound = Fragment("?", (value,))
    if operator is Operator.CONTAINS:
        return written("(instr(lower(", column, "), lower(", bound, ")) > 0)")
    return written("(", column, Fragment(COMPARED[operator], bound.values), ")")


def _comparison(comparison: Comparison, now_ms: int) -> Fragment:
    field, operator, value = comparison.field, comparison.operator, comparison.value
    if isinstance(field, Recorded):
        return of_job(field, matching(field, operator, value))
    if field is BuiltIn.PROJECT and operator is Operator.EQUAL:
        return Fragment("(" + _OF_PROJECT + ")", (value,))
    if field is BuiltIn.NOTE:
        return _noted(_compared(Fragment("notes.text"), operator, value))
    made = _compared(built_in(field, now_ms=now_ms), operator, resolved(value, now_ms))
    return made if field in NEVER_MISSING else written("(", made, " IS TRUE)")
