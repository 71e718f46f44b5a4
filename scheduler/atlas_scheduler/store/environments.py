"""Python environments that jobs share: complete under their key, or not there at all.

Each lies in a directory of its own that nothing writes to once it is there. Beside them lie the
builds under way, uv's wheels, and a link for each attempt that uses one.
"""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from atlas_scheduler.clock import now_ms
from atlas_scheduler.store.disk_bytes import bytes_on_disk
from atlas_scheduler.store.environment_notes import (
    ABOUT,
    CachedEnvironment,
    Pruned,
    complete,
    load,
)
from atlas_scheduler.store.files import (
    open_file_below,
    remove_tree,
    storage_errors,
    sync_directory,
)
from atlas_scheduler.store.reflink import copy_file
from atlas_scheduler.store.syncing import sync_file_system
from foundations.home import Home


class Environments:
    """The environments of one home. Every method blocks on the disk, from any thread."""

    def __init__(
        self,
        home: Home,
        *,
        max_bytes: int = 20 * 10**9,
        are_shared: bool = False,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """Open the environments of a home; nothing is made yet.

        Args:
            home: where they lie.
            max_bytes: what they and uv's wheels may take, apart from what jobs use.
            are_shared: whether users get what others' builds made, or each only their own.
            clock_ms: tells the time.
        """
        self.max_bytes = max_bytes
        self.are_shared = are_shared
        self._home = home
        self._top = home.environments
        self._builds = self._top / "building"
        self._in_use = self._top / "in_use"
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._trimming = threading.Lock()
        self._building: set[Path] = set()
        self._wheels_bytes: int | None = None
        """What uv keeps; None when that may have changed."""
        self.is_over = True
        """Perhaps more is there than may be, so that `trim` is of use."""

    @property
    def wheels(self) -> Path:
        """Where uv keeps what it has downloaded and built."""
        return self._top / "wheels"

    def key_for(self, key: str, user: str) -> str:
        """Name the environment that a user gets for what a key stands for."""
        if self.are_shared:
            return key
        return hashlib.sha256(f"{key} {user}".encode()).hexdigest()[: len(key)]

    def wheels_of(self, key: str, user: str) -> Path:
        """Where uv keeps what builds of a user on the same ground have downloaded and built."""
        return self.wheels / self.key_for(key, user)

    def sweep(self) -> None:
        """Remove what a crash left. Call it once, before anything is built."""
        for path in _entries(self._builds):
            remove_tree(path)
        for lease in _entries(self._in_use):
            if not self._home.job_dir(_job_of(lease)).exists():
                lease.unlink(missing_ok=True)

    # -- use

    def lease(self, key: str, *, job_id: str, attempt: int) -> Path | None:
        """Keep an environment from being removed while an attempt uses it, there or not yet.

        Returns:
            Where it is; None when it must be built.
        """
        with self._lock, storage_errors():
            self._in_use.mkdir(parents=True, exist_ok=True)
            lease = self._lease(job_id, attempt)
            with suppress(FileNotFoundError):
                lease.unlink()
            lease.symlink_to(Path("..") / key)
            return self._touch(key)

    def leased(self, *, job_id: str, attempt: int) -> Path | None:
        """Say which environment an attempt uses; None when there is none for it."""
        try:
            key = self._lease(job_id, attempt).readlink().name
        except OSError:
            return None
        return self._top / key if self._load(key) is not None else None

    def release(self, *, job_id: str, attempt: int) -> None:
        """Say that an attempt does not use its environment any more; a second time is fine."""
        with self._lock:
            lease = self._lease(job_id, attempt)
            try:
                key = lease.readlink().name
                lease.unlink()
            except OSError:
                return
            self._touch(key)

    # -- building

    def begin(self, key: str, wheels: Path | None = None) -> Path:
        """Make a directory to build an environment in, for `publish` or `discard`.

        Args:
            key: names the environment.
            wheels: where its downloads go, made too; None is where those of all go.
        """
        with storage_errors():
            (wheels or self.wheels).mkdir(parents=True, exist_ok=True)
            place = self._builds / f"{key}.{uuid.uuid4().hex[:8]}"
            (place / "environment").mkdir(parents=True)
            (place / "tmp").mkdir()
        with self._lock:
            self._building.add(place)
        return place

    def bring(self, place: Path, source: Path, files: Sequence[str]) -> None:
        """Copy what a build needs of a project to `place / "source"`: the job may go before it.

        Args:
            place: of `begin`.
            source: the project.
            files: what is needed; names of directories, which are made empty, end in `/`.
        """
        top = place / "source"
        with storage_errors():
            top.mkdir(parents=True)
            for name in files:
                target = top / name
                if name.endswith("/"):
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with (
                    os.fdopen(open_file_below(source, Path(name).parts), "rb") as original,
                    target.open("xb") as copy,
                ):
                    size_bytes = os.fstat(original.fileno()).st_size
                    copy_file(original.fileno(), copy.fileno(), size_bytes)

    def publish(self, key: str, place: Path, *, base: str, user: str = "") -> Path:
        """Let jobs have what was built for a user in `place / "environment"`.

        Raises:
            OSError: the build noted nothing that can be read, or the disk is full.

        Returns:
            Where it is from now on.
        """
        built = place / "environment"
        with storage_errors():
            owner = None if self.are_shared else user
            complete(built, base=base, user=owner, now_ms=self._clock_ms())
            if not sync_file_system(built):
                os.sync()
            with self._lock:
                if self._load(key) is None:
                    remove_tree(self._top / key)
                    built.rename(self._top / key)
                    sync_directory(self._top)
                    self._touch(key)
        self.is_over = True
        self.discard(place)
        return self._top / key

    def discard(self, place: Path) -> None:
        """Remove what a build left."""
        with self._lock:
            self._building.discard(place)
            self._wheels_bytes = None
        remove_tree(place)

    # -- size

    def ready(self) -> list[CachedEnvironment]:
        """List what is ready, the one used last first."""
        users = self._users()
        found = [self._load(path.name, users) for path in _entries(self._top)]
        ready = [one for one in found if one is not None]
        return sorted(ready, key=lambda one: one.used_at_ms, reverse=True)

    def wheels_bytes(self) -> int:
        """Add up what uv keeps."""
        return bytes_on_disk(self.wheels)

    def trim(self) -> None:
        """Bring the size under its limit: wheels first, then what was not used for longest."""
        with self._trimming:
            self._trim()

    def _trim(self) -> None:
        self.is_over = False
        ready = self.ready()
        wheels_bytes = self._wheels_bytes
        if wheels_bytes is None:
            wheels_bytes = self._wheels_bytes = self.wheels_bytes()
        ready_bytes = sum(one.size_bytes for one in ready)
        if wheels_bytes + ready_bytes > self.max_bytes:
            wheels_bytes -= self._empty_wheels(wheels_bytes)
        # Wheels that a build still needs go after it: no environment goes in their place.
        for one in reversed(ready):
            if ready_bytes <= self.max_bytes:
                break
            if self._evict(one.key):
                ready_bytes -= one.size_bytes
        self.is_over = self.is_over or wheels_bytes + ready_bytes > self.max_bytes

    def prune(self, *, unused_ms: int = 0) -> Pruned:
        """Remove what no job uses now.

        Args:
            unused_ms: only what nobody used for so long. With 0 uv's wheels go too.
        """
        with self._trimming:
            return self._prune(unused_ms)

    def _prune(self, unused_ms: int) -> Pruned:
        before_ms = self._clock_ms() - unused_ms
        ready = self.ready()
        gone = [one for one in ready if one.used_at_ms <= before_ms and self._evict(one.key)]
        freed_bytes = sum(one.size_bytes for one in gone)
        if unused_ms == 0:
            freed_bytes += self._empty_wheels(self.wheels_bytes())
        users = self._users()
        in_use = sum(one.key in users for one in ready)
        return Pruned(environments=len(gone), freed_bytes=freed_bytes, in_use=in_use)

    def _empty_wheels(self, size_bytes: int) -> int:
        """Remove uv's wheels unless a build needs them; return how much that freed (bytes)."""
        with self._lock:
            if self._building or not self.wheels.exists():
                return 0
            trash = self._to_trash(self.wheels)
            self._wheels_bytes = 0
        remove_tree(trash)
        return size_bytes

    def _evict(self, key: str) -> bool:
        """Remove an environment unless somebody uses it."""
        with self._lock:
            if key in self._users() or not (self._top / key).exists():
                return False
            trash = self._to_trash(self._top / key)
        remove_tree(trash)
        return True

    def _to_trash(self, path: Path) -> Path:
        self._builds.mkdir(parents=True, exist_ok=True)
        trash = self._builds / f"gone.{uuid.uuid4().hex}"
        path.rename(trash)
        return trash

    # -- what is there

    def _users(self) -> dict[str, list[str]]:
        """Name the jobs that use each environment."""
        users: dict[str, list[str]] = {}
        for lease in _entries(self._in_use):
            with suppress(OSError):
                users.setdefault(lease.readlink().name, []).append(_job_of(lease))
        return users

    def _load(
        self, key: str, users: Mapping[str, Sequence[str]] | None = None
    ) -> CachedEnvironment | None:
        return load(self._top / key, job_ids=(users or {}).get(key, ()))

    def _touch(self, key: str) -> Path | None:
        """Note a use; None when there is no such environment."""
        if self._load(key) is None:
            return None
        now_ns = self._clock_ms() * 1_000_000
        with suppress(OSError):
            os.utime(self._top / key / ABOUT, ns=(now_ns, now_ns))
        return self._top / key

    def _lease(self, job_id: str, attempt: int) -> Path:
        return self._in_use / f"{job_id}-{attempt}"


def _job_of(lease: Path) -> str:
    return lease.name.rpartition("-")[0]


def _entries(directory: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from sorted(directory.iterdir())
