"""`foundations rerun`: repeats a job, with what is changed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, naming, scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.cli.limit_options import limit_options
from foundations.cli.queueing import queue, queue_directory, stream
from foundations.cli.resource_options import resource_options
from foundations.cli.submit_values import read_environment, read_params, read_tags

if TYPE_CHECKING:
    from foundations.models import JobDetail, JobSpec
    from foundations.preparation import PreparedSubmission


@click.group(cls=VerbGroup)
def rerun() -> None:
    """Repeat jobs."""


@rerun.command("job")
@scheduler_argument
@job_argument
@click.option(
    "--param", "-p", "param_pairs", multiple=True, metavar="KEY=VALUE", help="Change a parameter."
)
@click.option(
    "--params",
    "params_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Change parameters to those of a JSON or YAML file.",
)
@click.option("--command", metavar="LINE", help="Run this script with its arguments instead.")
@click.option("--project-name", help="Another project.")
@resource_options
@click.option("--priority", type=click.IntRange(-100, 100), help="Larger goes first.")
@click.option("--hold", is_flag=True, help="Let it wait until `foundations release job`.")
@limit_options
@click.option("--image", help="Another Docker image.")
@click.option(
    "--env", "env_pairs", multiple=True, metavar="NAME[=VALUE]", help="One environment variable."
)
@click.option("--tag", "tag_pairs", multiple=True, metavar="KEY[=VALUE]", help="One tag.")
@click.option("--here", is_flag=True, help="Run the current directory, not what the job ran.")
@click.option("--detach", "-d", is_flag=True, help="Print the job's id, and nothing else there.")
@click.option("--json", "as_json", is_flag=True, help="With --detach: print the job as JSON.")
def rerun_job(
    scheduler: str,
    job_id: str,
    *,
    param_pairs: tuple[str, ...],
    params_file: Path | None,
    command: str | None,
    here: bool,
    hold: bool,
    detach: bool,
    as_json: bool,
    **other: Any,
) -> None:
    """Run a job again: the same files, image, parameters and command, except for what you change.

    The exit codes are those of `submit`.
    """
    if as_json and not detach:
        raise click.UsageError("--json needs --detach: streamed logs are no JSON document.")
    ctx = click.get_current_context()
    params = read_params(params_file, param_pairs)
    changes = _changes(**other)

    from foundations.rerun import create_rerun, rerun_spec
    from foundations.streaming import JobConsole
    from foundations.unpinned import unpinned

    client = connect(scheduler)
    with naming(job_id, scheduler):
        old = client.job(job_id)
    spec = rerun_spec(old, command=command, params=params, changes=changes)
    console = JobConsole(sys.stderr if detach else sys.stdout, level=spec.log_level)
    console.info(_announcement(old, spec, here=here))
    for text in unpinned(old):
        console.say("WARNING", text)
    if here:
        job = queue_directory(ctx, client, _prepared(spec, hold=hold), console, repeated=old)
    else:
        job = queue(ctx, client, lambda: create_rerun(client, old, spec, hold=hold), console)
    if as_json:
        render.print_json(render.model_document(job))
    elif detach:
        click.echo(job.job_id)
    else:
        stream(ctx, client, job, console, scheduler=scheduler)


def _changes(
    *,
    project_name: str | None,
    env_pairs: tuple[str, ...],
    tag_pairs: tuple[str, ...],
    **same: Any,
) -> dict[str, Any]:
    """What is asked for beside command and parameters, by the names of the spec."""
    given = {"project": project_name, **same}
    return {
        **{name: value for name, value in given.items() if value is not None},
        **({"environment": read_environment(env_pairs)} if env_pairs else {}),
        **({"tags": read_tags(tag_pairs)} if tag_pairs else {}),
    }


def _prepared(spec: JobSpec, *, hold: bool) -> PreparedSubmission:
    from foundations.preparation import PreparedSubmission

    return PreparedSubmission(job_dir=Path.cwd(), spec=spec, log_level=spec.log_level, hold=hold)


def _announcement(old: JobDetail, spec: JobSpec, *, here: bool) -> str:
    changed = [
        name
        for name, differs in (
            ("files", here),
            ("command", spec.command != old.spec.command),
            ("parameters", spec.params != old.spec.params),
            ("settings", _settings(spec) != _settings(old.spec)),
        )
        if differs
    ]
    other = "another" if changed[:1] == ["command"] else "other"
    what = f"with {other} {' and '.join(changed)}" if changed else "unchanged"
    return f"Repeating job '{old.job_id}' {what}."


_NO_SETTINGS = {"project", "command", "params", "user", "rerun_of", "pinned_image"}


def _settings(spec: JobSpec) -> dict[str, Any]:
    """What neither command nor parameters are; the project may have been renamed."""
    return spec.model_dump(exclude=_NO_SETTINGS)
