"""`foundations get job`: retrieves a job's archive as a directory or as one file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.groups import CommandFailed


@click.command()
@scheduler_argument
@job_argument
@click.option(
    "--save-dir",
    "--save_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to put it. Default: the current directory.",
)
@click.option(
    "--source-dir",
    "--source_dir",
    help="Retrieve only this part, such as `artifacts` or a folder of the project.",
)
@click.option("--archive", is_flag=True, help="Write one file, JOB_ID.tgz, and do not unpack it.")
@click.option("--force", is_flag=True, help="Replace what was retrieved before.")
@json_option
def job(
    scheduler: str,
    job_id: str,
    *,
    save_dir: Path,
    source_dir: str | None,
    archive: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Retrieve a job's archive into the directory SAVE_DIR/JOB_ID.

    It holds the project as it was submitted (`source`), what the job changed or created
    (`changed`), its artifacts, its log and its records.
    """
    if archive and source_dir:
        raise click.UsageError("--archive retrieves the whole archive; leave --source-dir out.")
    part = None if source_dir is None else _relative(source_dir)

    from foundations.errors import NotFound
    from foundations.job_states import FINAL_STATES
    from foundations.retrieval import store_archive, unpack_archive

    client = connect(scheduler)
    with naming(job_id, scheduler):
        detail = client.job(job_id)
    job_id = detail.job_id
    target = save_dir / (f"{job_id}.tgz" if archive else job_id)
    if not force and (target.exists() or target.is_symlink()):
        raise CommandFailed(f"{target} already exists. Give --force to replace it.")
    chunks = client.archive(job_id)
    try:
        if archive:
            store_archive(chunks, target)
        else:
            unpack_archive(chunks, target, job_id=job_id, part=part)
    except NotFound as error:
        ended = detail.state in FINAL_STATES
        when = "its files are still being kept" if ended else "it gets one when it starts"
        raise NotFound(
            f"Job `{job_id}` is {detail.state} and has no archive yet: {when}."
        ) from error
    if as_json:
        render.print_json({"job_id": job_id, "path": str(target.absolute())})
    else:
        click.echo(f"Successfully retrieved Job {job_id} from archive store")
        if detail.local:
            click.echo("It is a local run: there is no `source` in it, and no log.", err=True)


def _relative(source_dir: str) -> PurePosixPath | None:
    path = PurePosixPath(source_dir)
    if path.is_absolute() or ".." in path.parts:
        raise click.UsageError(f"--source-dir must be a path inside the archive, not {source_dir}.")
    return path if path.parts else None
