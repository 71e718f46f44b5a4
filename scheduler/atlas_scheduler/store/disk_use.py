"""What the scheduler's home takes on the disk, by kind and by project."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from atlas_scheduler.store import sql
from atlas_scheduler.store.disk_bytes import bytes_on_disk
from atlas_scheduler.store.listed_bundles import BLOBS, LISTING_SUFFIX
from foundations.home import Home
from foundations.models import ProjectDisk

_SQL = sql.queries("disk_use")
PAGE = 10_000
"""Jobs that are read at once, so that other readers are not kept waiting."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A job, and what belongs to it on the disk."""

    number: int
    job_id: str
    project: str
    bundle: str
    is_archived: bool
    """Its archive changes no more."""


def holders(conn: sqlite3.Connection, *, after: int) -> list[Holder]:
    """Up to `PAGE` jobs with a number above `after`, by number."""
    return [
        Holder(row["job_number"], row["job_id"], row["project"], row["bundle"], row["archived"])
        for row in conn.execute(_SQL["holders"], {"after": after, "limit": PAGE})
    ]


@dataclass(slots=True)
class DiskUse:
    """Bytes on the disk."""

    archives_bytes: int = 0
    bundles_bytes: int = 0
    work_dirs_bytes: int = 0
    environments_bytes: int = 0
    database_bytes: int = 0
    projects: list[ProjectDisk] = field(default_factory=list)
    complete: bool = True


class _NoTimeLeft(Exception):
    """The rest is not looked at."""


class DiskSurvey:
    """Adds up files; remembers what changes no more. Use it from one thread at a time."""

    def __init__(self, home: Home, *, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock_seconds = clock_seconds
        self._archives: dict[str, int] = {}
        self._bundles: dict[str, tuple[int, int]] = {}
        self._end = 0.0
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make a survey that is under way end soon, from any thread."""
        self._stopped.set()

    def measure(self, jobs: Collection[Holder], *, seconds: float) -> DiskUse:
        """Add everything up. Blocks.

        Args:
            jobs: every job there is.
            seconds: how long it may take; what was not reached is missing, and `complete` is false.
        """
        self._end = self._clock_seconds() + seconds
        self._forget_all_but(jobs)
        use = DiskUse()
        bundles: dict[str, int] = {}
        archives: dict[str, int] = {}
        try:
            use.database_bytes = self._database_bytes()
            for digest in dict.fromkeys(one.bundle for one in jobs):
                bundles[digest] = self._bundle_bytes(digest)
            use.bundles_bytes = self._bytes_below(self._home.bundles / BLOBS)
            use.environments_bytes = self._bytes_below(self._home.environments)
            use.work_dirs_bytes = self._bytes_below(self._home.job_dirs)
            for one in jobs:
                archives[one.job_id] = self._archive_bytes(one)
        except _NoTimeLeft:
            use.complete = False
        use.archives_bytes = sum(archives.values())
        # What came file by file consists of links to blobs, which count once.
        use.bundles_bytes += sum(
            size for digest, size in bundles.items() if not self._listing(digest).exists()
        )
        use.projects = _by_project(jobs, archives, bundles)
        return use

    def _forget_all_but(self, jobs: Iterable[Holder]) -> None:
        ids = {one.job_id for one in jobs}
        digests = {one.bundle for one in jobs}
        self._archives = {key: size for key, size in self._archives.items() if key in ids}
        self._bundles = {key: size for key, size in self._bundles.items() if key in digests}

    def _database_bytes(self) -> int:
        database = self._home.database
        return sum(bytes_on_disk(Path(f"{database}{end}")) for end in ("", "-wal", "-shm"))

    def _bundle_bytes(self, digest: str) -> int:
        """The packed bundle and its unpacked tree; the tree comes and goes as a whole."""
        name = digest.removeprefix("sha256:")
        directory = self._home.bundles / name
        try:
            changed_ns = directory.stat().st_mtime_ns
        except OSError:
            changed_ns = 0
        known = self._bundles.get(digest)
        if known is not None and known[0] == changed_ns:
            return known[1]
        size = self._bytes_below(directory) + bytes_on_disk(directory.with_name(f"{name}.tar.gz"))
        self._bundles[digest] = (changed_ns, size)
        return size

    def _listing(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._home.bundles / f"{name}{LISTING_SUFFIX}"

    def _archive_bytes(self, job: Holder) -> int:
        known = self._archives.get(job.job_id)
        if known is not None:
            return known
        size = self._bytes_below(self._home.archive(job.job_id))
        if job.is_archived:
            self._archives[job.job_id] = size
        return size

    def _bytes_below(self, directory: Path) -> int:
        # What a link leads to is not of this home.
        if directory.is_symlink():
            return 0
        return bytes_on_disk(directory, before_each=self._check_time)

    def _check_time(self) -> None:
        if self._stopped.is_set() or self._clock_seconds() > self._end:
            raise _NoTimeLeft


def _by_project(
    jobs: Iterable[Holder], archives: dict[str, int], bundles: dict[str, int]
) -> list[ProjectDisk]:
    """Add up by project, the largest first."""
    by_name: dict[str, list[Holder]] = {}
    for one in jobs:
        by_name.setdefault(one.project, []).append(one)
    found = [
        ProjectDisk(
            name=name,
            jobs=len(members),
            archive_bytes=sum(archives.get(one.job_id, 0) for one in members),
            bundle_bytes=sum(bundles.get(digest, 0) for digest in {one.bundle for one in members}),
        )
        for name, members in by_name.items()
    ]
    return sorted(found, key=lambda one: (-(one.archive_bytes + one.bundle_bytes), one.name))
