"""Pieces of SQL with the values that belong to them, in order.

The text of a piece is put together from constants of the code only; what a user wrote is always a
value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fragment:
    """Some SQL, and one value for each `?` in it."""

    text: str
    values: tuple[Any, ...] = ()


def written(*pieces: Fragment | str) -> Fragment:
    """Put pieces and words of SQL together as they are."""
    parts = [Fragment(piece) if isinstance(piece, str) else piece for piece in pieces]
    return joined("", parts)


def joined(separator: str, fragments: Iterable[Fragment]) -> Fragment:
    """Put pieces together with a separator between them."""
    parts = list(fragments)
    return Fragment(
        separator.join(part.text for part in parts),
        tuple(value for part in parts for value in part.values),
    )


def all_of(fragments: Iterable[Fragment]) -> Fragment:
    """Every condition holds; without any this is true."""
    parts = list(fragments)
    return written("(", joined(" AND ", parts), ")") if parts else Fragment("TRUE")


def any_of(fragments: Iterable[Fragment]) -> Fragment:
    """At least one condition holds; without any this is false."""
    parts = list(fragments)
    return written("(", joined(" OR ", parts), ")") if parts else Fragment("FALSE")
