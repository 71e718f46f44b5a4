"""What a submission does once it is prepared: packs, uploads, and queues a job or many of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from foundations import calls
from foundations.bundles import bundle
from foundations.bundles.delivery import LISTED_ABOVE_BYTES, Delivery, make_ready
from foundations.calls import Call
from foundations.errors import NotFound
from foundations.models import Accepted, ArrayView, ScheduleView, Submission, SubmissionCheck
from foundations.origin import Inquiry
from foundations.preparation import PreparedSubmission
from foundations.provenance import Origin
from foundations.streaming import JobConsole
from foundations.terms import array_request, schedule_request, submission, submission_check
from foundations.text.quantities import size
from foundations.transport.repetition import patiently

if TYPE_CHECKING:
    from foundations.client import Client

T = TypeVar("T")


class Request(Protocol):
    """Makes the request for one job; the key keeps a repetition of it from queueing another."""

    def __call__(self, submission: Submission, *, idempotency_key: str) -> Call[Accepted]:
        """Make it."""


WARN_ABOVE_BYTES = 100 * 10**6
"""Size of a directory from which on a submission says what is so large."""


def pack_and_upload(
    client: Client, prepared: PreparedSubmission, folder: Path, *, console: JobConsole
) -> tuple[Delivery, Origin]:
    """Give the scheduler what it lacks of the job directory.

    Args:
        client: the scheduler.
        prepared: what to submit.
        folder: an own, empty directory for a packed file.
        console: told what happens.

    Returns:
        The bundle, and where it comes from.

    Raises:
        BundleError: the directory cannot be packed.
        Unreachable: the scheduler does not answer.
        SchedulerError: the scheduler refuses the job, or its files.
    """
    console.info("Job submission started. Ctrl-C to cancel.")
    console.info(
        f"Preparing to bundle contents of {prepared.job_dir} for execution. Estimating bundle size."
    )
    inquiry = Inquiry(prepared.job_dir)
    estimate = bundle.estimate(prepared.job_dir)
    console.progress(f"Bundle size: {size(estimate.size_bytes)} in {estimate.file_count} files.")
    for warning in (*prepared.warnings, *estimate.warnings, *_size_warnings(estimate)):
        console.say("WARNING", warning)
    console.info("Bundling job contents.")
    if estimate.size_bytes > LISTED_ABOVE_BYTES:
        # Whoever is refused, or cannot get in, is to know before gigabytes are read and sent.
        client.check_submission(check_of(prepared, estimate.size_bytes))
    delivery = make_ready(prepared.job_dir, folder, size_bytes=estimate.size_bytes)
    delivery.send(client)
    return delivery, inquiry.origin(delivery.digest)


def check_of(prepared: PreparedSubmission, size_bytes: int) -> SubmissionCheck:
    """Write the question whether a directory of this size would be accepted, and what runs in it.

    Raises:
        ConfigError: it cannot be asked for at all.
    """
    terms, hold = prepared.terms, prepared.hold
    return submission_check(prepared.spec, terms, hold=hold, bundle_bytes=size_bytes)


def create_job(
    client: Client,
    prepared: PreparedSubmission,
    delivery: Delivery,
    origin: Origin | None = None,
    *,
    request: Request = calls.submissions.submit,
) -> Accepted:
    """Queue one job of an uploaded bundle; a lost answer never queues it twice."""
    wanted = _wanted(prepared, delivery, origin)
    call = request(wanted, idempotency_key=str(uuid.uuid4()))
    return _with_bundle(client, delivery, lambda: client.send(call))


def create_array(
    client: Client,
    prepared: PreparedSubmission,
    delivery: Delivery,
    origin: Origin | None = None,
) -> ArrayView:
    """Queue an array of jobs of an uploaded bundle; a lost answer never queues it twice."""
    wanted = array_request(_wanted(prepared, delivery, origin), prepared.terms)
    key = str(uuid.uuid4())
    return _with_bundle(client, delivery, lambda: client.submit_array(wanted, idempotency_key=key))


def create_schedule(
    client: Client,
    prepared: PreparedSubmission,
    delivery: Delivery,
    origin: Origin | None = None,
) -> ScheduleView:
    """Submit jobs of an uploaded bundle again and again; a lost answer never doubles that."""
    wanted = schedule_request(_wanted(prepared, delivery, origin), prepared.terms)
    key = str(uuid.uuid4())
    return _with_bundle(
        client, delivery, lambda: client.create_schedule(wanted, idempotency_key=key)
    )


def _wanted(prepared: PreparedSubmission, delivery: Delivery, origin: Origin | None) -> Submission:
    return submission(
        prepared.spec, delivery.digest, prepared.terms, origin=origin, hold=prepared.hold
    )


def _with_bundle(client: Client, delivery: Delivery, send: Callable[[], T]) -> T:
    try:
        return patiently(send, client.patience)
    except NotFound:
        # The last other job with this bundle was deleted since the upload was found needless.
        delivery.send(client)
        return patiently(send, client.patience)


def _size_warnings(estimate: bundle.Estimate) -> Iterator[str]:
    """Name what is largest in a large directory: it is mostly there by mistake."""
    if estimate.size_bytes <= WARN_ABOVE_BYTES:
        return
    yield (
        f"The job directory holds {size(estimate.size_bytes)} in {estimate.file_count} files. "
        "The largest, which a .foundationsignore file can leave out:"
    )
    for path, size_bytes in estimate.largest:
        yield f"  {size(size_bytes):>9}  {path}"
