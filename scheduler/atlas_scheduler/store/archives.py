"""What is kept of a job: what it changed, its artifacts, records and output."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pydantic import JsonValue

import foundations
from atlas_scheduler.store.archive_stream import ArchiveStream
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.event_lines import LOGDIR_TOPS
from atlas_scheduler.store.files import (
    copy_content,
    open_directory,
    open_directory_below,
    open_file_below,
    remove_tree,
    storage_errors,
    write_durably,
)
from atlas_scheduler.store.harvest import NOT_KEPT, Harvest, Unchanged, listing
from atlas_scheduler.store.unpacked import Unpacked
from atlas_scheduler.store.work_dirs import ARTIFACTS, RECORDS, SOURCE, made_ns, remove_work_dir
from foundations.bundles.unpack import Manifest
from foundations.errors import BundleRejected, NotFound, ServerFault
from foundations.home import Home
from foundations.provenance import Provenance

CHANGED = "changed"
EVENTS = "events.jsonl"
JOB = "job.json"
LOG = "job.log"
LOG_TIMES = f"{LOG}.times"
"""When the log was written (`atlas_scheduler.core.time_index`)."""
PROVENANCE = "provenance.json"
PATCH = "source.patch"
"""What was changed since the commit that the job was submitted from; only if something was."""
SUMMARY = "archive.json"
"""Written last: where it is, the archive is complete."""

FILES = (LOG, LOG_TIMES, EVENTS, JOB, PROVENANCE, PATCH, SUMMARY)
"""What lies in an archive beside its directories."""


class Archives:
    """The archives of one home. Everything here blocks on the disk."""

    def __init__(self, home: Home, bundles: Bundles | None = None) -> None:
        """Open the archives of a home; give it the bundles where they are open already."""
        self._home = home
        self._bundles = bundles or Bundles(home)

    def is_complete(self, job_id: str) -> bool:
        """Say whether a job's archive is finished."""
        return (self._home.archive(job_id) / SUMMARY).exists()

    def finish(
        self,
        job_id: str,
        digest: str | None,
        job_json: Mapping[str, JsonValue],
        provenance: Provenance | None = None,
    ) -> None:
        """Keep what a finished job left, and remove its directory.

        May be repeated after a crash or an error at any moment. Nothing that the job did to its
        directory makes it fail: what cannot be kept is named in `archive.json` under `skipped`.

        Args:
            job_id: the job; nothing of it runs any more.
            digest: its bundle; None for a local run.
            job_json: written to `job.json`.
            provenance: written to `provenance.json`, and its diff to `source.patch`.

        Raises:
            StorageFull: there is no space; call again later.
        """
        archive = self._home.archive(job_id)
        with storage_errors():
            if not (archive / SUMMARY).exists():
                archive.mkdir(parents=True, exist_ok=True)
                write_durably(archive / JOB, _json(job_json))
                if provenance is not None:
                    _keep_provenance(archive, provenance)
                summary = self._collect(self._home.job_dir(job_id), archive, digest)
                write_durably(archive / SUMMARY, _json(summary))
            # Files of another user, made by an image that insists on its own: they stay until
            # `remove` says so to somebody.
            with contextlib.suppress(OSError):
                remove_work_dir(self._home.job_dir(job_id))

    def tag(self, job_id: str) -> str | None:
        """Name the bytes of a finished archive's stream; None while they may still change."""
        archive = self._home.archive(job_id)
        try:
            known = [_known(archive / name) for name in FILES] if self.is_complete(job_id) else None
        except OSError:
            return None
        if known is None:
            return None
        digest = hashlib.sha256(repr((foundations.__version__, known)).encode()).hexdigest()
        return f'"{digest[:32]}"'

    def stream(self, job_id: str, digest: str | None) -> Generator[bytes, None, None]:
        """Return an archive as a tar.gz with one top directory, named by the job.

        In it lie the bundle as `source/`, unless it is None as of a local run, then what the
        archive has. Names that are not portable are written with `%XX` in place of the bytes in
        question.

        Raises:
            NotFound: there is no archive, or its bundle is gone.
        """
        archive = self._home.archive(job_id)
        if not archive.is_dir():
            raise NotFound(f"Job {job_id} has no archive.")
        stream = ArchiveStream(
            job_id,
            directories=(
                *self._source(digest),
                (CHANGED, partial(open_directory, archive / CHANGED)),
                (ARTIFACTS, partial(open_directory, archive / ARTIFACTS)),
            ),
            files=[(name, archive / name) for name in FILES],
        )
        return stream.pieces()

    def stream_logdir(
        self, job_id: str, path: str, *, since_seconds: int
    ) -> Generator[bytes, None, None]:
        """Return a directory of TensorBoard logs, of a running job too, as a tar.gz.

        It lies in it as `<job_id>/logs`, or is missing where the job has not made it.

        Args:
            job_id: the job.
            path: the directory, below the job's own one while it ran.
            since_seconds: leave out files that changed before (seconds since 1970).

        Raises:
            NotFound: logs cannot lie there.
        """
        parts = path.split("/")
        if parts[0] not in LOGDIR_TOPS or any(
            part in ("", ".", "..") or "\0" in part for part in parts
        ):
            raise NotFound(f"Job {job_id} keeps no logs at {path!r}.")
        stream = ArchiveStream(
            job_id,
            directories=[("logs", partial(self._open_kept, job_id, parts))],
            since_seconds=since_seconds,
        )
        return stream.pieces()

    def _open_kept(self, job_id: str, parts: Sequence[str]) -> int:
        """Open a directory that a job made, wherever it lies by now."""
        kept = (CHANGED if parts[0] == SOURCE else ARTIFACTS, *parts[1:])
        places = [(self._home.job_dir(job_id), parts), (self._home.archive(job_id), kept)]
        for top, names in reversed(places) if self.is_complete(job_id) else places:
            with contextlib.suppress(OSError):
                return open_directory_below(top, names)
        raise FileNotFoundError(parts[-1])

    def _source(self, digest: str | None) -> Iterator[tuple[str, Callable[[], int]]]:
        if digest is not None:
            yield "source", partial(open_directory, self._bundles.tree(digest))

    def open_artifact(self, job_id: str, path: str) -> BinaryIO:
        """Open one of a job's artifacts, of a running job too, following no link.

        Args:
            job_id: the job.
            path: below its `artifacts/`, parts joined with `/`.

        Raises:
            NotFound: there is no such regular file.
        """
        parts = path.split("/")
        if not any(part in ("", ".", "..") or "\0" in part for part in parts):
            for place in (self._home.job_dir(job_id), self._home.archive(job_id)):
                file = open_regular(place, (ARTIFACTS, *parts))
                if file is not None:
                    return file
        raise NotFound(f"Job {job_id} has no artifact file {path!r}.")

    def remove(self, job_id: str) -> None:
        """Remove a job's archive and directory, whatever the job made of them.

        Raises:
            ServerFault: something belongs to another user; all the rest is removed.
        """
        try:
            try:
                remove_work_dir(self._home.job_dir(job_id))
            finally:
                remove_tree(self._home.archive(job_id))
        except OSError as error:
            raise ServerFault(
                f"Not all files of job {job_id} can be removed: {error}. An image that runs as "
                "another user may have made them."
            ) from error

    def _collect(self, job_dir: Path, archive: Path, digest: str | None) -> dict[str, JsonValue]:
        """Move everything worth keeping; return the summary."""
        unpacked = self._unpacked(digest)
        unchanged = Unchanged(unpacked.manifest, unpacked.tree, made_ns=made_ns(job_dir))
        source = Harvest(
            archive / CHANGED,
            keep=lambda found: not unchanged.has(found),
            known_directories=unpacked.manifest.directories,
        )
        source.run(job_dir, SOURCE)
        artifacts = Harvest(archive / ARTIFACTS, keep=lambda found: True)
        artifacts.run(job_dir, ARTIFACTS)
        _keep_events(job_dir, archive)
        changed, links = listing(archive / CHANGED)
        still_there = {*changed, *links, *source.passed_over, *source.left_behind}
        skipped = dict(source.left_behind)
        skipped.update((f"{ARTIFACTS}/{path}", why) for path, why in artifacts.left_behind.items())
        has_run = still_there or job_dir.exists()
        return {
            "changed": list(changed),
            "deleted": list(_deleted(unpacked.manifest, still_there)) if has_run else [],
            "links": dict(links),
            "skipped": dict(skipped),
            "bundle": digest,
            "finished_at": datetime.now(UTC).isoformat(),
        }

    def _unpacked(self, digest: str | None) -> Unpacked:
        """Return the bundle to compare with: an empty one where it is gone, to lose nothing."""
        with contextlib.suppress(NotFound, BundleRejected):
            if digest is not None:
                return self._bundles.unpacked(digest)
        return Unpacked(self._home.bundles, Manifest(files={}, directories=[], links={}))


