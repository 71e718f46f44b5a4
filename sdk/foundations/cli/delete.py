"""`foundations delete`: removes jobs that have ended, with their archives."""

from __future__ import annotations

import click

from foundations.cli.batch import Result, act_on_each
from foundations.cli.context import connect, jobs_argument, json_option, scheduler_argument
from foundations.errors import JobConflict


@click.group()
def delete() -> None:
    """Delete jobs with their archives."""


@delete.command()
@scheduler_argument
@jobs_argument
@json_option
def job(scheduler: str, job_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Delete jobs that have ended, with their archives.

    With several ids all of them are tried; the exit code is 1 when any could not be deleted.
    """
    client = connect(scheduler)

    def delete_one(job_id: str) -> Result:
        try:
            client.delete(job_id)
        except JobConflict as error:
            state = client.job(job_id).state
            text = f"Job `{job_id}` has status `{state}` and cannot be deleted"
            raise JobConflict(text) from error
        return {"job_id": job_id, "message": f"Job {job_id} successfully deleted"}

    act_on_each(job_ids, delete_one, scheduler=scheduler, as_json=as_json)
