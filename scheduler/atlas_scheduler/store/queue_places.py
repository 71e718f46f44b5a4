"""Lets filters ask for the place that a job has in the queue, which no table knows.

Places follow from what runs and what there is; whoever searches says them first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NONE: Mapping[str, int] = MappingProxyType({})
_KNOWN: ContextVar[Mapping[str, int]] = ContextVar("queue_places", default=_NONE)


def install(conn: sqlite3.Connection) -> None:
    """Let the statements of a connection say `queue_place(job_id)`."""
    conn.create_function("queue_place", 1, _place)


@contextmanager
def known(places: Mapping[str, int]) -> Iterator[None]:
    """Let searches find these places of jobs, on this thread, while the context lasts."""
    token = _KNOWN.set(places)
    try:
        yield
    finally:
        _KNOWN.reset(token)


def _place(job_id: str) -> int | None:
    return _KNOWN.get().get(job_id)
