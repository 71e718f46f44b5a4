"""`foundations export`: all jobs, or all that they measured, for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from foundations.cli import export_mlflow
from foundations.cli.context import connect, optional_scheduler_argument
from foundations.cli.export_parquet import job_parquet, point_parquet
from foundations.cli.export_text import (
    POINT_FIELDS,
    STANDARD_OUTPUT,
    Row,
    job_csv,
    point_csv,
    text_output,
    write_json,
)
from foundations.cli.groups import VerbGroup
from foundations.cli.output_file import refuse_to_replace, written_whole
from foundations.cli.parquet import ParquetWriter
from foundations.errors import NotFound

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.verbs import Verbs

ROWS_AT_ONCE = 10_000
"""Points of a row group."""
FORMATS = ("csv", "json", "parquet")


@click.group(cls=VerbGroup)
def export() -> None:
    """Export jobs for other programs."""


@export.command()
@optional_scheduler_argument
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "mlflow"]),
    help="What to write. Default: what the name of the output ends in.",
)
@click.option(
    "--output",
    "-o",
    help="File to write to, for mlflow a directory. Default: standard output.",
)
@click.option("--tracking-uri", metavar="URI", help="Store of MLflow to write to.")
@click.option("--project", help="Only jobs of this project.")
@click.option(
    "--filter",
    "-f",
    "filter_",
    metavar="FILTER",
    help="Only jobs that it takes, such as 'state:completed since:7d'.",
)
@click.option("--points", is_flag=True, help="Every point of their metrics in place of the jobs.")
@click.option("--artifacts", is_flag=True, help="Copy artifacts to MLflow too.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def jobs(
    scheduler: str,
    *,
    form: str | None,
    output: str | None,
    tracking_uri: str | None,
    project: str | None,
    filter_: str | None,
    points: bool,
    artifacts: bool,
    force: bool,
) -> None:
    """Export all jobs, newest first, or with --points all that they measured."""
    form = form or _form_of(output)
    if form == "mlflow":
        if points or force:
            raise click.UsageError("--points and --force are not for MLflow: runs have all points.")
        store = export_mlflow.open_store(directory=output, tracking_uri=tracking_uri)
        client = connect(scheduler)
        pages = _pages(client, project, filter_, points=False)
        export_mlflow.write_runs(store, client, pages, artifacts=artifacts)
        return
    if artifacts or tracking_uri is not None:
        raise click.UsageError("--artifacts and --tracking-uri are for --format mlflow.")
    target = STANDARD_OUTPUT if output is None else output
    parquet = ParquetWriter() if form == "parquet" else None
    if parquet is not None and target == STANDARD_OUTPUT:
        raise click.UsageError("Parquet needs --output FILE.")
    if target != STANDARD_OUTPUT:
        refuse_to_replace(Path(target), force=force)
    pages = _pages(connect(scheduler), project, filter_, points=points)
    if parquet is not None:
        with written_whole(Path(target)) as file:
            (point_parquet if points else job_parquet)(parquet, file, pages)
    else:
        _write_text(form, target, pages, points=points)
    if target != STANDARD_OUTPUT:
        click.echo(f"Exported {'points' if points else 'jobs'} to {target}")


def _form_of(output: str | None) -> str:
    """Tell the format by the name of a file.

    Raises:
        click.UsageError: it does not say.
    """
    ending = "" if output is None else Path(output).suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise click.UsageError(
            "Missing option '--format': give csv, json, parquet or mlflow, or an --output whose "
            "name ends in .csv, .json or .parquet."
        )
    return ending


def write_jobs(path: Path, pages: Iterable[list[Row]], *, form: str) -> None:
    """Write jobs to a file, which is complete when it is there; one of its name is replaced.

    Args:
        path: the file.
        pages: jobs as the API answers them.
        form: one of `FORMATS`.

    Raises:
        MissingExtra: it shall be Parquet, and pyarrow is not installed.
    """
    if form == "parquet":
        parquet = ParquetWriter()
        with written_whole(path) as file:
            job_parquet(parquet, file, pages)
    else:
        _write_text(form, str(path), pages, points=False)


def _write_text(form: str, target: str, pages: Iterable[list[Row]], *, points: bool) -> None:
    with text_output(target) as text:
        if form == "json":
            write_json(text, pages)
        else:
            (point_csv if points else job_csv)(text, pages)


def _pages(
    client: Client, project: str | None, filter_: str | None, *, points: bool
) -> Iterator[list[Row]]:
    from foundations.transport.paging import job_pages

    found = job_pages(client, project=project, filter=filter_)
    return _batches(_points(client, found)) if points else found


def _points(client: Verbs, pages: Iterable[list[Row]]) -> Iterator[Row]:
    from foundations.transport.paging import point_pages

    for job in (job for page in pages for job in page):
        job_id = job["job_id"]
        try:
            for metric in job["metrics"]:
                for page in point_pages(client, job_id, metric):
                    for point in page:
                        values = (point["step"], point["value"], point["at"])
                        yield dict(zip(POINT_FIELDS, (job_id, metric, *values), strict=True))
        except NotFound:
            click.echo(f"Job {job_id} was deleted meanwhile; points of it are missing.", err=True)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
