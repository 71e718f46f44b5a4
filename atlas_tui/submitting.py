"""Sends a job from the app: packs in a thread, uploads what is new, queues; can be given up."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from foundations import calls
from foundations.bundles import bundle
from foundations.bundles.delivery import LISTED_ABOVE_BYTES, Delivery, make_ready
from foundations.client import AsyncClient
from foundations.errors import NotFound
from foundations.job_creation import check_of
from foundations.kept_keys import submit_again
from foundations.models import Accepted, ArrayView, JobDetail, JobSpec, ScheduleView, Submission
from foundations.origin import Inquiry, here
from foundations.preparation import PreparedSubmission
from foundations.rerun import like, repetition
from foundations.terms import Terms, array_request, schedule_request, submission
from foundations.transport.repetition import patiently_async

T = TypeVar("T")
Sent = Accepted | ArrayView | ScheduleView
"""What came of a submission: a job, many, or one again and again."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submission is."""

    step: str
    done_bytes: int = 0
    total_bytes: int = 0

    @property
    def percent(self) -> int | None:
        """From 0 to 100; None while nobody knows."""
        return min(100, self.done_bytes * 100 // self.total_bytes) if self.total_bytes else None


Report = Callable[[Progress], None]
"""Called in the event loop's thread and in others."""


class _GivenUp(Exception):
    """Ends a thread whose result nobody wants any more."""


async def estimate(directory: Path) -> bundle.Estimate:
    """Add up what would be packed.

    Raises:
        BundleError: the directory cannot be packed.
    """
    return await _in_thread(lambda watch: bundle.estimate(directory, watch=watch))


async def submit_directory(
    client: AsyncClient,
    prepared: PreparedSubmission,
    *,
    report: Report,
    size_bytes: int,
    clones: JobDetail | None = None,
) -> Sent:
    """Pack a directory, upload it unless it is there, and queue what is to run in it.

    Args:
        client: the scheduler.
        prepared: what to copy and run, and how often.
        report: told how far it is.
        size_bytes: how much there is to pack.
        clones: the job that it is like; what this version does not know of that goes along.

    Raises:
        BundleError: the directory cannot be packed.
        AtlasError: the scheduler does not answer or refuses.
    """
    with tempfile.TemporaryDirectory(prefix="atlas-bundle-") as folder:

        def pack(watch: bundle.Watch) -> Delivery:
            def tell(done_bytes: int) -> None:
                watch(done_bytes)
                report(Progress("Packing", done_bytes, size_bytes))

            return make_ready(prepared.job_dir, Path(folder), size_bytes=size_bytes, watch=tell)

        if size_bytes > LISTED_ABOVE_BYTES:
            await client.check_submission(check_of(prepared, size_bytes))
        inquiry = await asyncio.to_thread(Inquiry, prepared.job_dir)
        delivery = await _in_thread(pack)

        def tell_sent(sent_bytes: int) -> None:
            report(Progress("Uploading", sent_bytes, delivery.size_bytes))

        await delivery.send_async(client, watch=tell_sent)
        report(Progress("Queueing"))
        origin = await asyncio.to_thread(inquiry.origin, delivery.digest)
        wanted = submission(
            prepared.spec, delivery.digest, prepared.terms, origin=origin, hold=prepared.hold
        )
        try:
            return await _send(client, wanted, prepared.terms, clones)
        except NotFound:
            # The last other job with this bundle was deleted since the upload was found needless.
            await delivery.send_async(client, watch=tell_sent)
            return await _send(client, wanted, prepared.terms, clones)


async def submit_repeat(
    client: AsyncClient, spec: JobSpec, job: JobDetail, *, hold: bool = False
) -> Accepted:
    """Queue a job in the bundle of another.

    Raises:
        NotFound: the bundle is not there any more.
        AtlasError: the scheduler does not answer or refuses.
    """
    origin = await asyncio.to_thread(here, Path.cwd())
    written = await client.json(calls.jobs.job(job.job_id))
    call = repetition(job, spec, request=like(job, written), origin=origin, hold=hold)
    try:
        return await patiently_async(lambda: client.send(call), client.patience)
    except NotFound as error:
        raise NotFound(
            f"The scheduler no longer has what job {job.job_id[:8]} ran. "
            "Choose the directory of its project to submit that instead."
        ) from error


async def _send(
    client: AsyncClient, wanted: Submission, terms: Terms, clones: JobDetail | None
) -> Sent:
    """Queue a job, or many, or make a schedule; a lost answer never does it twice."""
    key = str(uuid.uuid4())
    if terms.array is not None:
        array = array_request(wanted, terms)
        return await patiently_async(
            lambda: client.submit_array(array, idempotency_key=key), client.patience
        )
    if terms.cron is not None:
        schedule = schedule_request(wanted, terms)
        return await patiently_async(
            lambda: client.create_schedule(schedule, idempotency_key=key), client.patience
        )
    call = calls.submissions.submit(wanted, idempotency_key=key)
    if clones is not None:
        written = (await client.json(calls.jobs.job(clones.job_id)))["spec"]
        call = submit_again(wanted, old=clones.spec, written=written, idempotency_key=key)
    return await patiently_async(lambda: client.send(call), client.patience)


async def _in_thread(work: Callable[[bundle.Watch], T]) -> T:
    """Do something long in a thread, which ends soon when this is cancelled."""
    given_up = threading.Event()

    def watch(done_bytes: int) -> None:
        if given_up.is_set():
            raise _GivenUp

    task = asyncio.ensure_future(asyncio.to_thread(work, watch))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        given_up.set()
        # The folder that the thread writes to must not go away before the thread does.
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
