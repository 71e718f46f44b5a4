"""Brings a database file to the schema that this version of Atlas knows.

A new file is made under another name and renamed when it is whole, so that an empty or half-made
file in its place is always damage and never the beginning of a new database.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from atlas_scheduler.store.faults import corrupt, too_new, translate
from atlas_scheduler.store.sql import Migration, migrations, statements
from foundations.errors import ConfigError

APPLICATION_ID = 0x41544C53
"""`PRAGMA application_id` of a database of Atlas: the letters ATLS."""
BUSY_TIMEOUT_MS = 5_000
"""How long to wait for another program that holds the file locked."""

_OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables


def prepare(
    path: Path,
    steps: Sequence[Migration] | None = None,
    *,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
) -> None:
    """Make the database when there is none; check it and upgrade it when there is one.

    Args:
        path: the database's file; its directory exists.
        steps: the migrations to know; None for those that come with Atlas.
        busy_timeout_ms: how long to wait for another program that holds the file locked.

    Raises:
        ConfigError: the SQLite library is too old.
        DatabaseCorrupt: there is a file and it is damaged or something else.
        DatabaseTooNew: a newer Atlas wrote it.
        sqlite3.Error: the disk is full, the file is locked, ….
    """
    steps = migrations() if steps is None else steps
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        raise ConfigError(
            f"This Python has SQLite {sqlite3.sqlite_version} and Atlas needs {oldest} or newer. "
            "Use a newer Python."
        )
    if not path.exists():
        _create(path, steps)
        return
    path.chmod(0o600)
    if path.stat().st_size == 0:
        raise corrupt(path, "it is empty")
    timeout_seconds = busy_timeout_ms / 1000
    with closing(sqlite3.connect(path, timeout_seconds, isolation_level=None)) as conn:
        _check(conn, path)
        _upgrade(conn, path, steps)


def migrate(conn: sqlite3.Connection, steps: Sequence[Migration] | None = None) -> None:
    """Apply the migrations that are newer than the database, all of them or none."""
    version = _pragma(conn, "PRAGMA user_version")
    conn.execute("PRAGMA foreign_keys = OFF")  # a migration may rebuild a table others refer to
    conn.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations() if steps is None else steps:
            if step.version > version:
                for statement in statements(step.script):
                    conn.execute(statement)
                assert _pragma(conn, "PRAGMA user_version") == step.version
        broken = conn.execute("PRAGMA foreign_key_check").fetchone()
        assert broken is None, f"a migration left a row without its parent: {broken}"
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def copy(path: Path, target: Path) -> None:
    """Copy a database as it is at one moment, while others read and write it.

    Raises:
        DatabaseBusy: another program holds it locked.
        DatabaseCorrupt: it is damaged.
        StorageFull: there is no space for the copy.
    """
    try:
        with closing(sqlite3.connect(path, BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as conn:
            conn.execute("PRAGMA query_only = ON")
            _back_up(conn, target)
    except sqlite3.Error as error:
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        is_full = kind in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
        raise translate(error, target if is_full else path) from None


def inspect(path: Path, *, known_as: Path | None = None) -> int:
    """Return the schema version of a database that this Atlas can use, or upgrade and use.

    Args:
        path: the database's file.
        known_as: what errors call it, where `path` is a copy of that.

    Raises:
        DatabaseCorrupt: it is damaged or something else.
        DatabaseTooNew: a newer Atlas wrote it.
    """
    known, name = migrations()[-1].version, known_as or path
    with closing(sqlite3.connect(path, BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as conn:
        _check(conn, name)
        version = _pragma(conn, "PRAGMA user_version")
    if version > known:
        raise too_new(name, version, known)
    return version


def _create(path: Path, steps: Sequence[Migration]) -> None:
    log = Path(f"{path}-wal")
    if log.exists():
        raise corrupt(path, f"it is missing, and its write-ahead log {log.name} is still there")
    unfinished = Path(f"{path}.new")
    _discard(unfinished)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as conn:
            conn.execute("PRAGMA synchronous = FULL")
            migrate(conn, steps)
    except BaseException:
        _discard(unfinished)
        raise
    _publish(unfinished, path)


def _check(conn: sqlite3.Connection, path: Path) -> None:
    try:
        found = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
        application_id = _pragma(conn, "PRAGMA application_id")
    except sqlite3.DatabaseError as error:
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        raise corrupt(path, str(error)) from error
    if found != "ok":
        raise corrupt(path, found.strip().replace("\n", "; "))
    if application_id != APPLICATION_ID:
        raise corrupt(path, "it is a database of another program")


def _upgrade(conn: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> None:
    version, known = _pragma(conn, "PRAGMA user_version"), steps[-1].version
    if version > known:
        raise too_new(path, version, known)
    if version < known:
        conn.execute("PRAGMA synchronous = FULL")
        _back_up(conn, path.with_name(f"{path.name}.backup-v{version}"))
        migrate(conn, steps)


def _back_up(conn: sqlite3.Connection, backup: Path) -> None:
    unfinished = Path(f"{backup}.new")
    _discard(unfinished)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
            conn.backup(copy)
            # A copy of a database with a write-ahead log asks for one too; one file is handier.
            copy.execute("PRAGMA journal_mode = DELETE")
    except BaseException:
        _discard(unfinished)
        raise
    _publish(unfinished, backup)


def _publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    _sync(unfinished)
    unfinished.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(database: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def _pragma(conn: sqlite3.Connection, statement: str) -> int:
    return int(conn.execute(statement).fetchone()[0])
