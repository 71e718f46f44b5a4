"""The verbs of the scheduler, and the only writer of job state.

Every change is load → advance → save with its history row in one transaction. Then followers of the
change feed are woken and the effects go to the `Shell`: commit first, act second.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from pathlib import Path

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import (
    Claimed,
    Effect,
    Event,
    InvalidTransition,
    RunFound,
    StopRequested,
    advance,
)
from atlas_scheduler.core.queue import choose_next, refusal
from atlas_scheduler.projects import Projects
from atlas_scheduler.remarks import Remarks
from atlas_scheduler.store import jobs, meta, provenance
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.local_runs import local_run_job
from atlas_scheduler.store.run_dirs import RunDescription
from foundations.errors import InvalidRequest, JobConflict
from foundations.models import (
    BundleView,
    Cleared,
    JobState,
    JobView,
    QueueSettings,
    Submission,
)
from foundations.provenance import Execution, Origin

Moved = tuple[Job, tuple[Effect, ...]]
"""A job after a transition, and what must be done now."""


class Service(Remarks, Projects):
    """The catalogue's questions, plus what changes something.

    Methods raise `foundations.errors.SchedulerError` kinds.
    """

    max_bundle_bytes: int = 20 * 10**9
    """Largest bundle that is accepted, packed."""

    # -- submitting

    async def receive_bundle(
        self, digest: str, stream: AsyncIterator[bytes], *, size_bytes: int | None = None
    ) -> BundleView:
        """Take in a packed bundle; it is durable and checked when this returns."""
        return await self.bundles.receive(
            stream, digest=digest, size_bytes=size_bytes, max_bytes=self.max_bundle_bytes
        )

    async def submit(self, submission: Submission, *, idempotency_key: str | None) -> JobView:
        """Accept a job. It is durable when this returns.

        A second call with the same key returns the job of the first.

        Raises:
            InvalidRequest: it asks for more than there is in all.
            NotFound: its bundle is not here.
        """
        reason = refusal(submission.spec.num_gpus, self._capacity())
        if reason is not None and self.engine.capabilities is not None:
            raise InvalidRequest(f"{reason[0].upper()}{reason[1:]}.")
        job_id = await self._durably(
            self._database.write(lambda conn: self._insert(conn, submission, idempotency_key)),
            self._wake,
        )
        # Why it waits is for who asks: it takes a look at the whole queue.
        return await self.view(job_id, explain=False)

    def _insert(
        self,
        conn: sqlite3.Connection,
        submission: Submission,
        idempotency_key: str | None,
    ) -> str:
        if idempotency_key is not None:
            earlier = jobs.by_idempotency_key(conn, idempotency_key)
            if earlier is not None:
                return earlier
        # Here and not before: `purge` takes unused bundles away on this same thread.
        size_bytes = self.bundles.size_bytes(submission.bundle)
        now_ms = self._clock_ms()
        spec = submission.spec
        job = Job(
            job_id=str(uuid.uuid4()),
            project=spec.project,
            state=JobState.QUEUED,
            order=jobs.next_order(conn),
            num_gpus=spec.num_gpus,
            submitted_at_ms=now_ms,
        )
        stored = StoredJob(
            job=job,
            spec=spec,
            bundle=submission.bundle,
            bundle_size_bytes=size_bytes,
            engine=None,
            archived=False,
            records_offset=0,
            idempotency_key=idempotency_key,
            deleted=False,
        )
        jobs.insert_job(conn, stored, now_ms=now_ms)
        self._keep_origin(conn, job.job_id, submission)
        self._append(conn, job, "Submitted", now_ms, {"user": spec.user})
        return job.job_id

    async def enter_local_run(self, run: RunDescription) -> bool:
        """Take a local run into the jobs, unless it is there.

        Returns:
            Whether it is new.
        """

        def step(conn: sqlite3.Connection) -> list[Moved]:
            if jobs.is_known(conn, run.job_id):
                return []
            found = local_run_job(run, order=jobs.next_order(conn))
            jobs.insert_job(conn, found, now_ms=found.job.submitted_at_ms)
            return [self._advance(conn, found.job, RunFound(found.job.submitted_at_ms))]

        moved: list[Moved] = await self._durably(self._database.write(step), self._publish)
        return bool(moved)

    @staticmethod
    def _keep_origin(conn: sqlite3.Connection, job_id: str, submission: Submission) -> None:
        origin, spec = submission.origin, submission.spec
        if spec.rerun_of is not None and (origin is None or origin.git is None):
            # Whoever repeats a job need not have its files: they come from where they came from.
            git = provenance.source_of(conn, spec.rerun_of, bundle=submission.bundle)
            if git is not None:
                origin = (origin or Origin()).model_copy(update={"git": git})
        if origin is not None:
            provenance.save_origin(conn, job_id, origin)

    # -- jobs

    async def stop(self, ref: str, *, by: str) -> JobView:
        """Ask a job to end. A job that waits is stopped at once.

        Raises:
            JobConflict: it has ended already.
        """
        job_id = await self.resolve(ref)
        try:
            await self.apply(job_id, StopRequested(self._clock_ms(), by))
        except InvalidTransition as error:
            raise JobConflict(
                f"Job `{job_id}` is {error.job.state} and cannot be stopped"
            ) from error
        return await self.view(job_id)

    async def delete(self, ref: str) -> None:
        """Delete a final job with its archive.

        Raises:
            JobConflict: it has not ended yet.
        """
        job_id = await self.resolve(ref)
        _require_final((await self.load(job_id)).job)
        await self.shell.settle(job_id)

        def step(conn: sqlite3.Connection) -> None:
            job = jobs.load_job(conn, job_id)
            _require_final(job)
            now_ms = self._clock_ms()
            jobs.mark_deleted(conn, job_id, now_ms)
            self._append(conn, job, "Deleted", now_ms, {})

        await self._durably(self._database.write(step), self._announce)
        await self.shell.sweep(job_id)

    # -- queue

    async def clear_queue(self, project: str | None, *, by: str) -> Cleared:
        """Stop every job that waits, in all projects or in one. Archives stay."""
        event = StopRequested(self._clock_ms(), f"{by} (clear-queue)")

        def step(conn: sqlite3.Connection) -> list[Moved]:
            return [self._advance(conn, job, event) for job in jobs.queued(conn, project)]

        moved = await self._durably(self._database.write(step), self._publish)
        job_ids = [job.job_id for job, _ in moved]
        return Cleared(removed=len(job_ids), job_ids=job_ids)

    async def set_queue_settings(self, settings: QueueSettings) -> QueueSettings:
        """Change how the queue is run, now and after the next start."""
        await self._database.write(
            lambda conn: meta.set_setting(conn, "queue", settings.model_dump())
        )
        self._queue = settings
        self._wake()
        return settings

    async def claim_next(self) -> None:
        """Claim every job whose turn it is; their starts go to the shell."""
        now_ms = self._clock_ms()

        def step(conn: sqlite3.Connection) -> list[Moved]:
            holding = jobs.holding(conn)
            if len(holding) >= self._queue.max_running_jobs:
                return []  # the queue may be long, and reading it would decide nothing
            waiting = {job.job_id: job for job in jobs.queued(conn)}
            decision = choose_next(list(waiting.values()), holding, self._capacity())
            return [
                self._advance(
                    conn,
                    waiting[pick.job_id],
                    Claimed(now_ms, pick.gpus),
                    engine=self.engine.name,
                )
                for pick in decision.picks
            ]

        await self._durably(self._database.write(step), self._publish)

    # -- state

    async def apply(self, job_id: str, event: Event) -> Job:
        """Let an event happen to a job: the one way that its state changes.

        Raises:
            InvalidTransition: the event does not fit; nothing changed.
            NotFound: no such job.
        """

        def step(conn: sqlite3.Connection) -> list[Moved]:
            return [self._advance(conn, jobs.load_job(conn, job_id), event)]

        ((job, _),) = await self._durably(self._database.write(step), self._publish)
        return job

    async def note_execution(self, job_id: str, execution: Execution) -> None:
        """Keep what the engine says that an attempt runs on."""
        await self._database.write(lambda conn: provenance.save_execution(conn, job_id, execution))

    async def mark_archived(self, job_id: str) -> None:
        """Note that a job's archive is complete."""
        await self._database.write(lambda conn: jobs.mark_archived(conn, job_id))
        self._feed.announce()

    async def purge(self, job_id: str) -> Path | None:
        """Drop the rows of a deleted job, and take its bundle away when no other job uses it.

        Returns:
            What is left of the bundle on the disk, to be removed; None when it is still used.
        """

        def step(conn: sqlite3.Connection) -> Path | None:
            digest = jobs.load(conn, job_id).bundle
            jobs.purge(conn, job_id)
            # Inside the transaction, so that no submission can count on the bundle meanwhile.
            if digest is None or jobs.bundle_in_use(conn, digest):
                return None
            return self.bundles.retire(digest)

        return await self._database.write(step)

    def _advance(
        self, conn: sqlite3.Connection, job: Job, event: Event, *, engine: str | None = None
    ) -> Moved:
        moved, effects = advance(job, event)
        jobs.save_job(conn, moved, engine=engine)
        detail = {key: value for key, value in asdict(event).items() if key != "at_ms"}
        self._append(conn, moved, type(event).__name__, event.at_ms, detail)
        return moved, effects

    def _publish(self, moved: Iterable[Moved]) -> None:
        for job, effects in moved:
            if job.is_final:
                self._mark_ended(job.job_id)
                self.shell.wake()
            self.shell.perform(job, effects)
        self._feed.announce()

    def _wake(self, _: object = None) -> None:
        self._feed.announce()
        self.shell.wake()


def _require_final(job: Job) -> None:
    if not job.is_final:
        raise JobConflict(f"Job `{job.job_id}` has status `{job.state}` and cannot be deleted")
