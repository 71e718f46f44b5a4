"""`foundations get job`: retrieves a job's archive as a directory or as one file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    client = connect(scheduler)
    with naming(job_id, scheduler):
        detail = client.job(job_id)
        job_id = detail.job_id
        target = save_dir / (f"{job_id}.tgz" if archive else job_id)
        if not force and (target.exists() or target.is_symlink()):
            raise CommandFailed(f"{target} already exists. Give --force to replace it.")
        chunks = client.archive(job_id)
        if archive:
            _store(chunks, target)
        else:
            _unpack(chunks, target, job_id=job_id, part=part)
    if as_json:
        render.print_json({"job_id": job_id, "path": str(target.absolute())})
    else:
        click.echo(f"Successfully retrieved Job {job_id} from archive store")
        if detail.local:
            click.echo("It is a local run: there is no `source` in it, and no log.", err=True)


def _store(chunks: Iterable[bytes], target: Path) -> None:
    with _workplace(target) as place:
        packed = place / target.name
        with packed.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        packed.replace(target)


def _unpack(
    chunks: Iterable[bytes], target: Path, *, job_id: str, part: PurePosixPath | None
) -> None:
    from foundations.unpack import RETRIEVED, unpack

    with _workplace(target) as place:
        whole = place / "whole"
        whole.mkdir()
        unpack(chunks, whole, limits=RETRIEVED, links=True)
        result = whole / job_id
        if part is not None:
            result = _pick(result, part, place / "part")
        if target.exists() or target.is_symlink():
            target.rename(place / "replaced")
        result.rename(target)


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Make a directory beside the target, from which the finished result is renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _pick(archive: Path, part: PurePosixPath, result: Path) -> Path:
    """Move one part, of the archive or of the project inside it, to a directory of its own."""
    for path in (part, PurePosixPath("source") / part):
        if (archive / path).exists():
            (result / path).parent.mkdir(parents=True)
            (archive / path).rename(result / path)
            return result
    names = ", ".join(sorted(entry.name for entry in archive.iterdir()))
    raise CommandFailed(f"The archive has no `{part}`. It has: {names}.")


def _relative(source_dir: str) -> PurePosixPath | None:
    path = PurePosixPath(source_dir)
    if path.is_absolute() or ".." in path.parts:
        raise click.UsageError(f"--source-dir must be a path inside the archive, not {source_dir}.")
    return path if path.parts else None
