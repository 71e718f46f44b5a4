"""`foundations delete`: removes jobs that have ended, or a project of such, with their archives."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.batch import Result, act_on_each
from foundations.cli.context import connect, jobs_argument, json_option, scheduler_argument
from foundations.cli.groups import CommandFailed
from foundations.errors import JobConflict, NotFound

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import ProjectView


@click.group()
def delete() -> None:
    """Delete jobs with their archives, or a project."""


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


@delete.command()
@scheduler_argument
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def project(scheduler: str, name: str, *, yes: bool, as_json: bool) -> None:
    """Delete a project with all its jobs and their archives.

    No job of it may wait or run. Tells how many jobs there are and asks first.
    """
    client = connect(scheduler)
    found = _find_project(client, name)
    if not yes:
        _ask(found)
    deleted = client.delete_project(name)
    if as_json:
        render.print_json(render.model_document(deleted))
    else:
        click.echo(f"Deleted project {render.clean(name)} with {deleted.jobs} job(s)")


def _find_project(client: Client, name: str) -> ProjectView:
    """Find a project that can be deleted, so that nobody is asked about another."""
    from foundations.models import FINAL_STATES

    found = next((one for one in client.projects() if one.name == name), None)
    if found is None:
        raise NotFound(
            f"There is no project `{name}`. `foundations list projects` shows those there are."
        )
    active = {state: count for state, count in found.states.items() if state not in FINAL_STATES}
    if active:
        counts = ", ".join(f"{count} {state}" for state, count in active.items())
        raise JobConflict(
            f"Project `{name}` has jobs that have not ended ({counts}). Stop them first."
        )
    return found


def _ask(project: ProjectView) -> None:
    what = f"project {render.clean(project.name)} with {project.jobs} job(s) and their archives"
    if not is_answered():
        raise CommandFailed(f"This deletes {what}. Give --yes to do it without being asked.")
    click.confirm(f"Delete {what}?", abort=True, err=True)


def is_answered() -> bool:
    """Tell whether somebody can answer a question."""
    return sys.stdin.isatty()
