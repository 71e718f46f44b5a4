"""Copies what a server must not lose into one file, while the server runs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import stat
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

import foundations
from atlas_scheduler.store import schema
from atlas_scheduler.store.bundles import INCOMING
from atlas_scheduler.store.files import storage_errors, sync_directory
from atlas_scheduler.store.listed_bundles import BLOBS
from foundations.errors import ConfigError
from foundations.home import Home

FORMAT = 1
MANIFEST = "manifest.json"
"""First in a backup: what it is of."""
END = "end.json"
"""Last in a backup: without it the file was cut off."""
DATABASE = "scheduler.db"
OPEN_CONFIGS = ("server.yaml", "tui.yaml")
"""Files below `config` that hold no secret; all others may."""
_COMPRESSED = (".gz", ".tgz")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    atlas: str
    """The version that wrote it."""
    schema: int
    """Version of the database in it."""
    database_sha256: str
    home: str
    host: str
    created_at_seconds: int
    with_files: bool
    with_secrets: bool


@dataclass(slots=True)
class BackedUp:
    """What came of a backup."""

    size_bytes: int = 0
    files: int = 0
    skipped: int = 0
    """Files that went, or became shorter, while they were copied: of jobs deleted meanwhile."""


def back_up(
    home: Home, target: Path, *, with_files: bool = False, with_secrets: bool = False
) -> BackedUp:
    """Write a backup of a home; its server may run and write meanwhile.

    The database is one moment of it; files are copied after that, so those that it names are there.

    Args:
        home: what is backed up.
        target: the file; compressed where its name ends in `.gz` or `.tgz`.
        with_files: also bundles and archives, which may be large.
        with_secrets: also secrets of jobs, scheduler configs and whatever else lies below `config`.

    Raises:
        ConfigError: there is nothing to back up, or the target is there already.
        DatabaseCorrupt: the database is damaged.
        StorageFull: there is no space for it.
    """
    if not home.database.exists():
        raise ConfigError(f"{home.root} has no database: there is nothing to back up.")
    if target.exists():
        raise ConfigError(f"{target} is there already. Give another name.")
    part = target.with_name(f"{target.name}.part")
    snapshot = target.with_name(f"{target.name}.db.part")
    try:
        with storage_errors(), _created(part) as file:
            manifest = _snapshot(home, snapshot, with_files=with_files, with_secrets=with_secrets)
            done = _write(home, snapshot, manifest, file, compressed=_is_compressed(target))
        part.replace(target)
        sync_directory(target.absolute().parent)
    finally:
        for left in (part, snapshot):
            left.unlink(missing_ok=True)
    done.size_bytes = target.stat().st_size
    return done


def _is_compressed(target: Path) -> bool:
    return target.name.endswith(_COMPRESSED)


@contextmanager
def _created(part: Path) -> Iterator[BinaryIO]:
    """A file that only its owner can read, whole on the disk at the end."""
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _snapshot(home: Home, snapshot: Path, *, with_files: bool, with_secrets: bool) -> Manifest:
    schema.copy(home.database, snapshot)
    with snapshot.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Manifest(
        format=FORMAT,
        atlas=foundations.__version__,
        schema=schema.inspect(snapshot, known_as=home.database),
        database_sha256=digest,
        home=str(home.root),
        host=platform.node(),
        created_at_seconds=int(time.time()),
        with_files=with_files,
        with_secrets=with_secrets,
    )


def _write(
    home: Home, snapshot: Path, manifest: Manifest, file: BinaryIO, *, compressed: bool
) -> BackedUp:
    done = BackedUp()
    with _packed(file, compressed=compressed) as out, tarfile.open(fileobj=out, mode="w") as tar:
        _add_text(tar, MANIFEST, asdict(manifest))
        _add(tar, snapshot, DATABASE, done)
        for path in _configs(home, all_of_them=manifest.with_secrets):
            _add(tar, path, path.relative_to(home.root).as_posix(), done)
        if manifest.with_files:
            for path in _files(home):
                _add(tar, path, path.relative_to(home.root).as_posix(), done)
        _add_text(tar, END, {"files": done.files})
    return done


@contextmanager
def _packed(file: BinaryIO, *, compressed: bool) -> Iterator[IO[bytes]]:
    if not compressed:
        yield file
        return
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as packed:
        yield cast("IO[bytes]", packed)


def _configs(home: Home, *, all_of_them: bool) -> Iterator[Path]:
    config = home.server_config.parent
    if all_of_them:
        yield from _below(config)
        yield from _below(home.secrets)
        return
    yield from (path for name in OPEN_CONFIGS if (path := config / name).is_file())


def _files(home: Home) -> Iterator[Path]:
    """Bundles as they came, and archives; trees of bundles are made again where they are needed."""
    with suppress(FileNotFoundError):
        for path in sorted(home.bundles.iterdir()):
            if path.name == BLOBS:
                yield from _below(path)
            elif path.name != INCOMING and not path.is_dir():
                yield path
    yield from _below(home.archives)


def _below(top: Path) -> Iterator[Path]:
    """Every directory, file and link below, each before what is in it."""
    for directory, directories, files in os.walk(top):
        directories.sort()
        links = [name for name in directories if Path(directory, name).is_symlink()]
        yield Path(directory)
        yield from (Path(directory, name) for name in sorted([*files, *links]))


def _add(tar: tarfile.TarFile, path: Path, name: str, done: BackedUp) -> None:
    try:
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            return
        info = tar.gettarinfo(path, name)
        if not stat.S_ISREG(mode):
            tar.addfile(info)
            return
        info.type, info.linkname = tarfile.REGTYPE, ""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        done.skipped += 1
        return
    with os.fdopen(descriptor, "rb") as file:
        info.size = os.fstat(file.fileno()).st_size
        content = _Exactly(file)
        tar.addfile(info, content)
    done.files += 1
    done.skipped += content.is_short


def _add_text(tar: tarfile.TarFile, name: str, document: object) -> None:
    data = json.dumps(document, indent=1).encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


class _Exactly(io.RawIOBase):
    """Gives as many bytes as it is asked for, also of a file that became shorter."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.is_short = False

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            self.is_short = True
            data += bytes(size - len(data))
        return data
