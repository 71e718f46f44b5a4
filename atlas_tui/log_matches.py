"""What a search in a log has found so far, and where in a line the pattern is."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundations.lazy_models import models

if TYPE_CHECKING:
    from foundations.models import LogLine, LogMatches, LogSearch

MOST_MATCHES = 100_000
"""A search ends after so many."""
MOST_LINES = 20_000
"""So many lines are kept when only matches are shown."""
_PAGE, _PAGE_WITH_LINES = 10_000, 500
_LONGEST_REGEX_TEXT = 500
# One repetition and no group cannot make Python's own engine slow in a text of this length.
_QUICK_REGEX = re.compile(r"[^()|*+?{]*(?:[*+?][^()|*+?{]*)?")


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for."""

    pattern: str
    regex: bool = False
    ignore_case: bool = True

    def ask(self, offset: int, *, context: int | None) -> LogSearch:
        """What to ask the scheduler next; with `context` for the lines too."""
        return models.LogSearch(
            pattern=self.pattern,
            regex=self.regex,
            ignore_case=self.ignore_case,
            offset=offset,
            limit=_PAGE if context is None else _PAGE_WITH_LINES,
            context=context or 0,
            lines=context is not None,
        )

    def spans(self, text: str) -> list[tuple[int, int]] | None:
        """Where in a line the pattern is; None when that is not worked out here."""
        if self.regex and not _QUICK_REGEX.fullmatch(self.pattern):
            return None
        source = self.pattern if self.regex else re.escape(self.pattern)
        try:
            pattern = re.compile(source, re.IGNORECASE if self.ignore_case else 0)
        except re.error:
            return None
        found = pattern.finditer(text[:_LONGEST_REGEX_TEXT] if self.regex else text)
        return [match.span() for match in found if match.end() > match.start()]


class Matches:
    """Lines that were found, in order, while the search goes on."""

    def __init__(self, query: Query, *, context: int | None = None) -> None:
        self.query = query
        self.context = context
        """How many lines around each match are kept too; None keeps no lines."""
        self.lines: list[LogLine] = []
        self.next_offset = 0
        self.ended = False
        """Whether all that there was has been searched."""
        self._size = 0
        self._offsets: array[int] = array("Q")

    def __len__(self) -> int:
        return len(self._offsets)

    def __contains__(self, start: int) -> bool:
        place = bisect_left(self._offsets, start)
        return place < len(self._offsets) and self._offsets[place] == start

    @property
    def is_full(self) -> bool:
        """Whether it has found more than is kept."""
        return len(self._offsets) >= MOST_MATCHES or len(self.lines) >= MOST_LINES

    def ask(self) -> LogSearch:
        """What to ask the scheduler next."""
        return self.query.ask(self.next_offset, context=self.context)

    def take(self, found: LogMatches) -> None:
        """Take an answer."""
        last = self._offsets[-1] if self._offsets else -1
        self._offsets.extend(one for one in found.offsets if one > last)
        end = self.lines[-1].offset if self.lines else -1
        self.lines += [line for line in found.lines if line.offset > end]
        self.next_offset, self.ended, self._size = found.next_offset, found.ended, found.size_bytes

    def after(self, offset: int) -> int | None:
        """The first match that begins behind an offset; from the top again when there is none."""
        if not self._offsets:
            return None
        place = bisect_right(self._offsets, offset)
        if place == len(self._offsets) and not self.ended:
            return None
        return self._offsets[place % len(self._offsets)]

    def before(self, offset: int) -> int | None:
        """The last match that begins before an offset; the last of all when there is none."""
        return self._offsets[bisect_left(self._offsets, offset) - 1] if self._offsets else None

    def told(self, current: int | None) -> str:
        """How the search stands, such as `12 of 240+`."""
        more = "+" if not self.ended or self.is_full else ""
        if not self._offsets:
            return "no match" if self.ended else f"searching {self._percent()} %"
        count = f"{len(self._offsets):,}{more}"
        if current is None or current not in self:
            return f"{count} match{'es' if len(self) > 1 or more else ''}"
        return f"{bisect_left(self._offsets, current) + 1:,} of {count}"

    def _percent(self) -> int:
        return 100 * self.next_offset // self._size if self._size else 0
