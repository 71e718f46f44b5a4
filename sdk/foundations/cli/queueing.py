"""Queues a job for a command and streams it, so that Ctrl-C always means the same."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from foundations.cli import render
from foundations.cli.entry import INTERRUPTED
from foundations.cli.groups import JOB_NOT_COMPLETED

if TYPE_CHECKING:
    from types import FrameType

    from foundations.bundles.delivery import Delivery
    from foundations.client import Client
    from foundations.models import Accepted, ArrayView, JobDetail, JobView, ScheduleView
    from foundations.preparation import PreparedSubmission
    from foundations.provenance import Origin
    from foundations.streaming import JobConsole

T = TypeVar("T")


def queue_directory(
    ctx: click.Context,
    client: Client,
    prepared: PreparedSubmission,
    console: JobConsole,
    *,
    repeated: JobDetail | None = None,
) -> Accepted:
    """Pack, upload and queue; Ctrl-C leaves no job behind.

    What `repeated` was told goes along, also what this version does not know of it.
    """
    from foundations import calls
    from foundations.job_creation import create_job
    from foundations.rerun import request_like

    request = calls.submissions.submit if repeated is None else request_like(client, repeated)
    with _uploaded(ctx, client, prepared, console) as (delivery, origin):
        create = partial(create_job, client, prepared, delivery, origin, request=request)
        return queue(ctx, client, create, console)


def queue_array(
    ctx: click.Context, client: Client, prepared: PreparedSubmission, console: JobConsole
) -> ArrayView:
    """Pack and upload once, and queue an array of jobs; Ctrl-C leaves none behind."""
    from foundations.job_creation import create_array

    with _uploaded(ctx, client, prepared, console) as (delivery, origin):
        array, interrupted = _create(
            ctx, lambda: create_array(client, prepared, delivery, origin), console
        )
    if interrupted:
        client.clear_queue(filter=f"array={array.array_id}")
        console.say(
            "WARNING",
            f"Submission cancelled. What waits of array '{array.array_id}' is stopped.",
        )
        ctx.exit(INTERRUPTED)
    console.info(f"Array of {array.size} jobs submitted with ID '{array.array_id}'.")
    return array


def queue_schedule(
    ctx: click.Context, client: Client, prepared: PreparedSubmission, console: JobConsole
) -> ScheduleView:
    """Pack, upload and make a schedule; Ctrl-C leaves none behind."""
    from foundations.job_creation import create_schedule

    with _uploaded(ctx, client, prepared, console) as (delivery, origin):
        schedule, interrupted = _create(
            ctx, lambda: create_schedule(client, prepared, delivery, origin), console
        )
    if interrupted:
        client.delete_schedule(schedule.schedule_id)
        console.say("WARNING", f"Cancelled. Schedule '{schedule.schedule_id}' is deleted.")
        ctx.exit(INTERRUPTED)
    console.info(
        f"Schedule made with ID '{schedule.schedule_id}'. It submits next at "
        f"{render.local_time(schedule.next_at)}."
    )
    return schedule


def queue(
    ctx: click.Context, client: Client, create: Callable[[], Accepted], console: JobConsole
) -> Accepted:
    """Create a job; one that Ctrl-C came too late for is stopped."""
    from foundations.terms import said_of

    job, interrupted = _create(ctx, create, console)
    if interrupted and not job.existed:
        client.stop(job.job_id)
        console.say("WARNING", f"Submission cancelled. Job '{job.job_id}' is stopped.")
        ctx.exit(INTERRUPTED)
    console.info(said_of(job))
    return job


@contextmanager
def _uploaded(
    ctx: click.Context, client: Client, prepared: PreparedSubmission, console: JobConsole
) -> Iterator[tuple[Delivery, Origin]]:
    """Pack and upload a directory; Ctrl-C until then ends the command."""
    from foundations.job_creation import pack_and_upload

    with tempfile.TemporaryDirectory(prefix="atlas-bundle-") as folder:
        try:
            delivery, origin = pack_and_upload(client, prepared, Path(folder), console=console)
        except KeyboardInterrupt:
            console.say("WARNING", "Submission cancelled. No job was created.")
            ctx.exit(INTERRUPTED)
        yield delivery, origin


def _create(ctx: click.Context, create: Callable[[], T], console: JobConsole) -> tuple[T, bool]:
    """Create what is queued, and say whether Ctrl-C came meanwhile."""
    try:
        with _late_interrupt() as interrupted:
            made = create()
    except KeyboardInterrupt:
        console.say("WARNING", "The scheduler may have queued the job: see its list of jobs.")
        ctx.exit(INTERRUPTED)
    return made, interrupted()


def stream(
    ctx: click.Context, client: Client, job: JobView, console: JobConsole, *, scheduler: str
) -> None:
    """Print the job's output until it ends, and make its end the exit code."""
    from foundations.errors import Unreachable
    from foundations.streaming import follow_job

    try:
        ended = follow_job(client, job, console)
    except KeyboardInterrupt:
        console.end_output()
        console.key_echoed()
        console.info(
            f"Stopped streaming. Job '{job.job_id}' goes on; to see its output again: "
            f"foundations get logs --follow {scheduler} {job.job_id}"
        )
        ctx.exit(INTERRUPTED)
    except Unreachable as error:
        raise Unreachable(
            f"{error.message}\nJob '{job.job_id}' is not touched by that; to see its output again: "
            f"foundations get logs --follow {scheduler} {job.job_id}"
        ) from error
    if ended.state != "completed":
        ctx.exit(JOB_NOT_COMPLETED)


@contextmanager
def _late_interrupt() -> Iterator[Callable[[], bool]]:
    """Hold back the first Ctrl-C: whether a job was queued is only known after the answer.

    Yields:
        Whether there was one.
    """
    presses: list[int] = []

    def note(signal_number: int, _: FrameType | None) -> None:
        presses.append(signal_number)
        if len(presses) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, previous)
