"""`foundations submit`: copies a directory, queues a job and streams what becomes of it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import load_config, reach, scheduler_argument
from foundations.cli.image_options import image_options, read_build
from foundations.cli.limit_options import limit_options
from foundations.cli.queueing import queue_array, queue_directory, queue_schedule, stream
from foundations.cli.resource_options import resource_options
from foundations.cli.submit_syntax import SubmitCommand
from foundations.cli.submit_terms import read_terms, term_options
from foundations.cli.submit_values import read_environment, read_params, read_tags

if TYPE_CHECKING:
    from pydantic import BaseModel

    from foundations.preparation import Asked


@click.command(cls=SubmitCommand, options_metavar="[OPTIONS]")
@scheduler_argument
@click.argument("job_dir", type=click.Path(path_type=Path))
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--project-name", help="Project of the job. Default: the directory's name.")
@click.option("--entrypoint", help="What runs the command, such as `bash`. Default: the image's.")
@resource_options
@click.option("--priority", type=click.IntRange(-100, 100), help="Larger goes first. Default: 0.")
@click.option("--hold", is_flag=True, help="Let it wait until `foundations release job`.")
@limit_options
@term_options
@image_options
@click.option(
    "--param", "-p", "param_pairs", multiple=True, metavar="KEY=VALUE", help="One parameter."
)
@click.option(
    "--params",
    "params_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Parameters from a JSON or YAML file.",
)
@click.option(
    "--env", "env_pairs", multiple=True, metavar="NAME[=VALUE]", help="One environment variable."
)
@click.option(
    "--secret",
    "secret_names",
    multiple=True,
    metavar="NAME[:env]",
    help="One secret, as a file or a variable too.",
)
@click.option("--tag", "tag_pairs", multiple=True, metavar="KEY[=VALUE]", help="One tag.")
@click.option(
    "--stream-job-logs/--no-stream-job-logs",
    default=True,
    help="Stay and print the job's output (also: --stream-job-logs True|False). Default: stay.",
)
@click.option("--detach", "-d", is_flag=True, help="Print the job's id, and nothing else there.")
@click.option("--json", "as_json", is_flag=True, help="With --detach: print the job as JSON.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def submit(
    scheduler: str,
    job_dir: Path,
    command: tuple[str, ...],
    *,
    stream_job_logs: bool,
    detach: bool,
    as_json: bool,
    debug: bool,
    **given: Any,
) -> None:
    """Copy JOB_DIR, and queue a job that runs COMMAND in the copy.

    COMMAND is a script and its arguments; without it `job.config.yaml` decides, then main.py.
    Options stand before COMMAND: what follows the script belongs to the script.

    The exit code is 0 when the job completed, 3 when it ended in another way, and 130 after
    Ctrl-C, which before the submission cancels it and later leaves the job alone.
    """
    ctx = click.get_current_context()
    if debug:
        ctx.find_root().params["debug"] = True
    if as_json and not detach:
        raise click.UsageError("--json needs --detach: streamed logs are no JSON document.")
    terms = read_terms(given)
    asked = _asked(command, terms=terms, **given)

    from foundations.preparation import prepare_submission
    from foundations.streaming import JobConsole

    config = load_config(scheduler, job_dir=job_dir)
    prepared = prepare_submission(job_dir, asked, config=config)
    console = JobConsole(sys.stderr if detach else sys.stdout, level=prepared.log_level)
    client = reach(config)
    if terms.array is not None:
        array = queue_array(ctx, client, prepared, console)
        _print(array, array.array_id, detach=detach, as_json=as_json)
        return
    if terms.cron is not None:
        schedule = queue_schedule(ctx, client, prepared, console)
        _print(schedule, schedule.schedule_id, detach=detach, as_json=as_json)
        return
    job = queue_directory(ctx, client, prepared, console)
    _print(job, job.job_id, detach=detach, as_json=as_json)
    if not (as_json or detach or job.existed) and stream_job_logs:
        stream(ctx, client, job, console, scheduler=scheduler)


def _print(queued: BaseModel, its_id: str, *, detach: bool, as_json: bool) -> None:
    """Tell scripts what was queued; people were told already."""
    if as_json:
        render.print_json(render.model_document(queued))
    elif detach:
        click.echo(its_id)


def _asked(
    command: tuple[str, ...],
    *,
    param_pairs: tuple[str, ...],
    params_file: Path | None,
    build: str | None,
    build_context: str | None,
    build_target: str | None,
    build_args: tuple[str, ...],
    env_pairs: tuple[str, ...],
    secret_names: tuple[str, ...],
    tag_pairs: tuple[str, ...],
    **same: Any,
) -> Asked:
    from foundations.preparation import Asked
    from foundations.secret_uses import read_secrets

    return Asked(
        command=command,
        build=read_build(build, context=build_context, target=build_target, args=build_args),
        params=read_params(params_file, param_pairs),
        environment=read_environment(env_pairs),
        secrets=read_secrets(secret_names),
        tags=read_tags(tag_pairs),
        interpreter=active_python(),
        **same,
    )


def active_python() -> str | None:
    """Return the interpreter of the active environment, else `python3` of the path."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(variable):
            python = Path(os.environ[variable]) / "bin" / "python"
            if python.is_file():
                return str(python)
    return shutil.which("python3")
