"""What screens and handlers tell and ask the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from foundations.models import JobView

Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Said:
    """A line for the bottom of the screen."""

    text: str
    tone: Tone = "plain"
    command: str = ""
    """The same on the command line."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to be sure of before something ends or goes away."""

    title: str
    """Such as `Stop 3 jobs?`."""
    lines: tuple[str, ...] = ()
    """What will be hit: scope, filter, what all have."""
    count: int = 1
    """How many; above `NUMBER_ASKED_ABOVE` it must be typed."""
    command: str = ""
    rows: tuple[str, ...] = ()
    """The first of them, one a line: a row is cut where it is too long, and never wraps."""


NUMBER_ASKED_ABOVE = 20


@dataclass(frozen=True, slots=True)
class Prompt:
    """A line that the user is to type."""

    title: str
    value: str = ""
    placeholder: str = ""
    hint: str = ""
    problem: Callable[[str], str | None] = lambda text: None
    """Says what is wrong with the text, or None."""
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """What a screen lists: the jobs of a query, or these."""

    project: str | None = None
    filter: str | None = None
    jobs: tuple[JobView, ...] | None = None
    """None where the query tells them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several things to pick from."""

    key: str
    text: str
    note: str = ""
    disabled: str | None = None
    """Why it cannot be picked."""
    key_label: str = ""
    """The keys that do the same, as people read them."""
