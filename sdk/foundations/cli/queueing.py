"""Queues a job for a command and streams it, so that Ctrl-C always means the same."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from foundations.cli.groups import INTERRUPTED, JOB_NOT_COMPLETED

if TYPE_CHECKING:
    from types import FrameType

    from foundations.client import Client
    from foundations.models import JobView
    from foundations.preparation import PreparedSubmission
    from foundations.streaming import JobConsole


def queue_directory(
    ctx: click.Context, client: Client, prepared: PreparedSubmission, console: JobConsole
) -> JobView:
    """Pack, upload and queue; Ctrl-C leaves no job behind."""
    from foundations.submission import create_job, pack_and_upload

    with tempfile.TemporaryDirectory(prefix="atlas-bundle-") as folder:
        try:
            delivery, origin = pack_and_upload(client, prepared, Path(folder), console=console)
        except KeyboardInterrupt:
            console.say("WARNING", "Submission cancelled. No job was created.")
            ctx.exit(INTERRUPTED)

        def create() -> JobView:
            return create_job(client, prepared.spec, delivery, origin=origin, hold=prepared.hold)

        return queue(ctx, client, create, console)


def queue(
    ctx: click.Context, client: Client, create: Callable[[], JobView], console: JobConsole
) -> JobView:
    """Create a job; one that Ctrl-C came too late for is stopped."""
    try:
        with _late_interrupt() as interrupted:
            job = create()
    except KeyboardInterrupt:
        console.say("WARNING", "The scheduler may have queued the job: see its list of jobs.")
        ctx.exit(INTERRUPTED)
    if interrupted():
        client.stop(job.job_id)
        console.say("WARNING", f"Submission cancelled. Job '{job.job_id}' is stopped.")
        ctx.exit(INTERRUPTED)
    console.info(f"Job submitted with ID '{job.job_id}'.")
    return job


def stream(
    ctx: click.Context, client: Client, job: JobView, console: JobConsole, *, scheduler: str
) -> None:
    """Print the job's output until it ends, and make its end the exit code."""
    from foundations.streaming import follow_job

    try:
        ended = follow_job(client, job, console)
    except KeyboardInterrupt:
        console.end_output()
        console.info(
            f"Stopped streaming. Job '{job.job_id}' goes on; to see its output again: "
            f"foundations get logs --follow {scheduler} {job.job_id}"
        )
        ctx.exit(INTERRUPTED)
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
