"""Submits jobs: packs the directory, uploads it unless it is there already, and queues the job."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from foundations import autostart, bundle, configs
from foundations.errors import ConfigError, NotFound, Unreachable
from foundations.home import Home
from foundations.limits import asked_limits
from foundations.models import JobSpec, JobView, Submission
from foundations.origin import Inquiry
from foundations.preparation import Asked, PreparedSubmission, prepare_submission, split_command
from foundations.provenance import Origin
from foundations.quantities import size
from foundations.streaming import JobConsole, follow_job
from foundations.submitted_job import SubmittedJob

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.configs import SchedulerConfig

__all__ = [
    "Asked",
    "PreparedSubmission",
    "SubmittedJob",
    "create_job",
    "pack_and_upload",
    "prepare_submission",
    "submit",
    "upload_bundle",
]

T = TypeVar("T")


WARN_ABOVE_BYTES = 100 * 10**6
"""Size of a directory from which on a submission says what is so large."""


def pack_and_upload(
    client: Client, prepared: PreparedSubmission, path: Path, *, console: JobConsole
) -> tuple[bundle.Packed, Origin]:
    """Pack the job directory into a new file and give it to the scheduler.

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
    packed = bundle.pack(prepared.job_dir, path)
    upload_bundle(client, packed, path)
    return packed, inquiry.origin(packed.digest)


def upload_bundle(client: Client, packed: bundle.Packed, path: Path) -> None:
    """Give the scheduler a packed directory, unless it has the same content already."""

    def send() -> None:
        if not client.has_bundle(packed.digest):
            client.upload_bundle(packed.digest, path)

    _twice(send)


def create_job(
    client: Client,
    spec: JobSpec,
    packed: bundle.Packed,
    path: Path,
    *,
    origin: Origin | None = None,
    hold: bool = False,
) -> JobView:
    """Queue one job of an uploaded bundle; a lost answer never queues it twice."""
    submission = Submission(spec=spec, bundle=packed.digest, origin=origin, hold=hold)
    key = str(uuid.uuid4())

    def send() -> JobView:
        return client.submit(submission, idempotency_key=key)

    try:
        return _twice(send)
    except NotFound:
        # The last other job with this bundle was deleted since the upload was found needless.
        upload_bundle(client, packed, path)
        return _twice(send)


def submit(  # noqa: PLR0913 - the SDK's one call takes every option of the command line
    *,
    scheduler_config: str = configs.DEFAULT_NAME,
    job_directory: str | os.PathLike[str] | None = None,
    job_dir: str | os.PathLike[str] | None = None,
    command: str | Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    project_name: str | None = None,
    num_gpus: int | None = None,
    priority: int | None = None,
    hold: bool = False,
    ram: float | None = None,
    cpus: float | None = None,
    entrypoint: str | Sequence[str] | None = None,
    image: str | None = None,
    environment: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    time_limit: str | timedelta | None = None,
    queue_ttl: str | timedelta | None = None,
    retries: int | str | Mapping[str, int] | None = None,
    retry_delay: str | timedelta | None = None,
    stream_job_logs: bool = False,
) -> SubmittedJob:
    """Copy a directory, queue a job that runs a command in the copy, and return the job.

    Args:
        scheduler_config: name of the scheduler config to use.
        job_directory: directory to copy and run in; the current one when it is not given.
        job_dir: shorter name for `job_directory`.
        command: script and arguments; `job.config.yaml` decides without it, then `main.py`.
        params: what `foundations.load_parameters()` returns in the job.
        project_name: the project; `job.config.yaml` decides without it, then the directory's name.
        num_gpus: GPUs that the job needs for itself.
        priority: from -100 to 100; larger goes first in the queue.
        hold: let it wait until it is released.
        ram: memory limit in GB (10^9 bytes).
        cpus: processors.
        entrypoint: what runs the command in place of the image's own entry point.
        image: Docker image in place of the standard worker.
        environment: environment variables, added to those of `job.config.yaml`.
        tags: tags, added to those of `job.config.yaml`.
        time_limit: longest that an attempt may run, such as `"2h"`; after that the job fails.
        queue_ttl: longest that it may wait in the queue; after that it is stopped.
        retries: how often it is tried again after its program failed; or numbers by cause, such as
            `{"exit": 2, "oom": 1, "lost": 3}`.
        retry_delay: pause before the first retry, which doubles with each; 10 seconds by default.
        stream_job_logs: print what happens, and wait until the job has ended.

    Raises:
        ConfigError: an argument or a config file is wrong.
        BundleError: the directory cannot be packed.
        Unreachable: the scheduler does not answer.
        SchedulerError: the scheduler refuses the job.
    """
    directory = Path(_one_of(job_directory, job_dir))
    home = Home.default()
    configs.ensure_default(home)
    config = configs.load(scheduler_config, home=home, cwd=Path.cwd(), job_dir=directory)
    asked = Asked(
        command=split_command(command),
        project_name=project_name,
        num_gpus=num_gpus,
        priority=priority,
        hold=hold,
        ram_gb=ram,
        cpus=cpus,
        image=image,
        entrypoint=entrypoint,
        params=params,
        environment=environment,
        tags=tags,
        **asked_limits(
            time_limit=time_limit,
            queue_ttl=queue_ttl,
            retries=retries,
            retry_delay=retry_delay,
        ),
        interpreter=sys.executable or None,
    )
    prepared = prepare_submission(directory, asked, config=config)
    console = JobConsole(level=prepared.log_level if stream_job_logs else "CRITICAL")
    if not stream_job_logs:
        for text in prepared.warnings:
            warnings.warn(text, stacklevel=2)
    client = _reach(config, home)
    with tempfile.TemporaryDirectory(prefix="atlas-bundle-") as folder:
        path = Path(folder) / "bundle.tar.gz"
        packed, origin = pack_and_upload(client, prepared, path, console=console)
        job = create_job(client, prepared.spec, packed, path, origin=origin, hold=prepared.hold)
    console.info(f"Job submitted with ID '{job.job_id}'.")
    if stream_job_logs:
        follow_job(client, job, console)
    return SubmittedJob(client, job.job_id)


_clients: dict[tuple[str, str | None, int], Client] = {}


def _reach(config: SchedulerConfig, home: Home) -> Client:
    """Return this process's client for a scheduler; a search loop submits through one client."""
    # The process id keeps the two sides of a fork from sharing connections.
    key = (config.scheduler_url, config.token, os.getpid())
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


def _one_of(
    job_directory: str | os.PathLike[str] | None, job_dir: str | os.PathLike[str] | None
) -> str | os.PathLike[str]:
    if job_directory is not None and job_dir is not None:
        raise ConfigError("Give job_directory or job_dir, not both: they mean the same.")
    chosen = job_directory if job_directory is not None else job_dir
    return "." if chosen is None else chosen


def _twice(send: Callable[[], T]) -> T:
    """Repeat a request once when its connection broke; only for requests that may be repeated."""
    try:
        return send()
    except Unreachable:
        return send()
