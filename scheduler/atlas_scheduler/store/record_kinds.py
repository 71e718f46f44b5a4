"""The kinds of records that a job may make."""

from __future__ import annotations

from typing import Any, NamedTuple


class Parameter(NamedTuple):
    """`value` is anything JSON can say."""

    key: str
    value: Any
    at_ms: int | None


class Metric(NamedTuple):
    """One point of a series; `value` is a number (also NaN or infinite), string, bool or list."""

    key: str
    value: Any
    step: float | None
    at_ms: int | None


class Tag(NamedTuple):
    """A tag that the job gives itself."""

    key: str
    value: str


class Artifact(NamedTuple):
    """A file that lies complete at `path` below the job's artifacts."""

    key: str
    path: str
    size_bytes: int
    at_ms: int | None


class Environment(NamedTuple):
    """What the job's program finds around itself, as `foundations.provenance.JobEnvironment`."""

    content: dict[str, Any]


Record = Parameter | Metric | Tag | Artifact | Environment
