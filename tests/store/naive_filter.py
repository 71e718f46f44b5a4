"""What a filter means, said again in Python over plain values: slow and easy to believe."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.filters.terms import (
    Ago,
    AllOf,
    AnyOf,
    Aspect,
    At,
    Comparison,
    Expression,
    Field,
    Has,
    Not,
    Operator,
    Query,
    Recorded,
    Records,
)

ORDERS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


class Missing:
    """No value; a recorded null is one."""


MISSING = Missing()


@dataclass
class Job:
    """A job as a filter sees it."""

    number: int
    built_in: dict[BuiltIn, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    summaries: dict[str, dict[Aspect, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)

    def value(self, wanted: Field) -> Any:
        if isinstance(wanted, BuiltIn):
            value = self.built_in.get(wanted)
            return MISSING if value is None else value
        if wanted.is_summary:
            summary = self.summaries.get(wanted.name, {}).get(wanted.aspect)
            return MISSING if summary is None else summary
        kinds: dict[Records, dict[str, Any]] = {
            Records.METRIC: self.metrics,
            Records.PARAMETER: self.parameters,
            Records.TAG: self.tags,
            Records.ARTIFACT: self.artifacts,
        }
        return kinds[wanted.kind].get(wanted.name, MISSING)


def search(jobs: Sequence[Job], query: Query, *, now_ms: int) -> list[int]:
    """The numbers of the jobs that a query takes, in order."""
    found = [job for job in jobs if query.condition is None or holds(query.condition, job, now_ms)]

    def compare(one: Job, other: Job) -> int:
        for key in query.sort:
            first, second = sort_value(one, key.field), sort_value(other, key.field)
            if first == second:
                continue
            if first is None or second is None:
                return 1 if first is None else -1
            if isinstance(first, str) is isinstance(second, str):
                less = first < second
            else:
                less = isinstance(second, str)
            return (-1 if less else 1) * (-1 if key.is_descending else 1)
        return other.number - one.number

    return [job.number for job in sorted(found, key=cmp_to_key(compare))]


def sort_value(job: Job, wanted: Field) -> Any:
    value = job.value(wanted)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(wanted, Recorded) and wanted.kind is Records.METRIC and type(value) is bool:
        return None
    if isinstance(wanted, Recorded) and wanted.kind is Records.METRIC and isinstance(value, str):
        return None
    if isinstance(value, str):
        return value[:200]
    return value if isinstance(value, int | float) else None


def holds(expression: Expression, job: Job, now_ms: int) -> bool:
    match expression:
        case AllOf(parts):
            return all(holds(part, job, now_ms) for part in parts)
        case AnyOf(parts):
            return any(holds(part, job, now_ms) for part in parts)
        case Not(part):
            return not holds(part, job, now_ms)
        case Has(wanted):
            return job.value(wanted) is not MISSING
        case Comparison(wanted, sign, value):
            if isinstance(value, Ago):
                value = now_ms - value.ms
            if isinstance(value, At):
                value = value.ms
            return compares(job.value(wanted), sign, value)


def compares(found: Any, sign: Operator, value: Any) -> bool:
    if found is MISSING:
        return False
    if isinstance(found, list) and sign in (Operator.CONTAINS, Operator.MATCHES):
        return any(compares(one, sign, value) for one in found)
    if sign is Operator.DIFFERENT:
        return not equal(found, value)
    if sign is Operator.EQUAL:
        return equal(found, value)
    if sign is Operator.CONTAINS:
        return lowered(value) in lowered(found)
    if sign is Operator.MATCHES:
        return isinstance(found, str) and re.search(value, found) is not None
    return kind(found) == kind(value) and ORDERS[sign](found, value)


def equal(found: Any, value: Any) -> bool:
    if kind(found) != kind(value):
        return False
    both_nan = found != found and value != value
    return bool(both_nan or found == value)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def lowered(text: str) -> str:
    return "".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in text)
