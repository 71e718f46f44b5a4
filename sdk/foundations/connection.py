"""Reaches schedulers by the names of their configs, as the command line does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from foundations import autostart, configs
from foundations.default_config import default_name
from foundations.home import Home
from foundations.submitted_job import SubmittedJob

if TYPE_CHECKING:
    from foundations.client import Client


def connect(scheduler_config: str | None = None) -> Client:
    """Return a client of a scheduler; this machine's own one is started when it does not run.

    The client is the caller's to close; it is a context manager.

    Args:
        scheduler_config: name of a scheduler config; the default one when it is left out.

    Raises:
        ConfigError: there is no such config.
        Unreachable: the scheduler gives no answer.
    """
    home = Home.default()
    configs.ensure_default(home)
    name = scheduler_config or default_name(home)
    config = configs.load(name, home=home, cwd=Path.cwd())
    return autostart.connect(config, home=home)


def get_job(job_id: str, scheduler_config: str | None = None) -> SubmittedJob:
    """Return a job that was submitted at some other time or from somewhere else.

    Args:
        job_id: its id, or a unique prefix of four or more characters.
        scheduler_config: name of the scheduler config where it is; the default one when it is left
            out.

    Raises:
        AmbiguousJob: the prefix fits several jobs.
        ConfigError: there is no such config.
        NotFound: there is no such job.
        Unreachable: the scheduler gives no answer.
    """
    client = connect(scheduler_config)
    return SubmittedJob(client, client.job(job_id).job_id)
