"""Submits jobs: `submit`, and what it shares with submitting arrays and schedules."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from foundations import autostart, configs
from foundations.bundles.delivery import Delivery
from foundations.default_config import default_name
from foundations.home import Home
from foundations.job_creation import create_job, pack_and_upload
from foundations.models import PullPolicy
from foundations.preparation import PreparedSubmission, prepare_submission
from foundations.provenance import Origin
from foundations.streaming import JobConsole, follow_job
from foundations.submit_options import SubmitOptions, asked_for, directory_of, read_terms
from foundations.submitted_job import SubmittedJob
from foundations.terms import Earlier, Terms, said_of

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.configs import SchedulerConfig
    from foundations.transport.trust import Trust

T = TypeVar("T")


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
    after: Earlier | Iterable[Earlier] | None = None,
    unique: str | None = None,
    if_exists: str | None = None,
    at: str | datetime | timedelta | None = None,
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
            `ID:any` or `ID:failed`; `array:ID` is each job of an array. Submitted jobs and arrays
            themselves can be given too.
        unique: a key that one job of the project has at a time, as long as it has not ended.
        if_exists: what to do when a job has the key: `"skip"`, which submits nothing and returns
            that job, or `"replace"`, which ends it.
        at: when it may have its turn: a `datetime`, a `timedelta` from now, or text such as
            `"in 2h"`, `"18:30"` (the next one) or `"2026-12-01T08:00"`, in local time.
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
