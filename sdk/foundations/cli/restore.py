"""`foundations restore`: brings back what was deleted a moment ago."""

from __future__ import annotations

import click

from foundations.cli import render
from foundations.cli.batch import Result, act_on_each
from foundations.cli.context import connect, json_option, scheduler_argument, several
from foundations.cli.groups import VerbGroup
from foundations.errors import NotFound
from foundations.text.quantities import counted


@click.group(cls=VerbGroup)
def restore() -> None:
    """Undo a deletion."""


@restore.command("job")
@scheduler_argument
@click.argument("job_ids", metavar="JOB_ID...", nargs=-1, required=True)
@json_option
def restore_job(scheduler: str, job_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Bring back jobs that were just deleted, as they were.

    That works for 10 seconds, or what `delete_grace_seconds` of the server says.
    """
    client = connect(scheduler)

    def restore_one(job_id: str) -> Result:
        try:
            job = client.restore(job_id)
        except NotFound as error:
            # It says that it may be too late: `act_on_each` would only say that there is no job.
            return {"job_id": job_id, "error": error.code, "message": error.message}
        return {"job_id": job.job_id, "message": f"Job {job.job_id} is back"}

    act_on_each(several(job_ids), restore_one, scheduler=scheduler, as_json=as_json)


@restore.command("project")
@scheduler_argument
@click.argument("name")
@json_option
def restore_project(scheduler: str, name: str, *, as_json: bool) -> None:
    """Bring back a project that was just deleted, with the jobs that went with it."""
    restored = connect(scheduler).restore_project(name)
    if as_json:
        render.print_json(render.model_document(restored))
    else:
        click.echo(f"Project {render.clean(name)} is back with {counted(restored.jobs)}")
