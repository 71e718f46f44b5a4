"""Samples, what is made of them, and the table that shows it."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    quick: bool = False
    """Fewer and smaller samples: the whole takes a minute."""
    verbose: bool = False
    """Show where the time goes, for the figures that know."""

    def count(self, full: int, quick: int) -> int:
        """Choose a number of samples."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Peer:
    """What the same run did next to a figure, for comparison."""

    what: str
    samples: Sequence[float]

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    what: str
    samples: Sequence[float]
    unit: str = "ms"
    target: float | None = None
    """The median may be at most this."""
    by_p95: bool = False
    """The target is one for the 95th percentile."""
    at_least: bool = False
    """More is better: the target is a least value."""
    peer: Peer | None = None

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)

    @property
    def p95(self) -> float | None:
        """What 95 of 100 samples keep to, by rank; None of fewer than five samples."""
        if len(self.samples) < 5:
            return None
        return sorted(self.samples, reverse=self.at_least)[math.ceil(0.95 * len(self.samples)) - 1]

    @property
    def ratio(self) -> float | None:
        """The median by the peer's."""
        return None if self.peer is None else self.median / self.peer.median

    @property
    def verdict(self) -> str:
        """Whether the target is met; empty without one."""
        if self.target is None:
            return ""
        judged = (self.p95 or max(self.samples)) if self.by_p95 else self.median
        is_met = judged >= self.target if self.at_least else judged <= self.target
        return "ok" if is_met else "MISS"

    @property
    def goal(self) -> str:
        """The target in words; empty without one."""
        if self.target is None:
            return ""
        what = "p95 " if self.by_p95 else ""
        return f"{what}{'>=' if self.at_least else '<='} {_number(self.target)}"

    @property
    def best(self) -> float:
        """The sample that says most about the code."""
        return max(self.samples) if self.at_least else min(self.samples)


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found."""

    figures: Sequence[Figure] = ()
    notes: Sequence[str] = field(default=())
    """Sentences for below the table."""


Benchmark = Callable[[Plan], Result]


@contextmanager
def timed(samples: list[float]) -> Iterator[None]:
    """Add the milliseconds that the body takes to `samples`; nothing when it raises."""
    began = time.perf_counter()
    yield
    samples.append(milliseconds_since(began))


def milliseconds_since(began: float) -> float:
    """Milliseconds from a `time.perf_counter()` value to now."""
    return (time.perf_counter() - began) * 1000


def differences(left: Iterable[float], right: Iterable[float]) -> list[float]:
    """Subtract samples in pairs: noise that both of a pair met falls out."""
    return [one - other for one, other in zip(left, right, strict=True)]


def say(text: str) -> None:
    """Tell what goes on, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


_HEADS = ("what", "best", "median", "p95", "unit", "n", "target", "", "ratio", "against")


def table(figures: Sequence[Figure]) -> str:
    """Lay figures out as a Markdown table."""
    rows = [_HEADS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [_line(row, widths) for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
    )


def _row(figure: Figure) -> tuple[str, ...]:
    peer = figure.peer
    return (
        figure.what,
        _number(figure.best),
        _number(figure.median),
        _number(figure.p95),
        figure.unit,
        str(len(figure.samples)),
        figure.goal,
        figure.verdict,
        _ratio(figure.ratio),
        "" if peer is None else f"{peer.what}: {_number(peer.median)}",
    )


def _ratio(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}x" if value >= 0.1 else f"{value:.1g}x"


def _number(value: float | None) -> str:
    """Three digits."""
    if value is None:
        return ""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"
