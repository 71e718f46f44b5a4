"""`foundations get`: the verb's group."""

from __future__ import annotations

import click

from foundations.cli.get_artifact import artifact
from foundations.cli.get_file import file_
from foundations.cli.get_job import job
from foundations.cli.get_logs import logs
from foundations.cli.groups import VerbGroup


@click.group(cls=VerbGroup)
def get() -> None:
    """Get a job's archive, logs, artifacts or files."""


get.add_command(job)
get.add_command(logs)
get.add_command(artifact)
get.add_command(file_)
