"""Unified diffs of texts, given up when they take too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import Match, SequenceMatcher

_CONTEXT_LINES = 3


class TookTooLong(Exception):
    """The texts are so different that comparing them was given up."""


def unified(
    old: str, new: str, *, old_name: str, new_name: str, is_late: Callable[[], bool]
) -> str:
    """Return the unified diff of two texts, as `patch` reads it; empty when they are the same.

    Args:
        old: the first text.
        new: the second text.
        old_name: stands in the first line.
        new_name: stands in the second line.
        is_late: asked now and then whether to give up.

    Raises:
        TookTooLong: it was given up.
    """
    before, after = _lines(old), _lines(new)
    out: list[str] = []
    for group in _Matcher(before, after, is_late).get_grouped_opcodes(_CONTEXT_LINES):
        first, last = group[0], group[-1]
        out.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@\n")
        for kind, old_start, old_end, new_start, new_end in group:
            if kind == "equal":
                out += _marked(" ", before[old_start:old_end])
            else:
                out += _marked("-", before[old_start:old_end])
                out += _marked("+", after[new_start:new_end])
    return "".join([f"--- {old_name}\n+++ {new_name}\n", *out]) if out else ""


class _Matcher(SequenceMatcher[str]):
    """The standard one takes quadratic time and more on texts that are made for it."""

    def __init__(self, old: Sequence[str], new: Sequence[str], is_late: Callable[[], bool]) -> None:
        self._is_late = is_late
        super().__init__(None, old, new)

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        if self._is_late():
            raise TookTooLong
        return super().find_longest_match(alo, ahi, blo, bhi)


def _lines(text: str) -> list[str]:
    """Split at newlines alone: other separators belong to a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}"
        if not line.endswith("\n"):
            yield "\n\\ No newline at end of file\n"


def _span(start: int, end: int) -> str:
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
