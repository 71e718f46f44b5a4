"""The files of a job one by one, by their names in its archive; of running jobs too."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from atlas_scheduler.store.archive_stream import escaped, unescaped
from atlas_scheduler.store.archives import CHANGED, EVENTS, FILES, open_regular
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.files import open_directory
from atlas_scheduler.store.harvest import NOT_KEPT, Unchanged
from atlas_scheduler.store.tree_walk import Found, walk
from atlas_scheduler.store.unpacked import Unpacked
from atlas_scheduler.store.work_dirs import ARTIFACTS, RECORDS, SOURCE, made_ns
from foundations.bundles.unpack import Manifest
from foundations.errors import BundleRejected, NotFound
from foundations.home import Home
from foundations.models import FileView

MOST_FILES = 20_000
"""Files that are listed of one job; the others are counted."""
BUNDLE = "source"
"""Where an archive has the directory as it was submitted."""
_Kind = Literal["changed", "artifact"]


class KeptFiles:
    """Lists and opens the files of jobs, and follows no link. Everything here blocks."""

    def __init__(self, home: Home, bundles: Bundles) -> None:
        """Read from a home."""
        self._home = home
        self._bundles = bundles

    def list(self, job_id: str, digest: str | None) -> tuple[list[FileView], int]:
        """List the files of a job by their names in its archive.

        Args:
            job_id: the job.
            digest: its bundle; where it is gone, or None as of a local run, its files are not
                listed.

        Returns:
            The files, those as submitted first, and how many more there are.
        """
        found: dict[str, FileView] = {}
        left_out = 0
        for one in self._every(job_id, digest):
            if len(found) < MOST_FILES:
                found.setdefault(one.path, one)
            else:
                left_out += one.path not in found
        return list(found.values()), left_out

    def open(self, job_id: str, digest: str | None, path: str) -> BinaryIO:
        """Open a file by the name that `list` gives it.

        Raises:
            NotFound: there is no such regular file.
        """
        parts = unescaped(path).split("/")
        if not any(part in ("", ".", "..") or "\0" in part for part in parts):
            for top, below in self._places(job_id, digest, parts):
                file = open_regular(top, below)
                if file is not None:
                    return file
        raise NotFound(f"Job {job_id} has no file {path!r}.")

    def _places(
        self, job_id: str, digest: str | None, parts: Sequence[str]
    ) -> Iterator[tuple[Path, Sequence[str]]]:
        """Where a file may lie, the most current place first."""
        job_dir, archive = self._home.job_dir(job_id), self._home.archive(job_id)
        top, *below = parts
        if top == BUNDLE and below:
            yield self._unpacked(digest).tree, below
        elif top == CHANGED and below:
            yield job_dir, (SOURCE, *below)
            yield archive, parts
        elif top == ARTIFACTS and below:
            yield job_dir, parts
            yield archive, parts
        elif not below and top in FILES:
            if top == EVENTS:
                yield job_dir, (RECORDS, EVENTS)
            yield archive, parts

    def _every(self, job_id: str, digest: str | None) -> Iterator[FileView]:
        job_dir, archive = self._home.job_dir(job_id), self._home.archive(job_id)
        unpacked = self._unpacked(digest)
        for path, (size_bytes, _, _) in sorted(unpacked.manifest.files.items()):
            yield _view(f"{BUNDLE}/{path}", "source", size_bytes)
        unchanged = Unchanged(unpacked.manifest, unpacked.tree, made_ns=made_ns(job_dir))
        yield from _below(
            job_dir / SOURCE, CHANGED, "changed", wanted=lambda one: not _is_kept(unchanged, one)
        )
        yield from _below(archive / CHANGED, CHANGED, "changed")
        for place in (job_dir, archive):
            yield from _below(place / ARTIFACTS, ARTIFACTS, "artifact")
        for name in FILES:
            for top, below in self._places(job_id, digest, (name,)):
                file = open_regular(top, below)
                if file is not None:
                    with file:
                        yield _view(name, "record", os.fstat(file.fileno()).st_size)
                    break

    def _unpacked(self, digest: str | None) -> Unpacked:
        with contextlib.suppress(NotFound, BundleRejected):
            if digest is not None:
                return self._bundles.unpacked(digest)
        return Unpacked(self._home.bundles / "gone", Manifest(files={}, directories=[], links={}))


def _is_kept(unchanged: Unchanged, found: Found) -> bool:
    try:
        return unchanged.has(found)
    except OSError:  # the job has removed it meanwhile, or took its rights away
        return False


def _below(
    directory: Path, name: str, kind: _Kind, *, wanted: Callable[[Found], bool] = lambda found: True
) -> Iterator[FileView]:
    """The regular files in a directory, which may be missing or be anything else."""
    try:
        top = open_directory(directory)
    except OSError:
        return
    try:
        for found in walk(top, leave_out=NOT_KEPT):
            if stat.S_ISREG(found.status.st_mode) and wanted(found):
                yield _view(f"{name}/{found.path}", kind, found.status.st_size)
    finally:
        os.close(top)


def _view(path: str, kind: Literal["source", "record"] | _Kind, size_bytes: int) -> FileView:
    return FileView(path=escaped(path), kind=kind, size_bytes=size_bytes)
