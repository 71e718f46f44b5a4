"""Names jobs in a question: what all have is said once, then what tells each from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from foundations.text import value_words
from foundations.text.terminal import clean, display_width, shorten

if TYPE_CHECKING:
    from foundations.models import JobView

ROWS_SHOWN = 5
_LONGEST_PROJECT = 20
_MOST_CELLS = 200
"""Longest text that is made; a dialog shows as much as it has room for."""


@dataclass(frozen=True, slots=True)
class NamedJobs:
    """Jobs in a few lines."""

    shared: str
    """What all of them have; empty where that is nothing, or not known."""
    rows: tuple[str, ...]
    """One for each of the first jobs, and how many more there are."""


def describe(jobs: Sequence[JobView], count: int) -> NamedJobs:
    """Name the first of `count` jobs, of which more may be known than are named."""
    are_all_known = count == len(jobs)
    words = _shared_words(jobs) if are_all_known else []
    is_one_project = are_all_known and len({job.project for job in jobs}) == 1
    rows = _rows(jobs, skipped=len(words), has_projects=not is_one_project)
    if count > len(rows):
        rows.append(f"and {count - len(rows)} more")
    parts = [jobs[0].project] if is_one_project else []
    if words:
        has_more = any(len(job.command) > len(words) for job in jobs)
        parts.append(" ".join(words) + (" …" if has_more else ""))
    return NamedJobs(_line("  ".join(parts)), tuple(rows))


def _rows(jobs: Sequence[JobView], *, skipped: int, has_projects: bool) -> list[str]:
    names, first = _telling(jobs), jobs[:ROWS_SHOWN]
    projects = [shorten(_line(job.project), _LONGEST_PROJECT) for job in first]
    width = max(map(display_width, projects), default=0)
    rows = []
    for job, project in zip(first, projects, strict=True):
        parts = [job.job_id[:8], f"{job.state:9}"]
        if has_projects:
            parts.append(project + " " * (width - display_width(project)))
        rows.append(_line("  ".join([*parts, _own(job, skipped, names)])).rstrip())
    return rows


def _own(job: JobView, skipped: int, names: Sequence[str]) -> str:
    """The place in an array, the rest of the command, and parameters."""
    words = [f"[{job.array.index}]"] if job.array else []
    given = {name: job.parameters[name] for name in names if name in job.parameters}
    values = [f"{name}={value_words.value(value)}" for name, value in given.items()]
    return " ".join([*words, *job.command[skipped:], *values])


def _telling(jobs: Sequence[JobView]) -> list[str]:
    """The parameters that are not the same in all jobs or, when all are, every one."""
    every = list(dict.fromkeys(name for job in jobs for name in job.parameters))
    return [name for name in every if _differs(name, jobs)] or every


def _differs(name: str, jobs: Sequence[JobView]) -> bool:
    first = jobs[0].parameters.get(name)
    return any(name not in job.parameters or job.parameters[name] != first for job in jobs)


def _shared_words(jobs: Sequence[JobView]) -> list[str]:
    columns = zip(*(job.command for job in jobs), strict=False)
    shared = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]
    # The name of an option stays with its value.
    longest = max(len(job.command) for job in jobs)
    while len(shared) < longest and shared and shared[-1].startswith("-"):
        shared.pop()
    return shared


def _line(text: str) -> str:
    return shorten(clean(text, one_line=True), _MOST_CELLS)
