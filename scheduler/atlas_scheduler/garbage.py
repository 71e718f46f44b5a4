"""Letting go of what is kept no longer: jobs by the rules of their projects, and leftover files."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import structlog

from atlas_scheduler.core.retention import Policy, Rule
from atlas_scheduler.core.times import utc
from atlas_scheduler.store import jobs, leftovers, retention
from atlas_scheduler.store.disk_bytes import bytes_on_disk
from atlas_scheduler.store.files import remove_tree
from atlas_scheduler.store.leftovers import Candidate
from atlas_scheduler.store.retention import Expired
from atlas_scheduler.store.work_dirs import remove_work_dir
from atlas_scheduler.writing import Writing
from foundations.models import (
    ExpiredJob,
    GarbageView,
    Leftover,
    ProjectView,
    PrunedEnvironments,
    PrunedImages,
    RetentionRule,
)

WORK_DIR_REST_MS = 3600 * 1000
"""The directory of a job whose archive is complete may still be about to be removed for so long."""
_BATCH = 256
"""Most jobs that one transaction deletes: other writers are not to wait for a thousand."""

log = structlog.get_logger(__name__)


class Garbage(Writing):
    """A job that has not ended, has a note, or a tag that keeps it is never touched."""

    async def set_retention(self, name: str, rule: RetentionRule | None, *, by: str) -> ProjectView:
        """Set what a project keeps of its jobs; None leaves it to the server's settings.

        Raises:
            NotFound: there is no such project.
        """
        wanted = None if rule is None else Rule(rule.keep_last, rule.keep_days)

        def step(conn: sqlite3.Connection) -> ProjectView:
            retention.set_rule(conn, name, wanted)
            kept = {} if rule is None else rule.model_dump(exclude_none=True)
            self._append_for_queue(conn, "RetentionSet", name, {"by": by, **kept})
            return self._project(conn, name)

        return await self._durably(self._database.write(step), self._announce)

    async def garbage(self) -> GarbageView:
        """What would go now, and how much space it takes."""
        return await self._sized(await self._leftovers())

    async def _sized(self, left: list[Candidate]) -> GarbageView:
        now_ms, policy = self._clock_ms(), self.retention
        going = await self._database.read(
            lambda conn: retention.expired_jobs(conn, policy, now_ms=now_ms)
        )
        ids = [one.job_id for one in going]
        alone = await self._database.read(
            lambda conn: retention.bundles_of_these_alone(conn, ids) if ids else []
        )
        return await asyncio.to_thread(self._view, now_ms, going, alone, left)

    async def prune_environments(self, *, unused_days: float, by: str) -> PrunedEnvironments:
        """Remove environments that no job uses now, and nobody used for so long."""
        pruned = await self.environments.prune(unused_days=unused_days, by=by)
        await self._note_pruned("EnvironmentsPruned", removed=pruned.removed, by=by)
        return pruned

    async def prune_images(self, *, unused_days: float, by: str) -> PrunedImages:
        """Remove built images that nothing uses now, and nobody used for so long.

        Raises:
            EngineDown: the engine does not answer.
        """
        pruned = await self.images.prune(unused_days=unused_days, by=by)
        await self._note_pruned("ImagesPruned", removed=pruned.removed, by=by)
        return pruned

    async def _note_pruned(self, event: str, *, removed: int, by: str) -> None:
        def step(conn: sqlite3.Connection) -> None:
            self._append_for_queue(conn, event, None, {"by": by, "removed": removed})

        await self._durably(self._database.write(step), self._announce)

    async def collect_garbage(self, *, by: str) -> GarbageView:
        """Delete what `garbage` names: jobs as `delete` does, with its grace, and files at once."""
        candidates = await self._leftovers()
        found = await self._sized(candidates)
        deleted = await self._delete_expired(by)
        names = {(one.kind, one.name) for one in await self._remove_all(candidates)}
        gone = [one for one in found.jobs if one.job_id in deleted]
        left = [one for one in found.leftovers if (one.kind, one.name) in names]
        if gone or left:
            log.info("garbage is gone", jobs=len(gone), files=len(left), by=by)
        return found.model_copy(
            update={
                "jobs": gone,
                "leftovers": left,
                "bundle_bytes": found.bundle_bytes if gone else 0,
            }
        )

    async def _delete_expired(self, by: str) -> set[str]:
        """Mark jobs deleted, batch by batch; each batch is looked at again where it is marked."""
        policy, now_ms = self.retention, self._clock_ms()
        found = await self._database.read(
            lambda conn: retention.expired_jobs(conn, policy, now_ms=now_ms)
        )
        deleted: set[str] = set()
        for first in range(0, len(found), _BATCH):
            step = partial(self._delete_still_expired, found[first : first + _BATCH], policy, by)
            write = self._write_to_free(step)
            deleted.update(await self._durably(write, self._announce_deletion))
        return deleted

    def _delete_still_expired(
        self, found: list[Expired], policy: Policy, by: str, conn: sqlite3.Connection
    ) -> list[str]:
        now_ms = self._clock_ms()
        going = retention.still_expired(conn, policy, found)
        for one in going:
            jobs.mark_deleted(conn, one.job_id, now_ms)
            job = jobs.load_job(conn, one.job_id)
            self._append(conn, job, "Deleted", now_ms, {"by": by, "reason": one.reason})
        return [one.job_id for one in going]

    async def _leftovers(self) -> list[Candidate]:
        now_ms = self._clock_ms()
        found = await asyncio.to_thread(self._candidates, now_ms / 1000)
        until_ms = now_ms - WORK_DIR_REST_MS

        def is_useless(conn: sqlite3.Connection, one: Candidate) -> bool:
            if one.kind == "bundle":
                return not jobs.bundle_in_use(conn, one.name)
            if one.kind == "work_dir":
                # One that no job accounts for may be that of a local run nobody has found yet.
                return retention.is_kept(conn, one.name, ended_until_ms=until_ms)
            return True

        return await self._database.read(
            lambda conn: [one for one in found if is_useless(conn, one)]
        )

    def _candidates(self, now_seconds: float) -> list[Candidate]:
        before = now_seconds - leftovers.UPLOAD_REST_SECONDS
        orphans = self.bundles.listed.orphans(changed_before_seconds=before)
        return [
            *leftovers.candidates(self.home, now_seconds=now_seconds),
            *(Candidate("file", path.name, path) for path in orphans),
        ]

    async def _remove_all(self, candidates: list[Candidate]) -> list[Candidate]:
        """Remove leftovers. Returns those that are gone."""
        orphans = [one for one in candidates if one.kind == "file"]
        others = [one for one in candidates if one.kind != "file"]
        gone = [one for one in others if await self._remove(one)]
        drop = partial(self.bundles.listed.drop_orphans, [one.name for one in orphans])
        try:
            await asyncio.to_thread(drop)
        except OSError as error:
            log.warning("garbage stays", kind="file", problem=str(error))
            return gone
        return gone + orphans

    async def _remove(self, one: Candidate) -> bool:
        """Remove a leftover. Returns whether it is gone."""

        def retire(conn: sqlite3.Connection) -> Path | None:
            # On this thread, so that no submission can count on the bundle meanwhile.
            return None if jobs.bundle_in_use(conn, one.name) else self.bundles.retire(one.name)

        try:
            if one.kind == "work_dir":
                await asyncio.to_thread(remove_work_dir, one.path)
                return True
            path = await self._database.write(retire) if one.kind == "bundle" else one.path
            if path is not None:
                remove = self.bundles.listed.discard if one.kind == "bundle" else remove_tree
                await asyncio.to_thread(remove, path)
            return path is not None
        except OSError as error:
            log.warning("garbage stays", kind=one.kind, name=one.name, problem=str(error))
            return False

    def _view(
        self, now_ms: int, going: list[Expired], alone: list[str], left: list[Candidate]
    ) -> GarbageView:
        return GarbageView(
            at=utc(now_ms),
            jobs=[
                ExpiredJob(
                    job_id=one.job_id,
                    project=one.project,
                    finished_at=utc(one.finished_at_ms),
                    reason=one.reason,
                    archive_bytes=bytes_on_disk(self.home.archive(one.job_id)),
                )
                for one in going
            ],
            bundle_bytes=sum(leftovers.bundle_bytes(self.home, digest) for digest in alone),
            leftovers=[
                Leftover(kind=one.kind, name=one.name, size_bytes=self._bytes_of(one))
                for one in left
            ],
        )

    def _bytes_of(self, one: Candidate) -> int:
        if one.kind == "bundle":
            return leftovers.bundle_bytes(self.home, one.name)
        return bytes_on_disk(one.path)
