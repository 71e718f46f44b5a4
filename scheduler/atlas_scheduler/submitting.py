"""The verbs that make jobs: one job, or many that differ by an index."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.capacity import refusal
from atlas_scheduler.core.dependencies import Condition, Verdict, verdict
from atlas_scheduler.core.events import StopRequested
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Limits
from atlas_scheduler.core.resources import Needs
from atlas_scheduler.secret_keeping import SecretKeeping
from atlas_scheduler.store import array_refs, arrays, dependencies, jobs, provenance
from atlas_scheduler.store.array_members import array_members
from atlas_scheduler.store.holdings import require_own, require_room
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.transitions import Moved, Transitions
from foundations.errors import InvalidRequest, JobConflict
from foundations.models import Accepted, After, ArrayView, JobState, NewArray, Submission
from foundations.models.arrays import read_indices
from foundations.provenance import Origin

MOST_DEPENDENCIES = 100_000
"""Of one submission: each of its jobs on each of the others."""

NOTHING: Mapping[str, tuple[Condition, JobState]] = MappingProxyType({})
T = TypeVar("T")
_Answer = tuple[str, dict[str, Any]]
"""The id of a job, and what else `Accepted` says."""


class Submitting(SecretKeeping, Transitions):
    """What is accepted is durable, and has its place in the queue."""

    async def submit(
        self, submission: Submission, *, idempotency_key: str | None, bounds: Bounds | None = None
    ) -> Accepted:
        """Accept a job, or find the one that has its unique key. It is durable when this returns.

        A second call with the same idempotency key returns the job of the first.

        Raises:
            Forbidden: a job of somebody else has its unique key.
            InvalidRequest: it asks for more than there is in all.
            NotFound: its bundle is not here.
        """
        self._refuse_impossible(submission)
        await self._need_secrets(submission.spec)
        written = self._database.write(
            lambda conn: self._insert(conn, submission, idempotency_key, bounds=bounds)
        )
        (job_id, more), _ = await self._accept(written)
        # Why it waits is for who asks: it takes a look at the whole queue.
        view = await self.view(job_id, explain=False)
        return Accepted.model_validate({**dict(view), **more})

    def _insert(
        self,
        conn: sqlite3.Connection,
        submission: Submission,
        idempotency_key: str | None,
        *,
        schedule_id: str | None = None,
        bounds: Bounds | None = None,
    ) -> tuple[_Answer, list[Moved]]:
        if idempotency_key is not None:
            earlier = jobs.by_idempotency_key(conn, idempotency_key)
            if earlier is not None:
                return (earlier, {}), []
        rivals = _rivals(conn, submission)
        if bounds is not None and bounds.only_own:
            require_own(rivals, submission, user=bounds.user, sharing=self.sharing)
        holder = next((one for one in rivals if one.state is not JobState.STOPPING), None)
        if holder is not None and submission.unique and submission.unique.if_exists == "skip":
            return (holder.job_id, {"existed": True}), []
        now_ms = self._clock_ms()
        self._require_room(conn, bounds, submission, jobs=1)
        stored = self._new_job(conn, submission, idempotency_key, now_ms)
        stored = replace(stored, schedule_id=schedule_id)
        job = stored.job
        moved = [] if holder is None else self._replace(conn, holder, stored)
        # What still has the key is ending; the two must never run at once.
        endings = {one.job_id: (Condition.ANY, one.state) for one in _rivals(conn, submission)}
        jobs.insert_job(conn, stored, now_ms=now_ms)
        origin = self._origin(conn, submission)
        if origin is not None:
            provenance.save_origin(conn, job.job_id, origin)
        by_schedule = {} if schedule_id is None else {"schedule": schedule_id}
        self._append(conn, job, "Submitted", now_ms, {"user": stored.spec.user, **by_schedule})
        moved += self._let_come_after(conn, [job], submission, endings)
        return (job.job_id, {"replaced": holder and holder.job_id}), moved

    def _require_room(
        self, conn: sqlite3.Connection, bounds: Bounds | None, submission: Submission, *, jobs: int
    ) -> None:
        if bounds is not None:
            bundle = submission.bundle
            size_bytes = self.bundles.size_bytes(bundle)
            require_room(conn, bounds, jobs=jobs, bundle=bundle, size_bytes=size_bytes)

    def _replace(self, conn: sqlite3.Connection, holder: Job, stored: StoredJob) -> list[Moved]:
        """Ask the job to end whose place a new one takes."""
        by = f"{stored.spec.user} (job {stored.job.job_id[:8]} takes its place)"
        moved = self._advance(conn, holder, StopRequested(self._clock_ms(), by))
        return self._with_dependents(conn, [moved])

    async def submit_array(
        self, wanted: NewArray, *, idempotency_key: str | None, bounds: Bounds | None = None
    ) -> ArrayView:
        """Accept an array of jobs: all of them, durable when this returns, or none.

        A second call with the same key returns the array of the first.

        Raises:
            InvalidRequest: its jobs ask for more than there is in all.
            JobConflict: the key is that of a job of its own.
            NotFound: its bundle is not here.
        """
        self._refuse_impossible(wanted.submission)
        await self._need_secrets(wanted.submission.spec)
        if wanted.submission.unique is not None:
            raise InvalidRequest("A unique key is that of one job: an array cannot have it.")
        written = self._database.write(
            lambda conn: self._insert_array(conn, wanted, idempotency_key, bounds), is_large=True
        )
        number, _ = await self._accept(written)
        return await self._database.read(lambda conn: arrays.view(conn, number))

    def _insert_array(
        self,
        conn: sqlite3.Connection,
        wanted: NewArray,
        idempotency_key: str | None,
        bounds: Bounds | None,
    ) -> tuple[int, list[Moved]]:
        if idempotency_key is not None:
            earlier = jobs.by_idempotency_key(conn, idempotency_key)
            if earlier is not None:
                return _array_of(conn, earlier), []
        now_ms = self._clock_ms()
        indices = read_indices(wanted.indices)
        self._require_room(conn, bounds, wanted.submission, jobs=len(indices))
        first = self._new_job(conn, wanted.submission, idempotency_key, now_ms)
        array_id = str(uuid.uuid4())
        number = arrays.insert_array(conn, array_id, wanted, size=len(indices), now_ms=now_ms)
        members = array_members(first, indices, array_id=array_id, number=number)
        origin = self._origin(conn, wanted.submission)
        arrays.insert_members(conn, members, origin, now_ms=now_ms)
        added = [one.job for one in members]
        return number, self._let_come_after(conn, added, wanted.submission)

    def _let_come_after(
        self,
        conn: sqlite3.Connection,
        added: Sequence[Job],
        submission: Submission,
        more: Mapping[str, tuple[Condition, JobState]] = NOTHING,
    ) -> list[Moved]:
        """Note what new jobs come after; those that can never start end at once."""
        others = {**more, **_others(conn, submission.after)}
        if len(others) * len(added) > MOST_DEPENDENCIES:
            raise InvalidRequest(
                f"{len(added)} jobs after {len(others)} others are more than {MOST_DEPENDENCIES} "
                "dependencies. Put one job in between."
            )
        dependencies.insert(conn, [job.job_id for job in added], others)
        for other_id, (condition, state) in others.items():
            if verdict(condition, state) is Verdict.NEVER:
                other = jobs.load_job(conn, other_id)
                return [self._bar(conn, job.job_id, other) for job in added]
        return []

    async def _accept(
        self, written: asyncio.Future[tuple[T, list[Moved]]]
    ) -> tuple[T, list[Moved]]:
        # At once: what the queue decides is written after it, and until then looks at the disk.
        self.shell.wake()
        return await self._durably(written, lambda accepted: self._publish(accepted[1]))

    def _refuse_impossible(self, submission: Submission) -> None:
        spec = submission.spec
        needs = Needs(spec.num_gpus, spec.cpus or 0, spec.ram_gb or 0)
        reason = refusal(needs, self._capacity())
        if reason is not None and self.engine.capabilities is not None:
            raise InvalidRequest(f"{reason[0].upper()}{reason[1:]}.")

    def _new_job(
        self,
        conn: sqlite3.Connection,
        submission: Submission,
        idempotency_key: str | None,
        now_ms: int,
    ) -> StoredJob:
        """Make a job that waits behind all others; it is not in the database yet."""
        spec = submission.spec
        job = Job(
            job_id=str(uuid.uuid4()),
            project=spec.project,
            state=JobState.QUEUED,
            order=jobs.next_order(conn),
            num_gpus=spec.num_gpus,
            priority=spec.priority,
            held_by=spec.user if submission.hold else None,
            not_before_ms=_to_come_ms(submission, now_ms),
            limits=Limits.of(spec),
            submitted_at_ms=now_ms,
            cpus=spec.cpus or 0,
            ram_gb=spec.ram_gb or 0,
            user=spec.user,
        )
        return StoredJob(
            job=job,
            spec=spec,
            bundle=submission.bundle,
            # Here and not before: `purge` takes unused bundles away on this same thread.
            bundle_size_bytes=self.bundles.size_bytes(submission.bundle),
            idempotency_key=idempotency_key,
            unique_key=None if submission.unique is None else submission.unique.key,
        )

    @staticmethod
    def _origin(conn: sqlite3.Connection, submission: Submission) -> Origin | None:
        origin, spec = submission.origin, submission.spec
        if spec.rerun_of is not None and (origin is None or origin.git is None):
            # Whoever repeats a job need not have its files: they come from where they came from.
            git = provenance.source_of(conn, spec.rerun_of, bundle=submission.bundle)
            if git is not None:
                origin = (origin or Origin()).model_copy(update={"git": git})
        return origin


def _array_of(conn: sqlite3.Connection, job_id: str) -> int:
    number = arrays.number_of(conn, job_id)
    if number is None:
        raise JobConflict(f"This Idempotency-Key is that of job `{job_id}`, which is no array.")
    return number


def _to_come_ms(submission: Submission, now_ms: int) -> int | None:
    """When a job may have its turn at the earliest, where that is still to come."""
    moment = submission.not_before
    at_ms = None if moment is None else int(moment.timestamp() * 1000)
    return at_ms if at_ms is not None and at_ms > now_ms else None


def _rivals(conn: sqlite3.Connection, submission: Submission) -> list[Job]:
    """Jobs that have the unique key of a submission and have not ended."""
    if submission.unique is None:
        return []
    return jobs.with_unique_key(conn, submission.spec.project, submission.unique.key)


def _others(
    conn: sqlite3.Connection, wanted: Sequence[After]
) -> dict[str, tuple[Condition, JobState]]:
    """By their ids, the jobs to come after: how each must end, and where it stands."""
    found: dict[str, tuple[Condition, JobState]] = {}
    for one in wanted:
        if one.array is not None:
            named = arrays.members(conn, array_refs.resolve(conn, one.array))
        else:
            job = jobs.load_job(conn, jobs.resolve(conn, one.job))
            named = {job.job_id: job.state}
        twice = next((job_id for job_id in named if job_id in found), None)
        if twice is not None:
            raise InvalidRequest(f"Job `{twice}` is named twice as one to come after.")
        condition = Condition(one.on)
        found |= {job_id: (condition, state) for job_id, state in named.items()}
    return found
