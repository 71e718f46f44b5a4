"""What can be wrong with the database file, in words for the user."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
from pathlib import Path

from foundations.errors import AtlasError, SchedulerError, StorageFull

_NEARLY_FULL_BYTES = 1 << 20


class DatabaseCorrupt(AtlasError):
    """The file is damaged, or is no database of Atlas. It is left as it is."""

    code = "database_corrupt"


class DatabaseTooNew(AtlasError):
    """A newer Atlas wrote the file."""

    code = "database_too_new"


class DatabaseClosed(RuntimeError):
    """Somebody asks for something when the server has ended but for its process."""


class DatabaseBusy(SchedulerError):
    """Another program holds the file locked."""

    code = "database_busy"
    status = 503


def corrupt(path: Path, problem: str) -> DatabaseCorrupt:
    """Say that the database is damaged, and how to go on from there."""
    backups = list(path.parent.glob(f"{path.name}.backup-v*[0-9]"))
    newest = max(backups, key=lambda backup: (len(backup.name), backup.name), default=None)
    name = shlex.quote(str(path))
    if newest is not None:
        way_out = f"restore the newest backup: cp {shlex.quote(str(newest))} {name}"
    else:
        way_out = f'save what can be read: sqlite3 MOVED_FILE ".recover" | sqlite3 {name}'
    home = shlex.quote(str(path.parent))
    return DatabaseCorrupt(
        f"The database {path} cannot be used: {problem}. It was left as it is. With a file of "
        "`atlas-server backup`, restore that; it keeps the damaged one aside: "
        f"atlas-server restore --replace --home {home} FILE. Otherwise move it and the files "
        f"{path.name}-wal and {path.name}-shm beside it to another directory; then {way_out}"
    )


def too_new(path: Path, version: int, known: int) -> DatabaseTooNew:
    """Say that this Atlas is too old for the database."""
    return DatabaseTooNew(
        f"The database {path} has schema version {version}, and this Atlas knows versions up to "
        f"{known}. It was left as it is. Install the Atlas that wrote it, or a newer one."
    )


def translate(error: Exception, path: Path) -> Exception:
    """Turn an error of SQLite that the user can act on into one that says so.

    Args:
        error: what a function on a connection raised; anything else is returned as it is.
        path: the database's file.
    """
    if not isinstance(error, sqlite3.Error):
        return error
    translated = _by_code(error, path)
    if translated is None:
        return error
    translated.__cause__ = error
    return translated


def _by_code(error: sqlite3.Error, path: Path) -> AtlasError | None:
    # The low byte is the kind; the rest says where in SQLite it came up.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return _full(path)
        case sqlite3.SQLITE_IOERR if shutil.disk_usage(path.parent).free < _NEARLY_FULL_BYTES:
            return _full(path)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseBusy(
                f"Another program has locked the database {path}. Nothing was changed; try again "
                "when it has finished."
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return corrupt(path, str(error))
    return None


def _full(path: Path) -> StorageFull:
    mount = next(folder for folder in path.absolute().parents if folder.is_mount())
    return StorageFull(
        f"No space is left on the file system {mount} for the database {path}. Nothing was "
        "changed; jobs and logs can still be read. Free some space and try again."
    )
