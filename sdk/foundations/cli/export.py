"""`foundations export`: all jobs, or all that they measured, for other programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import click

from foundations.cli import export_mlflow, job_columns
from foundations.cli.context import connect, optional_scheduler_argument
from foundations.cli.job_spool import JobSpool
from foundations.cli.output_file import refuse_to_replace, written_whole
from foundations.cli.parquet import Kind, Kinds, ParquetColumn, ParquetWriter
from foundations.cli.render import clean
from foundations.errors import NotFound
from foundations.json_numbers import EXACT_IN_FLOATS

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.verbs import Verbs

Row = dict[str, Any]

ROWS_AT_ONCE = 10_000
"""Points of a row group."""
STANDARD_OUTPUT = "-"
FORMATS = ("csv", "json", "parquet")
_FIELD_KINDS: dict[str, Kind] = {
    "local": "boolean",
    "command": "texts",
    "submitted": "time",
    "started": "time",
    "finished": "time",
    "exit_code": "integer",
    "attempt": "integer",
    "priority": "integer",
    "gpus": "number",
    "cpus": "number",
    "ram": "number",
    "duration": "number",
    "position": "integer",
    "expected_start": "time",
    "waits_for": "texts",
}
_POINT_FIELDS = ("job_id", "metric", "step", "value", "at")


class Text(Protocol):
    """Takes text."""

    def write(self, text: str, /) -> object:
        """Take some more."""


@click.group()
def export() -> None:
    """Export jobs for other programs."""


@export.command()
@optional_scheduler_argument
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "mlflow"]),
    required=True,
    help="What to write.",
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
    form: str,
    output: str | None,
    tracking_uri: str | None,
    project: str | None,
    filter_: str | None,
    points: bool,
    artifacts: bool,
    force: bool,
) -> None:
    """Export all jobs, newest first, or with --points all that they measured."""
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
            (_point_parquet if points else _job_parquet)(parquet, file, pages)
    else:
        _write_text(form, target, pages, points=points)
    if target != STANDARD_OUTPUT:
        click.echo(f"Exported {'points' if points else 'jobs'} to {target}")


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
            _job_parquet(parquet, file, pages)
        return
    with _text_output(str(path)) as text:
        (_write_json if form == "json" else _job_csv)(text, pages)


# -- what is exported


def _pages(
    client: Client, project: str | None, filter_: str | None, *, points: bool
) -> Iterator[list[Row]]:
    from foundations.paging import job_pages

    found = job_pages(client, project=project, filter=filter_)
    return _batches(_points(client, found)) if points else found


def _points(client: Verbs, pages: Iterable[list[Row]]) -> Iterator[Row]:
    from foundations.paging import point_pages

    for job in (job for page in pages for job in page):
        job_id = job["job_id"]
        try:
            for metric in job["metrics"]:
                for page in point_pages(client, job_id, metric):
                    for point in page:
                        values = (point["step"], point["value"], point["at"])
                        yield dict(zip(_POINT_FIELDS, (job_id, metric, *values), strict=True))
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


# -- text


class _StandardOutput:
    """Text goes out as it is, except where it could control a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()

    def write(self, text: str, /) -> None:
        # `color` keeps click from taking escape sequences out of what goes to a file.
        click.echo(clean(text) if self._is_terminal else text, nl=False, color=True)


@contextmanager
def _text_output(output: str) -> Iterator[Text]:
    if output == STANDARD_OUTPUT:
        yield _StandardOutput()
        return
    with written_whole(Path(output)) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
        yield text
        text.detach()


def _write_text(form: str, target: str, pages: Iterable[list[Row]], *, points: bool) -> None:
    with _text_output(target) as text:
        if form == "json":
            _write_json(text, pages)
        else:
            (_point_csv if points else _job_csv)(text, pages)


def _write_json(text: Text, pages: Iterable[list[Row]]) -> None:
    """Write one array, a line for each element."""
    before = "[\n"
    for row in (row for page in pages for row in page):
        text.write(before + json.dumps(row))
        before = ",\n"
    text.write("[]\n" if before == "[\n" else "\n]\n")


def _job_csv(text: Text, pages: Iterable[list[Row]]) -> None:
    writer = csv.writer(text, lineterminator="\n")
    with JobSpool(pages) as spool:
        columns = job_columns.every_column(spool.names)
        writer.writerow([column.name for column in columns])
        for page in spool.pages():
            writer.writerows(job_columns.exact_rows(columns, page))


def _point_csv(text: Text, pages: Iterable[list[Row]]) -> None:
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_POINT_FIELDS)
    for page in pages:
        writer.writerows([_exact(row[field]) for field in _POINT_FIELDS] for row in page)


def _exact(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)


# -- Parquet


def _job_parquet(parquet: ParquetWriter, file: IO[bytes], pages: Iterable[list[Row]]) -> None:
    with JobSpool(pages) as spool:
        columns = job_columns.every_column(spool.names)
        recorded = {
            column.name: Kinds(measured=column.name.startswith("metric."))
            for column in columns
            if "." in column.name
        }
        for page in spool.pages():
            for column in columns:
                if column.name in recorded:
                    for job in page:
                        recorded[column.name].see(column.value(job))
        kinds = {name: seen.kind for name, seen in recorded.items()}
        typed = [
            ParquetColumn(
                column.name, column.value, kinds.get(column.name, _field_kind(column.name))
            )
            for column in columns
        ]
        parquet.write(file, typed, spool.pages())


def _field_kind(name: str) -> Kind:
    return _FIELD_KINDS.get(name, "text")


def _point_parquet(parquet: ParquetWriter, file: IO[bytes], pages: Iterable[list[Row]]) -> None:
    columns = [
        ParquetColumn("job_id", lambda row: row["job_id"], "text"),
        ParquetColumn("metric", lambda row: row["metric"], "text"),
        ParquetColumn("step", lambda row: row["step"], "number"),
        ParquetColumn("value", _value_as_number, "number"),
        ParquetColumn("value_json", _value_as_json, "json"),
        ParquetColumn("at", lambda row: row["at"], "time"),
    ]
    parquet.write(file, columns, pages)


def _value_as_number(row: Row) -> Any:
    """The value where a float holds it."""
    return row["value"] if _point_kind(row) == "number" else None


def _value_as_json(row: Row) -> Any:
    """The value where no float holds it."""
    return None if _point_kind(row) == "number" else row["value"]


def _point_kind(row: Row) -> Kind:
    value = row["value"]
    kinds = Kinds(measured=True)
    kinds.see(value)
    if kinds.kind == "integer" and abs(value) <= EXACT_IN_FLOATS:
        return "number"
    return kinds.kind
