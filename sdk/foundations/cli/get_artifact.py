"""`foundations get artifact`: files that a job saved."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.output_file import refuse_to_replace, written_whole
from foundations.errors import NotFound

if TYPE_CHECKING:
    from foundations.models import ArtifactView


@click.command()
@scheduler_argument
@job_argument
@click.argument("key", required=False)
@click.option(
    "--output",
    "-o",
    help="File or directory to write to, `-` for standard output. Default: the current directory.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
def artifact(
    scheduler: str,
    job_id: str,
    key: str | None,
    *,
    output: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Get the artifact KEY of a job; without KEY, list its artifacts."""
    client = connect(scheduler)
    with naming(job_id, scheduler):
        found = client.artifacts(job_id)
    if key is None:
        _list(found, as_json=as_json)
        return
    chosen = next((one for one in found if one.key == key), None)
    if chosen is None:
        known = ", ".join(one.key for one in found) or "none"
        raise NotFound(f"Job `{job_id}` has no artifact `{key}`. It has: {known}")
    if output == "-":
        _copy(client.artifact(job_id, key), sys.stdout.buffer)
        return
    path = _target(output, chosen)
    refuse_to_replace(path, force=force)
    with written_whole(path) as file:
        _copy(client.artifact(job_id, key), file)
    if as_json:
        render.print_json({"job_id": job_id, "key": key, "path": str(path.absolute())})
    else:
        click.echo(f"Saved artifact {render.clean(key)} to {path}")


def _list(artifacts: list[ArtifactView], *, as_json: bool) -> None:
    if as_json:
        render.print_json([render.model_document(one) for one in artifacts])
    elif artifacts:
        render.print_artifacts(artifacts)
    else:
        click.echo("No artifacts.")


def _target(output: str | None, artifact: ArtifactView) -> Path:
    path = Path(output or ".")
    # Only the last part of what a job chose as a name: it must not lead anywhere else.
    name = PurePosixPath(artifact.path).name
    if path.is_dir():
        return path / (name if name not in ("", "..") else "artifact")
    return path


def _copy(pieces: Iterable[bytes], file: Any) -> None:
    for piece in pieces:
        file.write(piece)
    file.flush()
