"""Where a page of a search ended: an opaque text that clients give back, and that is checked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from atlas_scheduler.core.filters.terms import Query
from foundations.errors import InvalidRequest

Key = int | float | str | None
"""The value of a sort key; None is a missing one."""

LONGEST_CURSOR = 12_000
"""Most characters of a cursor: four keys of 200 characters, in the longest way to write them."""
_INTEGERS = range(-(2**63), 2**63)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Place:
    """After which job a page begins."""

    now_ms: int
    """The time of the first page: what `2d` counts back from does not move between pages."""
    keys: tuple[Key, ...]
    job_number: int


def write_cursor(query: Query, place: Place) -> str:
    """Make a cursor. It belongs to its query."""
    document = [_digest(query), place.now_ms, *place.keys, place.job_number]
    return base64.urlsafe_b64encode(json.dumps(document).encode("ascii")).decode("ascii")


def read_cursor(query: Query, cursor: str, *, key_count: int) -> Place:
    """Read a cursor.

    Args:
        query: what is searched for.
        cursor: what a page of the same search ended with.
        key_count: how many sort keys there are.

    Raises:
        InvalidRequest: it is not one of this search.
    """
    found = _decoded(cursor)
    whole: list[Any] = found if isinstance(found, list) and len(found) > 2 else [None] * 3
    digest, now_ms, *keys, job_number = whole
    is_ours = (
        digest == _digest(query)
        and len(keys) == key_count
        and _is_integer(now_ms)
        and _is_integer(job_number)
        and all(map(_is_key, keys))
    )
    if not is_ours:
        raise InvalidRequest(
            "The cursor is not one that this scheduler gave for this filter. Leave it out to get "
            "the first page."
        )
    return Place(now_ms, tuple(keys), job_number)


def _decoded(cursor: str) -> Any:
    try:
        return json.loads(base64.b64decode(cursor[:LONGEST_CURSOR], altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _digest(query: Query) -> str:
    return hashlib.sha256(repr(query).encode("utf-8")).hexdigest()[:16]


def _is_integer(value: Any) -> bool:
    return type(value) is int and value in _INTEGERS


def _is_key(value: Any) -> bool:
    if isinstance(value, str):
        return not _SURROGATE.search(value)
    return value is None or type(value) is float or _is_integer(value)
