"""`foundations get artifact`: files that a job saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.output_file import output_options, save
from foundations.errors import NotFound

if TYPE_CHECKING:
    from foundations.models import ArtifactView


@click.command()
@scheduler_argument
@job_argument
@click.argument("key", required=False)
@output_options
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
    pieces = client.artifact(job_id, key)
    path = save(pieces, output, name=chosen.path, force=force)
    if path is None:
        return
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
