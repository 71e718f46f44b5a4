"""The files of jobs: bundles, logs, archives, artifacts and what differs in their source."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from atlas_scheduler.store import jobs, records
from atlas_scheduler.store.archives import Archives
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.event_lines import LOGDIR_TAG
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.kept_files import KeptFiles
from atlas_scheduler.store.log_search import search_log
from atlas_scheduler.store.log_times import times_of
from atlas_scheduler.store.logs import FileLog, Logs
from atlas_scheduler.store.source_diff import compare_sources
from atlas_scheduler.store.threads import in_thread
from foundations.errors import InvalidRequest, NotFound
from foundations.home import Home
from foundations.models import (
    ArtifactView,
    FileList,
    LogMatches,
    LogSearch,
    LogTimes,
    LogTimesRange,
    SourceDiff,
)


@dataclass(frozen=True, slots=True)
class PackedArchive:
    """An archive on its way to somebody."""

    job_id: str
    tag: str | None
    """Names the bytes; None while they may still change."""
    pieces: Iterator[bytes]


class JobFiles:
    """What is kept of jobs in files. Methods raise `foundations.errors.SchedulerError` kinds."""

    def __init__(self, database: Database, home: Home) -> None:
        self.home = home
        self.bundles = Bundles(home)
        self.archives = Archives(home, self.bundles)
        self.logs = Logs(home)
        self._kept = KeptFiles(home, self.bundles)
        self._database = database
        self._ended: dict[str, asyncio.Event] = {}

    async def resolve(self, ref: str) -> str:
        """Find the job that an id, or a unique prefix of one, means."""
        return await self._database.read(lambda conn: jobs.resolve(conn, ref))

    async def load(self, job_id: str) -> StoredJob:
        """A job with all that is stored of it."""
        return await self._database.read(lambda conn: jobs.load(conn, job_id))

    async def has_bundle(self, digest: str) -> bool:
        """Whether this bundle need not be sent again."""
        return self.bundles.has(digest)

    def log_size(self, job_id: str) -> int:
        """How much log there is, in bytes."""
        return self.logs.of(job_id).size_bytes

    def last_log_line(self, job_id: str) -> str:
        """The last whole line of the log."""
        return self.logs.of(job_id).last_line()

    async def read_log(
        self, job_id: str, offset: int, *, follow: bool, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The log from `offset` to what there is now, or with `follow` to the job's end.

        At most `length` bytes, where that is given.
        """
        ended = self._ended.setdefault(job_id, asyncio.Event()) if follow else asyncio.Event()
        if not follow:
            ended.set()
        elif (await self.load(job_id)).job.is_final:
            self._mark_ended(job_id)
        async for chunk in self.logs.of(job_id).follow(offset, ended=ended, length=length):
            yield chunk

    async def search_log(self, ref: str, search: LogSearch) -> LogMatches:
        """The lines of a job's log that have a pattern, a bounded piece of work at a time.

        Raises:
            InvalidRequest: the pattern cannot be used.
        """
        path = self.logs.of(await self.resolve(ref)).path
        return await in_thread(search_log, path, search)

    async def log_times(self, ref: str, part: LogTimesRange) -> LogTimes:
        """When a part of a job's log was written."""
        job_id = await self.resolve(ref)
        return await in_thread(_times, self.logs.of(job_id), job_id, part)

    async def archive(self, ref: str) -> PackedArchive:
        """A job's archive as a tar.gz."""
        stored = await self.load(await self.resolve(ref))
        job_id = stored.job.job_id
        tag = await asyncio.to_thread(self.archives.tag, job_id)
        pieces = await asyncio.to_thread(self.archives.stream, job_id, stored.bundle)
        return PackedArchive(job_id, tag, pieces)

    async def tensorboard_logs(
        self, ref: str, *, since_seconds: int
    ) -> tuple[str, Iterator[bytes]]:
        """A job's TensorBoard logs as a tar.gz. Returns the job's id and the file's bytes.

        Raises:
            NotFound: the job has not said where they are.
        """

        def look(conn: sqlite3.Connection) -> tuple[str, str | None]:
            job_id = jobs.resolve(conn, ref)
            return job_id, records.of_jobs(conn, [job_id])[job_id].tags.get(LOGDIR_TAG)

        job_id, path = await self._database.read(look)
        if path is None:
            raise NotFound(
                f"Job {job_id} has no TensorBoard logs: it has not called set_tensorboard_logdir."
            )
        return job_id, self.archives.stream_logdir(job_id, path, since_seconds=since_seconds)

    async def source_diff(self, ref: str, other: str) -> SourceDiff:
        """What differs between the files that two jobs were submitted with.

        Raises:
            InvalidRequest: one of them is a local run.
            NotFound: there is no such job, or its files were deleted meanwhile.
        """
        old = await self.load(await self.resolve(ref))
        new = await self.load(await self.resolve(other))
        compare = partial(compare_sources, self.bundles, _bundle_of(old), _bundle_of(new))
        files, left_out = await in_thread(compare)
        return SourceDiff(
            job_id=old.job.job_id, other_id=new.job.job_id, files=files, left_out=left_out
        )

    async def artifacts(self, ref: str) -> list[ArtifactView]:
        """The artifacts that a job has saved so far."""

        def look(conn: sqlite3.Connection) -> list[ArtifactView]:
            return records.artifacts(conn, jobs.resolve(conn, ref))

        return await self._database.read(look)

    async def open_artifact(self, ref: str, key: str) -> tuple[ArtifactView, BinaryIO]:
        """Open one artifact by its key.

        Raises:
            NotFound: no artifact has this key.
        """
        job_id = await self.resolve(ref)
        for artifact in await self.artifacts(job_id):
            if artifact.key == key:
                return artifact, await asyncio.to_thread(
                    self.archives.open_artifact, job_id, artifact.path
                )
        raise NotFound(f"Job {job_id} has no artifact `{key}`.")

    async def files(self, ref: str) -> FileList:
        """The files of a job, of a running one as they are now."""
        stored = await self.load(await self.resolve(ref))
        job_id = stored.job.job_id
        found, left_out = await in_thread(partial(self._kept.list, job_id, stored.bundle))
        return FileList(job_id=job_id, files=found, left_out=left_out)

    async def open_file(self, ref: str, path: str) -> BinaryIO:
        """Open one file of a job by its path in the archive.

        Raises:
            NotFound: it has no such file.
        """
        stored = await self.load(await self.resolve(ref))
        return await in_thread(partial(self._kept.open, stored.job.job_id, stored.bundle, path))

    def _mark_ended(self, job_id: str) -> None:
        ended = self._ended.pop(job_id, None)
        if ended is not None:
            ended.set()


def _times(log: FileLog, job_id: str, part: LogTimesRange) -> LogTimes:
    size_bytes, index = log.times()
    return times_of(part, index, job_id=job_id, size_bytes=size_bytes)


def _bundle_of(stored: StoredJob) -> str:
    if stored.bundle is None:
        raise InvalidRequest(
            f"Job `{stored.job.job_id}` is a local run: no copy of its files was kept that could "
            "be compared."
        )
    return stored.bundle
