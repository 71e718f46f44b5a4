"""Runs functions on a connection: a read on one snapshot, writes that share one commit."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""What runs on a connection: reads and writes rows, and neither begins nor ends a transaction."""

_STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's virtual machine: a fraction of a millisecond


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A write returned, and is durable."""

    value: T


@dataclass(frozen=True, slots=True)
class Undone:
    """A write raised, or the commit did: nothing of it is in the database."""

    error: Exception


class _Lost(Exception):
    """SQLite rolled the whole transaction back by itself, as it does when the disk is full."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


def read_once(work: Work[T], abandoned: threading.Event, conn: sqlite3.Connection) -> T:
    """Run `work` on one snapshot of the database.

    Setting `abandoned` ends the query that runs then, and every later one of this `work`.
    """
    conn.execute("BEGIN")
    conn.set_progress_handler(abandoned.is_set, _STEPS_BETWEEN_LOOKS)
    try:
        return work(conn)
    except StopIteration as error:
        raise _as_error(error) from error
    finally:
        conn.set_progress_handler(None, 0)
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def write_all(works: Sequence[Work[Any]], conn: sqlite3.Connection) -> list[Done[Any] | Undone]:
    """Run all functions in one transaction, from the second on each in a savepoint of its own.

    In a savepoint SQLite takes for each statement the longer the more were before it: a function
    that writes thousands of rows should be the first.

    Returns:
        What became of each, in order. When the transaction as a whole fails, every one of them is
        `Undone` with the error of the transaction.
    """
    first, *others = works
    try:
        conn.execute("BEGIN IMMEDIATE")
        outcomes = [_write_first(conn, first)]
        if others and not conn.in_transaction:
            conn.execute("BEGIN IMMEDIATE")
        outcomes += [_write_one(conn, work) for work in others]
        if conn.in_transaction:
            conn.execute("COMMIT")
    except _Lost as lost:
        return [Undone(lost.cause) for _ in works]
    except sqlite3.Error as error:
        return [Undone(error) for _ in works]
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
    return outcomes


def _write_first(conn: sqlite3.Connection, work: Work[T]) -> Done[T] | Undone:
    """Nothing was written before it, so a failure ends the transaction."""
    try:
        return Done(work(conn))
    except Exception as error:  # whatever it is, it belongs to the caller of this write alone
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        return Undone(_as_error(error))


def _write_one(conn: sqlite3.Connection, work: Work[T]) -> Done[T] | Undone:
    conn.execute("SAVEPOINT one_write")
    outcome: Done[T] | Undone
    try:
        outcome = Done(work(conn))
    except Exception as error:  # whatever it is, it belongs to the caller of this write alone
        if not conn.in_transaction:
            raise _Lost(error) from error
        conn.execute("ROLLBACK TO one_write")
        outcome = Undone(_as_error(error))
    conn.execute("RELEASE one_write")
    return outcome


def _as_error(error: Exception) -> Exception:
    """A future cannot carry StopIteration."""
    if not isinstance(error, StopIteration):
        return error
    replaced = RuntimeError("the function raised StopIteration")
    replaced.__cause__ = error
    return replaced
