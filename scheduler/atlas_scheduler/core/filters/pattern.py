r"""Regular expressions whose search takes time linear in the text, whatever the pattern.

A pattern from a stranger must not be able to stop the server, and Python's own engine backtracks:
`(a+)+$` can take for ever. Here a pattern becomes an automaton that is followed in all its states
at once. What only backtracking can do (references to groups, look-around, `\b`) is not offered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from atlas_scheduler.core.filters.pattern_syntax import (
    Alternatives,
    Anchor,
    Characters,
    Node,
    PatternError,
    Repeat,
    Sequence,
    read_pattern,
)

__all__ = ["LONGEST_PATTERN", "LONGEST_TEXT", "Pattern", "PatternError", "compile_pattern"]

LONGEST_PATTERN = 200
"""Most characters of a pattern."""
LONGEST_TEXT = 1_000
"""So many characters of a text are looked at; what follows is as if it were not there."""
_LARGEST_AUTOMATON = 400
_MOST_REMEMBERED = 20_000


@dataclass(slots=True)
class _Step:
    """A state of the automaton: what it takes to leave it, and where that leads."""

    takes: Characters | Anchor | None
    """None leaves at once."""
    leads_to: list[int]


@dataclass(slots=True)
class _Position:
    """The states that the automaton is in at once, and what is known of them."""

    steps: frozenset[int]
    is_match: bool
    is_match_at_end: bool
    after: dict[str, _Position] = field(default_factory=dict)


class Pattern:
    """A pattern that is ready to search with. Threads may share it."""

    def __init__(self, tree: Node) -> None:
        self._steps: list[_Step] = []
        self._end = self._add(None)
        self._start = self._build(tree, self._end)
        self._forget()

    def is_in(self, text: str, *, longest: int | None = LONGEST_TEXT) -> bool:
        """Say whether the pattern matches somewhere in the first `longest` characters."""
        if not text:
            return self._end in self._reach([self._start], at_start=True, at_end=True)
        position = self._first
        for character in text[:longest]:
            if position.is_match:
                return True
            position = position.after.get(character) or self._advance(position, character)
        return position.is_match_at_end

    def _advance(self, position: _Position, character: str) -> _Position:
        reached = [self._start]
        for number in position.steps:
            step = self._steps[number]
            if isinstance(step.takes, Characters) and step.takes.has(character):
                reached += step.leads_to
        steps = self._reach(reached, at_start=False, at_end=False)
        if self._remembered >= _MOST_REMEMBERED:
            self._forget()
        self._remembered += 1
        after = self._positions.get(steps) or self._remember(steps)
        position.after[character] = after
        return after

    def _forget(self) -> None:
        self._remembered = 0
        self._positions: dict[frozenset[int], _Position] = {}
        self._first = self._remember(self._reach([self._start], at_start=True, at_end=False))

    def _remember(self, steps: frozenset[int]) -> _Position:
        ends = self._reach(steps, at_start=False, at_end=True)
        position = _Position(steps, self._end in steps, self._end in ends)
        self._positions[steps] = position
        return position

    def _reach(self, numbers: Iterable[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """Every state that these lead to without taking a character, themselves included."""
        reached: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number in reached:
                continue
            reached.add(number)
            step = self._steps[number]
            is_open = (
                step.takes is None
                or (step.takes is Anchor.START and at_start)
                or (step.takes is Anchor.END and at_end)
            )
            if is_open:
                waiting += step.leads_to
        return frozenset(reached)

    # -- building: each returns the state to enter by; `then` is where it leads

    def _add(self, takes: Characters | Anchor | None, *leads_to: int) -> int:
        if len(self._steps) >= _LARGEST_AUTOMATON:
            raise PatternError("the pattern repeats too much", 0)
        self._steps.append(_Step(takes, list(leads_to)))
        return len(self._steps) - 1

    def _build(self, node: Node, then: int) -> int:
        match node:
            case Sequence(parts):
                for part in reversed(parts):
                    then = self._build(part, then)
                return then
            case Alternatives(choices):
                return self._add(None, *[self._build(choice, then) for choice in choices])
            case Repeat():
                return self._build_repeat(node, then)
        return self._add(node, then)

    def _build_repeat(self, node: Repeat, then: int) -> int:
        if node.most is None:
            again = self._add(None, then)
            self._steps[again].leads_to.append(self._build(node.part, again))
            entry = again
        else:
            entry = then
            for _ in range(node.most - node.least):
                entry = self._add(None, self._build(node.part, entry), then)
        for _ in range(node.least):
            entry = self._add(None, self._build(node.part, entry))
        return entry


@lru_cache(maxsize=64)
def compile_pattern(text: str) -> Pattern:
    """Make a pattern ready.

    Raises:
        PatternError: it is too long or too large, or its syntax is not one that is offered.
    """
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"a pattern has at most {LONGEST_PATTERN} characters", LONGEST_PATTERN)
    return Pattern(read_pattern(text))
