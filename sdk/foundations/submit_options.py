"""What `submit` can be told, as data: its arguments, and what they ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from foundations.errors import ConfigError
from foundations.limits import asked_limits
from foundations.models import PullPolicy
from foundations.preparation import Asked, split_command
from foundations.secret_uses import read_secrets
from foundations.terms import Earlier, Terms, read_after, read_at, read_unique


class SubmitOptions(TypedDict, total=False):
    """What `submit` takes, as it explains it, except for whether to stay."""

    scheduler_config: str | None
    job_directory: str | os.PathLike[str] | None
    job_dir: str | os.PathLike[str] | None
    command: str | Sequence[str] | None
    params: Mapping[str, Any] | None
    project_name: str | None
    num_gpus: int | float | None
    priority: int | None
    hold: bool
    ram: float | None
    cpus: float | None
    shm: float | None
    entrypoint: str | Sequence[str] | None
    image: str | None
    build: str | Mapping[str, Any] | None
    pull: PullPolicy | None
    environment: Mapping[str, str] | None
    secrets: str | Iterable[str] | Mapping[str, str] | None
    tags: Mapping[str, str] | None
    time_limit: str | timedelta | None
    queue_ttl: str | timedelta | None
    retries: int | str | Mapping[str, int] | None
    retry_delay: str | timedelta | None
    after: Earlier | Iterable[Earlier] | None
    unique: str | None
    if_exists: str | None
    at: str | datetime | timedelta | None


def directory_of(options: SubmitOptions) -> Path:
    """Return the directory to copy.

    Raises:
        ConfigError: it is given twice.
    """
    job_directory, job_dir = options.get("job_directory"), options.get("job_dir")
    if job_directory is not None and job_dir is not None:
        raise ConfigError("Give job_directory or job_dir, not both: they mean the same.")
    chosen = job_directory if job_directory is not None else job_dir
    return Path("." if chosen is None else chosen)


def asked_for(options: SubmitOptions, terms: Terms) -> Asked:
    """Say what the arguments ask for."""
    return Asked(
        command=split_command(options.get("command")),
        project_name=options.get("project_name"),
        num_gpus=options.get("num_gpus"),
        priority=options.get("priority"),
        hold=options.get("hold", False),
        ram_gb=options.get("ram"),
        cpus=options.get("cpus"),
        shm_gb=options.get("shm"),
        image=options.get("image"),
        build=options.get("build"),
        pull=options.get("pull"),
        entrypoint=options.get("entrypoint"),
        params=options.get("params"),
        environment=options.get("environment"),
        secrets=read_secrets(options.get("secrets")),
        tags=options.get("tags"),
        terms=terms,
        **asked_limits(
            time_limit=options.get("time_limit"),
            queue_ttl=options.get("queue_ttl"),
            retries=options.get("retries"),
            retry_delay=options.get("retry_delay"),
        ),
        interpreter=sys.executable or None,
    )


def read_terms(options: SubmitOptions) -> Terms:
    """Read how often what is submitted runs, and what it waits for.

    Raises:
        ConfigError: one of the arguments cannot be read.
    """
    return Terms(
        after=read_after(options.get("after")),
        not_before=read_at(options.get("at")),
        unique=read_unique(options.get("unique"), options.get("if_exists")),
    )
