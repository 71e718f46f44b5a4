"""A job's directory for a further attempt: files as submitted, records and artifacts kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from atlas_scheduler.store.archives import EVENTS
from atlas_scheduler.store.files import (
    make_readable,
    open_directory,
    remove_tree,
    storage_errors,
    write_all,
)
from atlas_scheduler.store.work_dirs import (
    ARTIFACTS,
    RECORDS,
    mark_of,
    remove_work_dir,
    renewed_dir,
)

KEPT = (RECORDS, ARTIFACTS)
"""What earlier attempts leave to later ones."""


def renew_work_dir(
    job_dir: Path,
    *,
    attempt: int,
    records_offset: int,
    boot_id: str,
    make: Callable[[Path], None],
) -> None:
    """Give an attempt a work dir like the first one's, with the records and artifacts so far.

    May be repeated, also after a crash at any moment: one that is ready for this attempt is left
    as it is, because the job may be running in it.

    Args:
        job_dir: the job's directory, as an earlier attempt left it.
        attempt: which attempt it is for; nothing of an earlier one runs any more.
        records_offset: up to where (bytes) the job's event file is taken in.
        boot_id: the current boot.
        make: makes a directory as for a first attempt.

    Raises:
        OSError: something in it belongs to another user.
        StorageFull: there is no space for the copy.
    """
    mark, ready = mark_of(job_dir), f"{boot_id} {attempt}"
    if job_dir.is_dir() and mark.is_file() and mark.read_text() == ready:
        return
    fresh = renewed_dir(job_dir)
    remove_work_dir(fresh)
    make(fresh)
    with storage_errors():
        mark.unlink(missing_ok=True)
        job_dir.mkdir(mode=0o700, exist_ok=True)
        _replace(job_dir, fresh)
        _go_on_with_records(job_dir, records_offset)
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(ready)
        remove_work_dir(fresh)


def _replace(job_dir: Path, fresh: Path) -> None:
    """Put everything fresh in the place of what is there, except for what is kept."""
    os.close(open_directory(job_dir))
    with os.scandir(job_dir) as found:
        old = [one.name for one in found if one.name not in KEPT or not _is_directory(one)]
    for name in old:
        remove_tree(job_dir / name)
    for part in fresh.iterdir():
        if not (job_dir / part.name).is_dir():
            part.rename(job_dir / part.name)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _go_on_with_records(job_dir: Path, offset: int) -> None:
    """Let records be appended to a file that ends with a whole line, behind what is taken in."""
    records = open_directory(job_dir / RECORDS)
    try:
        _drop_what_is_no_file(job_dir / RECORDS / EVENTS, records)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        events = os.open(EVENTS, flags, 0o644, dir_fd=records)
        try:
            size_bytes = os.fstat(events).st_size
            if size_bytes < offset:
                os.ftruncate(events, offset)  # a power cut took what the database has
            elif size_bytes and os.pread(events, 1, size_bytes - 1) != b"\n":
                os.lseek(events, 0, os.SEEK_END)
                write_all(events, b"\n")
        finally:
            os.close(events)
    finally:
        os.close(records)


def _drop_what_is_no_file(path: Path, records: int) -> None:
    try:
        mode = os.stat(EVENTS, dir_fd=records, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        make_readable(EVENTS, inside=records)
    else:
        remove_tree(path)
