"""Finds the lines of a log that have a pattern, a bounded piece of work at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from atlas_scheduler.core.filters.pattern import PatternError, compile_pattern
from foundations.errors import InvalidRequest
from foundations.logs.lines import BLOCK_BYTES, line_starts, shown, without_colour
from foundations.models import LogLine, LogMatches, LogSearch

BUDGET = 64 * 1024 * 1024
"""Work of one answer: about so many bytes that a literal is not found in."""
LONGEST_TEXT = 4_000
"""Most characters of a line in an answer."""
_BY_LINE, _BY_AUTOMATON, _ANSWERED = 4, 16, 64
"""What a byte costs that is looked at line by line, that a regular expression is followed through,
and that is answered."""


def search_log(path: Path, search: LogSearch, *, budget: int = BUDGET) -> LogMatches:
    """Look for a pattern from an offset on. Blocks on the disk.

    The answers of one search after the other, each from `next_offset` of the one before, show
    every line once, as a single answer without a limit would.

    Raises:
        InvalidRequest: the pattern cannot be used.
    """
    matcher = _matcher(search)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return LogMatches(offsets=[], next_offset=search.offset, ended=True, size_bytes=0)
    try:
        return _Run(_File(descriptor), search, matcher, budget).answer()
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Matcher:
    """Says whether a line, as it is shown and without colours, has the pattern."""

    has: Callable[[bytes], bool]
    cost: int
    may_have: Callable[[bytes], bool]
    """Whether any line of this, without colours, may have it: quick, and true when in doubt."""


def _matcher(search: LogSearch) -> _Matcher:
    if search.regex:
        return _regular(search)
    needle = search.pattern.encode("utf-8", "surrogateescape")
    if not search.ignore_case:
        return _Matcher(lambda text: needle in text, _BY_LINE, lambda text: needle in text)
    if needle.isascii():
        small = needle.lower()
        return _Matcher(
            lambda text: small in text.lower(), _BY_LINE, lambda text: small in text.lower()
        )
    folded = search.pattern.lower()
    return _Matcher(
        lambda text: folded in text.decode("utf-8", "replace").lower(), _BY_LINE, lambda text: True
    )


def _regular(search: LogSearch) -> _Matcher:
    try:
        pattern = compile_pattern(("(?i)" if search.ignore_case else "") + search.pattern)
    except PatternError as error:
        raise InvalidRequest(f"The pattern cannot be used: {error.message}.") from None
    return _Matcher(
        lambda text: pattern.is_in(text.decode("utf-8", "replace"), longest=None),
        _BY_AUTOMATON,
        lambda text: True,
    )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some lines that are complete, or the last ones that there are."""

    place: int
    data: bytes
    starts: list[int]

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line with where it begins."""
        for start, end in zip(
            self.starts, [*self.starts[1:], self.place + len(self.data)], strict=True
        ):
            yield start, self.data[start - self.place : end - self.place]


class _File:
    """A log, cut into stretches of lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = os.fstat(descriptor).st_size

    def stretches(self, offset: int) -> Iterator[_Stretch]:
        """The lines that begin at an offset or behind it."""
        place = offset // BLOCK_BYTES * BLOCK_BYTES
        before = self._block(place - BLOCK_BYTES) if place else b""
        held_at, held, starts = place, b"", list[int]()
        while block := self._block(place):
            new = [one for one in line_starts(place, block, before) if one >= offset]
            held, before = held + block, block
            starts += new
            if new and len(starts) > 1:
                cut = starts[-1]
                yield _Stretch(held_at, held[: cut - held_at], starts[:-1])
                held_at, held, starts = cut, held[cut - held_at :], [cut]
            elif not starts:
                held_at, held = place + len(block), b""
            place += BLOCK_BYTES
        if starts:
            yield _Stretch(held_at, held, starts)

    def _block(self, place: int) -> bytes:
        length = min(BLOCK_BYTES, self.size_bytes - place)
        return os.pread(self._descriptor, length, place) if length > 0 else b""


@dataclass(slots=True)
class _Run:
    """One answer in the making."""

    file: _File
    search: LogSearch
    matcher: _Matcher
    budget: int
    offsets: list[int] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    """The last lines that were neither found nor answered: before a match they are context."""
    after: int = 0
    """How many more lines are the context of the last match."""
    next_offset: int = 0
    torn: int | None = None
    """Where the last line begins when it has no end yet and no match: it is looked at again."""

    def answer(self) -> LogMatches:
        """Go on until there are enough matches, or enough was done for one answer."""
        self.next_offset = self.search.offset
        ended = all(self._take(stretch) for stretch in self.file.stretches(self.search.offset))
        if ended and self.torn is not None:
            self.next_offset = self.torn
        if self.waiting:
            self.next_offset = self.waiting[0][0]
        return LogMatches(
            offsets=self.offsets,
            lines=self.lines,
            next_offset=self.next_offset,
            ended=ended,
            size_bytes=self.file.size_bytes,
        )

    def _take(self, stretch: _Stretch) -> bool:
        """Look through a stretch. Returns whether to go on."""
        plain = b"\x1b" not in stretch.data
        if plain and not self.after and not self.matcher.may_have(stretch.data):
            self._pass_over(stretch)
            return not self._is_done()
        for start, line in stretch.lines():
            if self._is_done() or not self._look_at(start, line):
                return False
        return not self._is_done()

    def _pass_over(self, stretch: _Stretch) -> None:
        self.budget -= len(stretch.data)
        last = stretch.starts[-max(self.search.context, 1) :]
        for start, line in _Stretch(last[0], stretch.data[last[0] - stretch.place :], last).lines():
            self._keep(start, line)

    def _look_at(self, start: int, line: bytes) -> bool:
        """Look at one line. Returns False when it is one match too many."""
        is_match = self.matcher.has(without_colour(shown(line)))
        self.budget -= len(line) * self.matcher.cost
        if is_match and self._is_enough():
            return False
        if is_match:
            for one in self.waiting:
                self._answer(*one)
            self.waiting.clear()
            self.offsets.append(start)
            self.after = self.search.context
            self._answer(start, line, matches=True)
        elif self.after:
            self.after -= 1
            self._answer(start, line)
        else:
            self._keep(start, line)
        return True

    def _keep(self, start: int, line: bytes) -> None:
        """Pass over a line, which may become the context of a match."""
        self.next_offset = start + len(line)
        self.torn = None if line.endswith(b"\n") else start
        if self.search.context:
            self.waiting.append((start, line))
            if len(self.waiting) > self.search.context:
                self.waiting.popleft()

    def _answer(self, start: int, line: bytes, *, matches: bool = False) -> None:
        self.next_offset, self.torn = start + len(line), None
        if not self.search.lines:
            return
        text = shown(line).decode("utf-8", "replace")[:LONGEST_TEXT]
        self.budget -= len(text) * _ANSWERED
        self.lines.append(LogLine(offset=start, size_bytes=len(line), text=text, matches=matches))

    def _is_enough(self) -> bool:
        return len(self.offsets) >= self.search.limit

    def _is_done(self) -> bool:
        """Whether to end here; never within context, and never without having come forward."""
        if self.after:
            return False
        has_moved = not self.waiting or self.waiting[0][0] > self.search.offset
        return self._is_enough() or (self.budget <= 0 and has_moved)
