"""Submits jobs: packs the directory, uploads it unless it is there already, and queues the job."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from foundations import autostart, bundle, configs
from foundations.default_config import default_name
from foundations.delivery import Delivery, make_ready
from foundations.errors import NotFound
from foundations.home import Home
from foundations.models import Accepted, ArrayView, PullPolicy, ScheduleView, Submission
from foundations.origin import Inquiry
from foundations.preparation import Asked, PreparedSubmission, prepare_submission
from foundations.provenance import Origin
from foundations.quantities import size
from foundations.repetition import patiently
from foundations.streaming import JobConsole, follow_job
from foundations.submit_options import SubmitOptions, asked_for, directory_of, read_terms
from foundations.submitted_job import SubmittedJob
from foundations.terms import Terms, array_request, said_of, schedule_request, submission

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.configs import SchedulerConfig
    from foundations.trust import Trust

__all__ = [
    "Asked",
    "PreparedSubmission",
    "SubmittedJob",
    "carry_out",
    "create_array",
    "create_job",
    "create_schedule",
    "pack_and_upload",
    "prepare_submission",
    "submit",
]

T = TypeVar("T")


WARN_ABOVE_BYTES = 100 * 10**6
"""Size of a directory from which on a submission says what is so large."""


def pack_and_upload(
    client: Client, prepared: PreparedSubmission, folder: Path, *, console: JobConsole
) -> tuple[Delivery, Origin]:
    """Give the scheduler what it lacks of the job directory.

    Args:
        client: The scheduler.
        prepared: What to submit.
        folder: An own, empty directory for a packed file.
        console: Told what happens.

    Returns:
        The bundle, and where it comes from.

    Raises:
        BundleError: the directory cannot be packed.
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
    delivery = make_ready(prepared.job_dir, folder, size_bytes=estimate.size_bytes)
    delivery.send(client)
    return delivery, inquiry.origin(delivery.digest)


def create_job(
    client: Client,
    prepared: PreparedSubmission,
    delivery: Delivery,
    origin: Origin | None = None,
) -> Accepted:
    """Queue one job of an uploaded bundle; a lost answer never queues it twice."""
    wanted = _wanted(prepared, delivery, origin)
    key = str(uuid.uuid4())
    return _with_bundle(client, delivery, lambda: client.submit(wanted, idempotency_key=key))


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


