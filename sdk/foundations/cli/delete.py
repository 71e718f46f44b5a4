"""`foundations delete`: removes jobs that have ended, or a project of such, with their archives."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from foundations.cli import confirmation, render
from foundations.cli.batch import FINAL, Result, act_on_each, choose, jobs_or_filter, matching_jobs
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.cli.schedules import act_on_schedules, schedules_argument
from foundations.errors import JobConflict, NotFound
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import ProjectView


@click.group(cls=VerbGroup)
def delete() -> None:
    """Delete jobs with their archives, a project, or schedules."""


@delete.command()
@scheduler_argument
@jobs_or_filter
@json_option
def job(
    scheduler: str, job_ids: tuple[str, ...], *, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Delete jobs that have ended, with their archives.

    For 10 seconds, or what the server's settings say, `foundations restore job` brings them back.
    With several ids all of them are tried; the exit code is 1 when any could not be deleted.
    """
    client = connect(scheduler)
    deleted: list[str] = []

    def delete_one(job_id: str) -> Result:
        try:
            client.delete(job_id)
        except JobConflict as error:
            state = client.job(job_id).state
            text = (
                f"Job `{job_id}` has status `{state}` and cannot be deleted. "
                f"Stop it first: foundations stop job {scheduler} {job_id}"
            )
            raise JobConflict(text) from error
        deleted.append(job_id)
        return {"job_id": job_id, "message": f"Job {job_id} successfully deleted"}

    verb = "deletes, with their archives,"
    chosen = choose(client, job_ids, filter_, verb=verb, states=FINAL, yes=yes)
    grace_seconds = _grace_seconds(client)  # now: a refused job ends the command, and its client
    try:
        act_on_each(chosen, delete_one, scheduler=scheduler, as_json=as_json)
    finally:
        if deleted and not as_json:
            _say_how_to_undo(f"job {scheduler} {_few(deleted)}", grace_seconds)


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
        jobs = matching_jobs(client, None, project=name)
        what = f"deletes project {found.name}, its {counted(len(jobs))} and all archives"
        confirmation.confirm_jobs(what, jobs, yes=False)
    deleted = client.delete_project(name)
    if as_json:
        render.print_json(render.model_document(deleted))
    else:
        click.echo(f"Deleted project {render.clean(name)} with {counted(deleted.jobs)}")
        _say_how_to_undo(f"project {scheduler} {shlex.quote(name)}", _grace_seconds(client))


@delete.command()
@scheduler_argument
@schedules_argument
@json_option
def schedule(scheduler: str, schedule_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Delete schedules. Jobs that they submitted stay; it cannot be undone."""
    client = connect(scheduler)

    def delete_one(ref: str) -> str:
        found = client.schedule(ref)
        client.delete_schedule(found.schedule_id)
        return f"Deleted schedule {found.schedule_id}"

    act_on_schedules(schedule_ids, delete_one, as_json=as_json)


def _grace_seconds(client: Client) -> float:
    """For how long a deletion can be undone, where somebody is there to be told; else 0."""
    return client.info().delete_grace_seconds if confirmation.is_watched() else 0.0


def _say_how_to_undo(what: str, grace_seconds: float) -> None:
    if grace_seconds:
        command = render.clean(f"foundations restore {what}", one_line=True)
        click.echo(f"This can be undone for {grace_seconds:g} s: {command}", err=True)


def _few(job_ids: list[str]) -> str:
    return " ".join(job_ids) if len(job_ids) <= confirmation.SHOWN else "ID…"


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
