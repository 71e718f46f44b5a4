"""A filter as data: what a job must be, and in which order the jobs come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from atlas_scheduler.core.filters.fields import BuiltIn


class Records(StrEnum):
    """What jobs record under names of their own choice."""

    METRIC = "metric"
    PARAMETER = "param"
    TAG = "tag"
    ARTIFACT = "artifact"


class Aspect(StrEnum):
    """What of a metric's series is looked at. All but the last value are numbers."""

    LAST = "last"
    LAST_STEP = "last_step"
    MIN = "min"
    MIN_STEP = "min_step"
    MAX = "max"
    MAX_STEP = "max_step"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One metric, parameter, tag or artifact, by its name."""

    kind: Records
    name: str
    aspect: Aspect = Aspect.LAST
    """Of metrics; the others have one value."""

    @property
    def is_summary(self) -> bool:
        """Whether it is a number that sums a series up, and not a value that was logged last."""
        return self.aspect is not Aspect.LAST


Field = BuiltIn | Recorded


class Operator(StrEnum):
    """How a field is compared. With a missing value every comparison is false."""

    EQUAL = "="
    DIFFERENT = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    CONTAINS = ":"
    """Upper and lower case of A to Z are the same here."""
    MATCHES = "~"


@dataclass(frozen=True, slots=True)
class Ago:
    """The moment so long before now."""

    ms: int


@dataclass(frozen=True, slots=True)
class At:
    """A moment, in milliseconds since 1970 UTC."""

    ms: int


Value = bool | int | float | str | Ago | At
"""Numbers compare with numbers, texts with texts; NaN equals NaN and nothing else."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against a value."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Has:
    """Whether there is a value at all."""

    field: Field


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Expression, ...]


Expression = Comparison | Has | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class SortKey:
    """What the jobs are ordered by; those without a value come last, whatever the direction."""

    field: Field
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole filter."""

    condition: Expression | None = None
    """None takes every job."""
    sort: tuple[SortKey, ...] = ()
    """Jobs that are alike in all of these come newest first."""

    def names(self, field: Field) -> bool:
        """Whether the field is asked for or sorted by."""
        return any(key.field == field for key in self.sort) or any(
            leaf.field == field for leaf in leaves(self.condition)
        )


def leaves(expression: Expression | None) -> Iterator[Comparison | Has]:
    """The single conditions that an expression is made of."""
    match expression:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Comparison() | Has():
            yield expression
