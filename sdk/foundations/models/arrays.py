"""Arrays of jobs: what one submission asks for many of, and how such a set stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from foundations.models.requests import Submission
from foundations.models.words import JobState, Request, View

LONGEST_ARRAY = 10_000
"""Most jobs of one array."""
LARGEST_INDEX = 10**9
INDEX_VARIABLE = "ATLAS_ARRAY_INDEX"
"""Tells a job its index; the others tell its array's id, and how many jobs that has."""
ID_VARIABLE = "ATLAS_ARRAY_ID"
COUNT_VARIABLE = "ATLAS_ARRAY_COUNT"
_PART = re.compile(r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?", re.ASCII)


def read_indices(text: str) -> tuple[int, ...]:
    """Read indices such as `0-99`, `0-99:10` or `1,4,7-9`, in the order they are written.

    Raises:
        ValueError: they cannot be read, are too many, or name one twice; the text says which.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        for index in _part(part.strip()):
            if index in found:
                raise ValueError(f"index {index} is there twice")
            found[index] = None
            if len(found) > LONGEST_ARRAY:
                raise ValueError(f"an array has at most {LONGEST_ARRAY} jobs")
    return tuple(found)


def write_indices(indices: Iterable[int]) -> str:
    """Write indices as `read_indices` reads them: runs of neighbours as ranges."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1][1:] = [index]
        else:
            runs.append([index])
    return ",".join("-".join(map(str, run)) for run in runs)


def _part(text: str) -> Iterator[int]:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is neither an index nor a range such as 0-99 or 0-99:10")
    first, last, step = match.groups()
    start, end, stride = int(first), int(last or first), int(step or 1)
    if end < start:
        raise ValueError(f"`{text}` ends before it begins")
    if stride == 0:
        raise ValueError(f"the step of `{text}` is 0")
    if end > LARGEST_INDEX:
        raise ValueError(f"index {end} is above {LARGEST_INDEX}")
    yield from range(start, end + 1, stride)


def _readable(text: str) -> str:
    read_indices(text)
    return text


Indices = Annotated[
    str, StringConstraints(min_length=1, max_length=120_000), AfterValidator(_readable)
]


class NewArray(Request):
    """Body of `POST /arrays`: one submission, for many jobs that differ by an index."""

    submission: Submission
    """What each of them is."""
    indices: Indices
    """Such as `0-99`, `0-99:10` or `1,4,7-9`; at most 10,000."""
    max_at_once: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many of them may run at the same time; None is as many as the queue lets."""


class ArrayPlace(View):
    """Where in an array a job is."""

    array_id: str
    index: int


class ArrayView(View):
    """An array of jobs, and how they stand."""

    array_id: str
    project: str
    indices: str
    """As they were asked for."""
    size: int
    """How many jobs it was submitted with; deleted ones are in no state."""
    max_at_once: int | None = None
    """How many of them may run at the same time."""
    submitted_at: datetime
    states: dict[JobState, int] = {}
    """How many of its jobs are in each state."""