def submit(  # noqa: PLR0913 - the SDK's one call takes every option of the command line
    *,
    scheduler_config: str | None = None,
    job_directory: str | os.PathLike[str] | None = None,
    job_dir: str | os.PathLike[str] | None = None,
    command: str | Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    project_name: str | None = None,
    num_gpus: int | float | None = None,
    priority: int | None = None,
    hold: bool = False,
    ram: float | None = None,
    cpus: float | None = None,
    shm: float | None = None,
    entrypoint: str | Sequence[str] | None = None,
    image: str | None = None,
    build: str | Mapping[str, Any] | None = None,
    pull: PullPolicy | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: str | Iterable[str] | Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    time_limit: str | timedelta | None = None,
    queue_ttl: str | timedelta | None = None,
    retries: int | str | Mapping[str, int] | None = None,
    retry_delay: str | timedelta | None = None,
    after: str | Iterable[str] | None = None,
    unique: str | None = None,
    if_exists: str | None = None,
    at: str | datetime | None = None,
    stream_job_logs: bool = False,
) -> SubmittedJob:
    """Copy a directory, queue a job that runs a command in the copy, and return the job.

    Args:
        scheduler_config: name of the scheduler config to use; the default one without it.
        job_directory: directory to copy and run in; the current one when it is not given.
        job_dir: shorter name for `job_directory`.
        command: script and arguments; `job.config.yaml` decides without it, then `main.py`.
        params: what `foundations.load_parameters()` returns in the job.
        project_name: the project; `job.config.yaml` decides without it, then the directory's name.
        num_gpus: GPUs that the job needs for itself; below 1 a share of one, such as 0.25.
        priority: from -100 to 100; larger goes first in the queue.
        hold: let it wait until it is released.
        ram: memory limit in GB (10^9 bytes).
        cpus: processors.
        shm: size of /dev/shm in GB (10^9 bytes), where jobs run in containers.
        entrypoint: what runs the command in place of the image's own entry point.
        image: Docker image in place of the standard worker.
        build: a Dockerfile of the directory to build the image from, as a path in it; or a dict
            with any of `dockerfile`, `context`, `args` and `target`.
        pull: when a registry is asked for the image: `"missing"` (when it is not there, which is
            the default), `"always"` or `"never"`.
        environment: environment variables, added to those of `job.config.yaml`.
        secrets: names of secrets that the job gets (`foundations secret set`) as files, or with
            `NAME:env` as environment variables too; added to those of `job.config.yaml`.
        tags: tags, added to those of `job.config.yaml`.
        time_limit: longest that an attempt may run, such as `"2h"`; after that the job fails.
        queue_ttl: longest that it may wait in the queue; after that it is stopped.
        retries: how often it is tried again after its program failed; or numbers by cause, such as
            `{"exit": 2, "oom": 1, "lost": 3}`.
        retry_delay: pause before the first retry, which doubles with each; 10 seconds by default.
        after: jobs that have to end first, each as `ID`, or as `ID:ok` (it must complete),
            `ID:any` or `ID:failed`; `array:ID` is each job of an array.
        unique: a key that one job of the project has at a time, as long as it has not ended.
        if_exists: what to do when a job has the key: `"skip"`, which submits nothing and returns
            that job, or `"replace"`, which ends it.
        at: when it may have its turn: a `datetime`, or text such as `"in 2h"`, `"18:30"` (the next
            one) or `"2026-12-01T08:00"`, in local time.
        stream_job_logs: print what happens, and wait until the job has ended.

    Raises:
        ConfigError: an argument or a config file is wrong.
        BundleError: the directory cannot be packed.
        Unreachable: the scheduler does not answer.
        SchedulerError: the scheduler refuses the job.
    """
    options = SubmitOptions(
        scheduler_config=scheduler_config,
        job_directory=job_directory,
        job_dir=job_dir,
        command=command,
        params=params,
        project_name=project_name,
        num_gpus=num_gpus,
        priority=priority,
        hold=hold,
        ram=ram,
        cpus=cpus,
        shm=shm,
        entrypoint=entrypoint,
        image=image,
        build=build,
        pull=pull,
        environment=environment,
        secrets=secrets,
        tags=tags,
        time_limit=time_limit,
        queue_ttl=queue_ttl,
        retries=retries,
        retry_delay=retry_delay,
        after=after,
        unique=unique,
        if_exists=if_exists,
        at=at,
    )
    client, console, job = carry_out(
        options, read_terms(options), create_job, stream=stream_job_logs
    )
    console.info(said_of(job))
    if stream_job_logs and not job.existed:
        follow_job(client, job, console)
    return SubmittedJob(client, job.job_id, existed=job.existed)


Create = Callable[["Client", PreparedSubmission, Delivery, Origin], T]
"""Queues what is prepared and uploaded."""


def carry_out(
    options: SubmitOptions, terms: Terms, create: Create[T], *, stream: bool = False
) -> tuple[Client, JobConsole, T]:
    """Pack and upload a directory, and queue what runs in it.

    Args:
        options: as they were given to `submit`.
        terms: how often it runs, and what it waits for.
        create: what to queue.
        stream: print what happens.

    Returns:
        The client, where to print, and what was queued.
    """
    directory = directory_of(options)
    home = Home.default()
    configs.ensure_default(home)
    name = options.get("scheduler_config") or default_name(home)
    config = configs.load(name, home=home, cwd=Path.cwd(), job_dir=directory)
    prepared = prepare_submission(directory, asked_for(options, terms), config=config)
    console = JobConsole(level=prepared.log_level if stream else "CRITICAL")
    if not stream:
        for text in prepared.warnings:
            warnings.warn(text, stacklevel=3)
    client = _reach(config, home)
    with tempfile.TemporaryDirectory(prefix="atlas-bundle-") as folder:
        delivery, origin = pack_and_upload(client, prepared, Path(folder), console=console)
        return client, console, create(client, prepared, delivery, origin)


_clients: dict[tuple[str, str | None, Trust, int], Client] = {}


def _reach(config: SchedulerConfig, home: Home) -> Client:
    """Return this process's client for a scheduler; a search loop submits through one client."""
    # The process id keeps the two sides of a fork from sharing connections.
    key = (config.scheduler_url, config.token, config.trust, os.getpid())
    own = autostart.is_own_scheduler(config, home=home)
    if key not in _clients or (own and not autostart.is_answering(home)):
        _clients[key] = autostart.connect(config, home=home)
    return _clients[key]


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
