"""Puts a backup into a home: checked before anything is touched, and finished after a crash.

Everything is unpacked beside what is there. Then a plan of renames is made durable and carried out;
a start that finds a plan carries it out first, and doing a step twice does no harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from atlas_scheduler.operations.backup import DATABASE, END, FORMAT, MANIFEST, Manifest
from atlas_scheduler.store import meta, schema
from atlas_scheduler.store.files import (
    remove_tree,
    storage_errors,
    sync_directory,
    write_durably,
)
from atlas_scheduler.store.syncing import sync_file_system
from foundations.errors import ConfigError
from foundations.home import Home

STAGED = "restore.new"
PLAN = "restore.plan"
_TOPS = (MANIFEST, DATABASE, "config", "secrets", "bundles", "job_data", END)
_BESIDE = (f"{DATABASE}-wal", f"{DATABASE}-shm")
"""What of the database before must not be met by the new one."""


class Step(NamedTuple):
    """One thing of a home that gets another content; paths are below the home."""

    new: str | None
    """What comes in its place, if anything does."""
    name: str
    kept: str
    """Where what is there now goes."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore."""

    manifest: Manifest
    kept: Path | None
    """Where what was there before is now; None when there was nothing."""
    is_elsewhere: bool
    """Whether the backup is of another home or machine: its containers are not this one's."""


def restore(home: Home, source: Path, *, replace: bool = False) -> Restored:
    """Put a backup in place. The caller holds the home's lock.

    Args:
        home: what it is put into; its other files stay.
        source: what `back_up` wrote.
        replace: whether a database that is there is put aside.

    Raises:
        ConfigError: the home has a database already, or the file is no whole backup. Nothing of
            the home was changed.
        DatabaseCorrupt, DatabaseTooNew: the database in it cannot be used. Likewise.
    """
    if home.database.exists() and not replace:
        raise ConfigError(
            f"{home.root} has a database. To put it aside and restore the backup in its place, "
            "say --replace."
        )
    staged = home.root / STAGED
    remove_tree(staged)
    staged.mkdir(mode=0o700)
    try:
        with storage_errors():
            manifest = _unpack(source, staged)
            is_elsewhere = _settle_database(home, staged, manifest)
            if not sync_file_system(staged):
                os.sync()
        kept = _name_for_kept(home)
        plan = list(_steps(staged, kept))
        _require_one_disk(home, plan)
    except BaseException:
        remove_tree(staged)
        raise
    write_durably(home.root / PLAN, json.dumps(plan).encode())
    finish(home)
    was_there = (home.root / kept).exists()
    return Restored(manifest, home.root / kept if was_there else None, is_elsewhere)


def finish(home: Home) -> bool:
    """Carry out the plan of a restore, if there is one. The caller holds the home's lock.

    Returns:
        Whether there was one.
    """
    plan = home.root / PLAN
    try:
        steps = [Step(*step) for step in json.loads(plan.read_bytes())]
    except FileNotFoundError:
        remove_tree(home.root / STAGED)  # of a restore that was cut off before it changed anything
        return False
    for step in steps:
        _carry_out(home.root, step)
    sync_directory(home.root)
    plan.unlink()
    remove_tree(home.root / STAGED)
    return True


def _carry_out(root: Path, step: Step) -> None:
    new, name, kept = step
    if new is not None and not os.path.lexists(root / new):
        return  # done before a crash
    if os.path.lexists(root / name):
        _move(root / name, root / kept)
    if new is not None:
        _move(root / new, root / name)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.replace(target)
    sync_directory(target.parent)
    sync_directory(source.parent)


def _require_one_disk(home: Home, plan: list[Step]) -> None:
    """Refuse what renames cannot do, before the first of them."""
    device = home.root.stat().st_dev
    for step in plan:
        folder = (home.root / step.name).parent
        while not folder.exists():
            folder = folder.parent
        if folder.stat().st_dev != device:
            raise ConfigError(
                f"{folder} lies on another disk than {home.root}, so the backup cannot take its "
                "place. Put it aside, and link it again after the restore."
            )


def _steps(staged: Path, kept: str) -> Iterator[Step]:
    # The old write-ahead log goes first: the new database must never meet it.
    for name in _BESIDE:
        yield Step(None, name, f"{kept}/{name}")
    names = (DATABASE, "bundles", "job_data/archive", "secrets")
    tops = [staged / name for name in names]
    configs = sorted((staged / "config").rglob("*"))
    tops += [path for path in configs if path.is_symlink() or not path.is_dir()]
    for path in tops:
        if os.path.lexists(path):
            name = path.relative_to(staged).as_posix()
            yield Step(f"{STAGED}/{name}", name, f"{kept}/{name}")


def _name_for_kept(home: Home) -> str:
    stem = time.strftime("before-restore-%Y%m%d-%H%M%S")
    name, number = stem, 1
    while (home.root / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def _unpack(source: Path, staged: Path) -> Manifest:
    try:
        with tarfile.open(source) as tar:
            _extract(tar, staged)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = "it is no tar file" if _is_no_tar(error) else error
        raise ConfigError(f"{source} is no whole backup: {said}.") from error
    try:
        if not (staged / END).is_file():
            raise ValueError("its end is missing")
        document = json.loads((staged / MANIFEST).read_bytes())
        if document["format"] != FORMAT:
            raise ValueError(f"it has format {document['format']}, and this Atlas reads {FORMAT}")
        manifest = Manifest(**document)
        with (staged / DATABASE).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != manifest.database_sha256:
                raise ValueError("its database is damaged")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{source} is no whole backup: {error}.") from error
    return manifest


def _is_no_tar(error: Exception) -> bool:
    """Tell whether no kind of tar file begins like this; tarfile then names each that it tried."""
    return isinstance(error, tarfile.ReadError) and "could not be opened" in str(error)


def _extract(tar: tarfile.TarFile, staged: Path) -> None:
    """Unpack below an empty directory; links come last, so that nothing is written through one."""
    links: list[tuple[Path, str]] = []
    for member in tar:
        path = staged.joinpath(*_parts(member.name))
        if member.isdir():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif member.issym():
            links.append((path, member.linkname))
        elif member.isreg():
            content = tar.extractfile(member)
            assert content is not None, "a regular file has content"
            with content:
                _write(path, content, member)  # type: ignore[arg-type]  # reads bytes like a file
        else:
            raise tarfile.TarError(f"`{member.name}` is no file")
    for path, target in links:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.symlink_to(target)


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if parts[0] not in _TOPS or any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise tarfile.TarError(f"`{name}` does not belong in a backup")
    return parts


def _write(path: Path, content: BinaryIO, member: tarfile.TarInfo) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
        os.fchmod(descriptor, member.mode & 0o700 | 0o600)
    # A bundle's tree is made of links to blobs of the same time.
    os.utime(path, (member.mtime, member.mtime))


def _settle_database(home: Home, staged: Path, manifest: Manifest) -> bool:
    """Check the database, and part it from containers that are not those of this home."""
    schema.inspect(staged / DATABASE)
    is_elsewhere = (manifest.home, manifest.host) != (str(home.root), platform.node())
    if is_elsewhere:
        with closing(sqlite3.connect(staged / DATABASE)) as conn, conn:
            meta.forget_instance(conn)
    return is_elsewhere
