"""Submitting: jobs, arrays and schedules."""

from __future__ import annotations

import uuid

from foundations.calls import submissions as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class SubmissionVerbs(Sender):
    """Blocking; see `Client`."""

    def check_submission(self, wanted: models.SubmissionCheck) -> bool:
        """Ask whether a submission would be accepted, before its files are sent.

        Returns:
            Whether the scheduler could say so; False when it is older than this question.

        Raises:
            SchedulerError: it would be refused, for this reason.
        """
        return self.send(calls.check_submission(wanted))

    def submit(
        self, submission: models.Submission, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Submit a job whose bundle is there. A second call with the same key gets the first's job.

        Without a key one is made up, so that a connection that breaks never doubles the job. A
        submission that is `unique` may get the job that has its key already; that has `existed`.
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.submit(submission, idempotency_key=key))

    def submit_array(
        self, wanted: models.NewArray, *, idempotency_key: str | None = None
    ) -> models.ArrayView:
        """Submit an array of jobs whose bundle is there: all of them, or none.

        A second call with the same key gets the array of the first; without one it is made up.
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.submit_array(wanted, idempotency_key=key))

    def array(self, ref: str) -> models.ArrayView:
        """Show an array of jobs and how they stand; `ref` is its id or a unique prefix of it."""
        return self.send(calls.array(ref))

    def create_schedule(
        self, wanted: models.NewSchedule, *, idempotency_key: str | None = None
    ) -> models.ScheduleView:
        """Submit a job at each time of a cron line; its bundle is there.

        A second call with the same key gets the schedule of the first; without one it is made up.
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.create_schedule(wanted, idempotency_key=key))

    def schedules(self) -> list[models.ScheduleView]:
        """List schedules, the oldest first."""
        return self.send(calls.schedules())

    def schedule(self, ref: str) -> models.ScheduleView:
        """Show a schedule; `ref` is its id or a unique prefix of it."""
        return self.send(calls.schedule(ref))

    def pause_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit nothing until it is resumed."""
        return self.send(calls.pause_schedule(ref))

    def resume_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit again, from the next time on."""
        return self.send(calls.resume_schedule(ref))

    def delete_schedule(self, ref: str) -> None:
        """Remove a schedule; the jobs that it submitted stay."""
        return self.send(calls.delete_schedule(ref))


class AsyncSubmissionVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def check_submission(self, wanted: models.SubmissionCheck) -> bool:
        """Ask whether a submission would be accepted, before its files are sent."""
        return await self.send(calls.check_submission(wanted))

    async def submit(
        self, submission: models.Submission, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Submit a job whose bundle is there."""
        key = idempotency_key or uuid.uuid4().hex
        return await self.send(calls.submit(submission, idempotency_key=key))

    async def submit_array(
        self, wanted: models.NewArray, *, idempotency_key: str | None = None
    ) -> models.ArrayView:
        """Submit an array of jobs whose bundle is there."""
        key = idempotency_key or uuid.uuid4().hex
        return await self.send(calls.submit_array(wanted, idempotency_key=key))

    async def array(self, ref: str) -> models.ArrayView:
        """Show an array of jobs and how they stand."""
        return await self.send(calls.array(ref))

    async def create_schedule(
        self, wanted: models.NewSchedule, *, idempotency_key: str | None = None
    ) -> models.ScheduleView:
        """Submit a job at each time of a cron line."""
        key = idempotency_key or uuid.uuid4().hex
        return await self.send(calls.create_schedule(wanted, idempotency_key=key))

    async def schedules(self) -> list[models.ScheduleView]:
        """List schedules."""
        return await self.send(calls.schedules())

    async def schedule(self, ref: str) -> models.ScheduleView:
        """Show a schedule."""
        return await self.send(calls.schedule(ref))

    async def pause_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit nothing."""
        return await self.send(calls.pause_schedule(ref))

    async def resume_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit again."""
        return await self.send(calls.resume_schedule(ref))

    async def delete_schedule(self, ref: str) -> None:
        """Remove a schedule."""
        return await self.send(calls.delete_schedule(ref))
