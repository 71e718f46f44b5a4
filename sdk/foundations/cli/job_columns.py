"""The columns that a list of jobs can have: fields of a job, and what it recorded, by name."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import click

from foundations.cli import job_values, render
from foundations.cli.render import Column, clean

Job = dict[str, Any]
"""A job as the API answers it."""

_RECORDS = {"metric": "metrics", "param": "parameters", "tag": "tags"}
_FIELDS = {
    "id": "job_id",
    "project": "project",
    "user": "user",
    "state": "state",
    "reason": "reason",
    "exit_code": "exit_code",
    "attempt": "attempt",
    "priority": "priority",
    "held_by": "held_by",
    "command": "command",
    "image": "image",
    "engine": "engine",
    "local": "local",
    "unique": "unique_key",
    "schedule": "schedule_id",
    "gpus": "num_gpus",
    "cpus": "cpus",
    "ram": "ram_gb",
    "submitted": "submitted_at",
    "started": "started_at",
    "finished": "finished_at",
    "duration": "duration_seconds",
}
_OF_WAITING = {
    "position": "position",
    "expected_start": "expected_start_at",
    "waits_for": "blockers",
}
"""What only jobs have that wait, by its name in `waiting`."""
_ARRAY = {"array": "array_id", "array_index": "index"}
_NAMES = (*_FIELDS, *_ARRAY, *_OF_WAITING)
_MOMENTS = ("submitted", "started", "finished", "expected_start")
_ALWAYS = (
    *("id", "project", "user", "state", "reason", "exit_code"),
    *("submitted", "started", "finished", "duration"),
)


@dataclass(frozen=True)
class JobColumn:
    """One column: its name, and what a job has there."""

    name: str
    value: Callable[[Job], Any]
    """None where the job has nothing."""

    @property
    def column(self) -> Column:
        """The column of a table."""
        is_id = self.name == "id"
        return Column(
            "JOB ID" if is_id else clean(self.name, one_line=True),
            narrowest=8,
            ellipsis=not is_id,
            style=render.state if self.name == "state" else None,
        )

    def cell(self, job: Job) -> str:
        """The value for people."""
        value = self.value(job)
        if value is not None and self.name in _MOMENTS:
            return render.local_time(datetime.fromisoformat(value))
        return job_values.cell(self.name, value)

    def exact(self, job: Job) -> str:
        """The value for other programs, with every digit; empty when there is none."""
        return job_values.exact(self.name, self.value(job))


def parse_columns(text: str) -> list[JobColumn]:
    """Read names with commas between them; quotes as in CSV keep a comma in a name.

    Raises:
        click.BadParameter: there is no such column.
    """
    try:
        names = next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise click.BadParameter(f"the names cannot be read: {error}.") from error
    return [_column(name.strip()) for name in names or [""]]


def all_columns(jobs: Sequence[Job]) -> list[JobColumn]:
    """The fields that most tables need, and everything that any of the jobs recorded."""
    recorded = [
        f"{kind}.{name}"
        for kind in ("param", "metric", "tag")
        for name in sorted({name for job in jobs for name in job[_RECORDS[kind]]})
    ]
    return [_column(name) for name in (*_ALWAYS, *recorded)]


def every_column(recorded: Mapping[str, Iterable[str]]) -> list[JobColumn]:
    """All fields, and these names of `parameters`, `metrics` and `tags`."""
    return [
        *(_column(name) for name in _NAMES),
        *(
            _recorded_column(kind, name)
            for kind in ("param", "metric", "tag")
            for name in sorted(recorded[_RECORDS[kind]])
        ),
    ]


def exact_rows(columns: Sequence[JobColumn], jobs: Iterable[Job]) -> list[list[str]]:
    """Jobs as rows for CSV: values are exact, what is missing is empty."""
    return [[column.exact(job) for column in columns] for job in jobs]


def documents(columns: Iterable[JobColumn], jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Jobs as JSON objects that have only these columns."""
    shown = list(columns)
    return [{column.name: column.value(job) for column in shown} for job in jobs]


def _column(name: str) -> JobColumn:
    kind, dot, key = name.partition(".")
    if dot and key and kind in _RECORDS:
        return _recorded_column(kind, key)
    if name == "reason":
        return JobColumn(name, _reason)
    if name in _ARRAY:
        return JobColumn(name, lambda job: (job.get("array") or {}).get(_ARRAY[name]))
    if name in _FIELDS:
        return JobColumn(name, lambda job: job.get(_FIELDS[name]))
    if name in _OF_WAITING:
        return JobColumn(name, lambda job: (job.get("waiting") or {}).get(_OF_WAITING[name]))
    near = get_close_matches(name, _NAMES, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(_NAMES)}"
    more = "" if near else ", metric.NAME, param.NAME and tag.NAME."
    raise click.BadParameter(f"there is no column `{clean(name, one_line=True)}`. {hint}{more}")


def _recorded_column(kind: str, key: str) -> JobColumn:
    return JobColumn(f"{kind}.{key}", lambda job: job[_RECORDS[kind]].get(key))


def _reason(job: Job) -> str | None:
    waiting = job.get("waiting")
    reason: str | None = waiting["reason"] if waiting else job["reason"]
    return reason