def _known(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def _deleted(manifest: Manifest, still_there: Set[str]) -> Iterator[str]:
    for path in manifest.files:
        if path not in still_there and NOT_KEPT.isdisjoint(path.split("/")):
            yield path


def _keep_provenance(archive: Path, provenance: Provenance) -> None:
    origin = provenance.origin
    git = None if origin is None else origin.git
    if git is not None and git.diff:
        write_durably(archive / PATCH, git.diff.encode())
    document = provenance.model_dump(mode="json", exclude={"origin": {"git": {"diff"}}})
    write_durably(archive / PROVENANCE, _json(document))


def _keep_events(job_dir: Path, archive: Path) -> None:
    """Copy the records, where the job left a regular file of them."""
    file = open_regular(job_dir, (RECORDS, EVENTS))
    if file is None:
        return
    part = archive / f"{EVENTS}.part"
    with file, part.open("wb") as copy:
        copy_content(file.fileno(), copy.fileno(), os.fstat(file.fileno()).st_size)
    part.rename(archive / EVENTS)


def open_regular(top: Path, parts: Sequence[str]) -> BinaryIO | None:
    """Open a regular file below a directory, following no link; None when there is none."""
    try:
        descriptor = open_file_below(top, parts)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def _json(content: Mapping[str, JsonValue]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
