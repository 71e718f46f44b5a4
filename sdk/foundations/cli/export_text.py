"""Exported jobs and points as CSV and JSON, in a file or on standard output."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click

from foundations.cli import job_columns
from foundations.cli.job_spool import JobSpool
from foundations.cli.output_file import written_whole
from foundations.cli.render import clean

Row = dict[str, Any]

STANDARD_OUTPUT = "-"
POINT_FIELDS = ("job_id", "metric", "step", "value", "at")


class Text(Protocol):
    """Takes text."""

    def write(self, text: str, /) -> object:
        """Take some more."""


class _StandardOutput:
    """Text goes out as it is, except where it could control a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()

    def write(self, text: str, /) -> None:
        # `color` keeps click from taking escape sequences out of what goes to a file.
        click.echo(clean(text) if self._is_terminal else text, nl=False, color=True)


@contextmanager
def text_output(output: str) -> Iterator[Text]:
    """Open a file that is complete when it is there, or standard output."""
    if output == STANDARD_OUTPUT:
        yield _StandardOutput()
        return
    with written_whole(Path(output)) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
        yield text
        text.detach()


def write_json(text: Text, pages: Iterable[list[Row]]) -> None:
    """Write one array, a line for each element."""
    before = "[\n"
    for row in (row for page in pages for row in page):
        text.write(before + json.dumps(row))
        before = ",\n"
    text.write("[]\n" if before == "[\n" else "\n]\n")


def job_csv(text: Text, pages: Iterable[list[Row]]) -> None:
    """Write jobs, with a column for everything that one of them has."""
    writer = csv.writer(text, lineterminator="\n")
    with JobSpool(pages) as spool:
        columns = job_columns.every_column(spool.names)
        writer.writerow([column.name for column in columns])
        for page in spool.pages():
            writer.writerows(job_columns.exact_rows(columns, page))


def point_csv(text: Text, pages: Iterable[list[Row]]) -> None:
    """Write points of metrics."""
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(POINT_FIELDS)
    for page in pages:
        writer.writerows([_exact(row[field]) for field in POINT_FIELDS] for row in page)


def _exact(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)
