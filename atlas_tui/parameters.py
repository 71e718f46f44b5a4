"""The parameters of a job as rows, nested ones one by one; no widgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from foundations.models import JobDetail
from foundations.parameters import flatten_parameters

_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row."""

    name: str
    """As filters know it; of a logged object with a dot before each inner name."""
    value: JsonValue
    origin: str
    """Whether it was submitted, logged, or submitted and then logged as something else."""


def rows(detail: JobDetail) -> list[Parameter]:
    """The parameters of a job, by name."""
    submitted = flatten_parameters(detail.spec.params)
    logged = dict(flattened(detail.parameters))
    found = []
    for name in sorted({*submitted, *logged}):
        if name not in logged:
            origin = "submitted"
        elif name not in submitted:
            origin = "logged"
        else:
            origin = "submitted" if logged[name] == submitted[name] else "logged otherwise"
        found.append(Parameter(name, logged.get(name, submitted.get(name)), origin))
    return found


def flattened(
    values: Mapping[str, JsonValue], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, JsonValue]]:
    """Give inner values names of their own: `{"a": {"b": 1}}` is `a.b`."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield from flattened(value, f"{name}.", depth + 1)
        else:
            yield name, value
