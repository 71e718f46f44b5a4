"""What can be typed next in a filter, and where an error in one is; no widgets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundations.job_states import JobState

if TYPE_CHECKING:
    from foundations.models import JobView

FIELDS = (
    *("status:", "state:", "project:", "user:", "tag:", "since:", "has:", "sort:", "sort:-"),
    *("duration", "command", "reason", "image", "engine", "exit_code", "attempt"),
    *("gpus", "cpus", "ram", "submitted", "started", "finished"),
)
WORDS = ("and", "or", "not", "in")
_WORD = re.compile(r"[^\s()\"]*$")
_COLUMN = re.compile(r"The filter is not valid at column (\d+): (.*)")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a filter."""

    text: str
    column: int | None = None
    """In characters, from 1; None when it is not about one place."""


def trouble(message: str) -> Trouble:
    """Take the scheduler's words about a filter apart."""
    first = message.partition("\n")[0]
    found = _COLUMN.match(first)
    return Trouble(found[2], int(found[1])) if found else Trouble(first)


class Vocabulary:
    """The words that filters of this scheduler can have."""

    def __init__(self) -> None:
        self._recorded: set[str] = set()
        self._projects: set[str] = set()
        self._users: set[str] = set()

    def learn(self, jobs: Iterable[JobView]) -> None:
        """Know the names that jobs have recorded."""
        for job in jobs:
            self._recorded.update(f"metric.{_quoted(name)}" for name in job.metrics)
            self._recorded.update(f"param.{_quoted(name)}" for name in job.parameters)
            self._recorded.update(f"tag:{_quoted(name)}" for name in job.tags)
            self._projects.add(job.project)
            self._users.add(job.user)

    def learn_projects(self, names: Iterable[str]) -> None:
        """Know the names of projects."""
        self._projects.update(names)

    def completion(self, text: str) -> str | None:
        """The whole filter with its last word completed, or None when there is nothing to add."""
        found = _WORD.search(text)
        word = found[0] if found else ""
        if not word:
            return None
        for candidate in self._candidates(word):
            if candidate.lower().startswith(word.lower()) and len(candidate) > len(word):
                return text[: len(text) - len(word)] + word + candidate[len(word) :]
        return None

    def _candidates(self, word: str) -> Iterable[str]:
        prefix, colon, _ = word.partition(":")
        recorded = sorted(self._recorded)
        match prefix if colon else "":
            case "status" | "state":
                return [f"{prefix}:{state}" for state in JobState]
            case "project":
                return [f"project:{_quoted(name)}" for name in sorted(self._projects)]
            case "user":
                return [f"user:{_quoted(name)}" for name in sorted(self._users)]
            case "sort":
                names = [*recorded, *(one for one in FIELDS if one.isidentifier())]
                return [f"sort:{sign}{name}" for sign in ("", "-") for name in names]
            case "has":
                return [f"has:{name}" for name in recorded if not name.startswith("tag:")]
            case _:
                return [*WORDS, *FIELDS, *recorded]


def columns_known(jobs: Iterable[JobView]) -> list[str]:
    """The columns of what jobs have recorded, by name."""
    found: set[str] = set()
    for job in jobs:
        found.update(f"metric.{name}" for name in job.metrics)
        found.update(f"spark.{name}" for name in job.metrics)
        found.update(f"param.{name}" for name in job.parameters)
        found.update(f"tag.{name}" for name in job.tags)
    return sorted(found)


def _quoted(name: str) -> str:
    """A name as filters have it: in quotes when it has other signs than those of a word."""
    if re.fullmatch(r"[\w./-]+", name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
