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

from foundations import bundle
from foundations.client import AsyncClient
from foundations.delivery import Delivery, make_ready
from foundations.errors import NotFound
from foundations.models import JobDetail, JobSpec, JobView, Submission
from foundations.origin import Inquiry, here
from foundations.repetition import patiently_async

T = TypeVar("T")


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
    spec: JobSpec,
    directory: Path,
    *,
    report: Report,
    size_bytes: int,
    hold: bool = False,
) -> JobView:
    """Pack a directory, upload it unless it is there, and queue the job.

    Args:
        client: the scheduler.
        spec: what to run.
        directory: what to copy.
        report: told how far it is.
        size_bytes: how much there is to pack.
        hold: whether the job waits until it is released.

    Raises:
        BundleError: the directory cannot be packed.
        AtlasError: the scheduler does not answer or refuses.
    """
    with tempfile.TemporaryDirectory(prefix="atlas-bundle-") as folder:

        def pack(watch: bundle.Watch) -> Delivery:
            def tell(done_bytes: int) -> None:
                watch(done_bytes)
                report(Progress("Packing", done_bytes, size_bytes))

            return make_ready(directory, Path(folder), size_bytes=size_bytes, watch=tell)

        inquiry = await asyncio.to_thread(Inquiry, directory)
        delivery = await _in_thread(pack)

        def tell_sent(sent_bytes: int) -> None:
            report(Progress("Uploading", sent_bytes, delivery.size_bytes))

        await delivery.send_async(client, watch=tell_sent)
        report(Progress("Queueing"))
        origin = await asyncio.to_thread(inquiry.origin, delivery.digest)
        submission = Submission(spec=spec, bundle=delivery.digest, origin=origin, hold=hold)
        try:
            return await _queue(client, submission)
        except NotFound:
            # The last other job with this bundle was deleted since the upload was found needless.
            await delivery.send_async(client, watch=tell_sent)
            return await _queue(client, submission)


async def submit_repeat(
    client: AsyncClient, spec: JobSpec, job: JobDetail, *, hold: bool = False
) -> JobView:
    """Queue a job in the bundle of another.

    Raises:
        NotFound: the bundle is not there any more.
        AtlasError: the scheduler does not answer or refuses.
    """
    origin = await asyncio.to_thread(here, Path.cwd())
    wanted = {"spec": spec, "bundle": job.bundle, "origin": origin, "hold": hold}
    try:
        return await _queue(client, Submission.model_validate(wanted))
    except NotFound as error:
        raise NotFound(
            f"The scheduler no longer has what job {job.job_id[:8]} ran. "
            "Choose the directory of its project to submit that instead."
        ) from error


async def _queue(client: AsyncClient, submission: Submission) -> JobView:
    """Queue one job; a lost answer never queues it twice."""
    key = str(uuid.uuid4())
    return await patiently_async(
        lambda: client.submit(submission, idempotency_key=key), client.patience
    )


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
