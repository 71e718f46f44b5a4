"""What commands print: JSON documents, tables and the forms of single values."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from foundations.text.quantities import size
from foundations.text.terminal import clean, display_width, shorten
from foundations.text.value_words import MISSING, duration, local_time, mapping, value

if TYPE_CHECKING:
    from pydantic import BaseModel

    from foundations.models import ArtifactView, MetricSummary, NoteView

__all__ = [
    "Column",
    "MISSING",
    "clean",
    "duration",
    "local_time",
    "mapping",
    "model_document",
    "print_artifacts",
    "print_csv",
    "print_fields",
    "print_json",
    "print_json_line",
    "print_notes",
    "print_table",
    "size",
    "state",
    "value",
    "writes_unicode",
]

GAP = "  "
_COLOURS = {
    "queued": "yellow",
    "starting": "cyan",
    "running": "cyan",
    "stopping": "magenta",
    "completed": "green",
    "failed": "red",
    "stopped": "magenta",
    "lost": "red",
    "pruned": "magenta",
}
# JSON escapes the C0 controls itself; these would reach the terminal as they are.
_UNESCAPED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    narrowest: int | None = None
    """Width it may be shortened to on a small terminal; None keeps it whole."""
    ellipsis: bool = True
    """Whether a shortened value ends in `…`; ids do not, their beginning is valid."""
    droppable: bool = False
    """Whether it may be left out where even shortened columns do not fit."""
    style: Callable[[str], str] | None = None
    """Colours a value that is already padded."""


def print_json(document: Any) -> None:
    """Print one JSON document."""
    text = json.dumps(document, indent=2, ensure_ascii=not writes_unicode())
    click.echo(_UNESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def print_json_line(document: Any) -> None:
    """Print one JSON object on one line."""
    text = json.dumps(document, ensure_ascii=not writes_unicode())
    click.echo(_UNESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def print_csv(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print comma-separated values; None is an empty cell. On a terminal they are made safe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(rows)
    whole = text.getvalue()
    # color=True: click would strip escape sequences from what goes to a file.
    click.echo(clean(whole) if sys.stdout.isatty() else whole, nl=False, color=True)


def model_document(model: BaseModel) -> Any:
    """Return a view as JSON values: times are ISO 8601 in UTC."""
    return model.model_dump(mode="json")


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their titles, fitted to the terminal when there is one."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table_lines(columns, rows, width=width):
        click.echo(line)


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None
) -> list[str]:
    """Lay out a table in lines of at most `width` cells; None is as wide as it takes.

    A droppable column that says nothing in any row is left out.
    """
    told = [
        place
        for place, column in enumerate(columns)
        if not column.droppable or any(row[place] not in ("", MISSING) for row in rows)
    ]
    columns = [columns[place] for place in told]
    cells = [[clean(row[place], one_line=True) for place in told] for row in rows]
    natural = [
        max([len(column.title), *(display_width(row[place]) for row in cells)])
        for place, column in enumerate(columns)
    ]
    widths = _fit(columns, natural, width)
    shown = [place for place, cell_width in enumerate(widths) if cell_width > 0]
    titles = [columns[place].title for place in range(len(columns))]
    lines = [_line(columns, titles, widths, shown, styled=False)]
    lines += [_line(columns, row, widths, shown, styled=True) for row in cells]
    return lines


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one a line; a value without a name goes on from the line before."""
    longest = max((len(name) for name, _ in fields), default=0)
    for name, text in fields:
        click.echo(f"{name + ':' if name else '':<{longest + 1}} {clean(text)}")


def print_artifacts(artifacts: Sequence[ArtifactView]) -> None:
    """Print a table of artifacts."""
    columns = [
        Column("KEY", narrowest=8),
        Column("PATH", narrowest=8),
        Column("SIZE"),
        Column("SAVED"),
    ]
    rows = [
        [one.key, one.path, size(one.size_bytes), local_time(one.saved_at)] for one in artifacts
    ]
    print_table(columns, rows)


def print_summaries(series: Sequence[MetricSummary]) -> None:
    """Print each metric in a row, with the steps of its extremes."""
    titles = ("NAME", "LAST", "STEP", "MIN", "AT STEP", "MAX", "AT STEP", "COUNT")
    numbers = ("last_step", "min", "min_step", "max", "max_step")
    rows = [
        [
            one.name,
            value(one.last),
            *(
                MISSING if number is None else value(number)
                for number in (getattr(one, name) for name in numbers)
            ),
            str(one.count),
        ]
        for one in series
    ]
    print_table([Column(title) for title in titles], rows)


def print_notes(notes: Sequence[NoteView]) -> None:
    """Print notes below each other."""
    for one in notes:
        click.echo(f"{local_time(one.at)}  {clean(one.author, one_line=True)}")
        click.echo(textwrap.indent(clean(one.text), "    "))


def state(text: str) -> str:
    """Colour a state, padded or not."""
    return click.style(text, fg=_COLOURS.get(text.strip()))


def writes_unicode() -> bool:
    """Tell whether standard output can show every character."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _fit(columns: Sequence[Column], natural: list[int], width: int | None) -> list[int]:
    """Shorten columns, the widest first, then leave some out; 0 leaves a column out."""
    widths = list(natural)
    if width is None:
        return widths
    narrowest = [
        cells if column.narrowest is None else min(cells, column.narrowest)
        for column, cells in zip(columns, natural, strict=True)
    ]
    for place, column in enumerate(columns):
        # Ids first: their beginning says as much as the whole.
        if not column.ellipsis and _total(widths) > width:
            widths[place] = narrowest[place]
    droppable = [place for place, column in enumerate(columns) if column.droppable]
    while droppable and _total([min(pair) for pair in zip(widths, narrowest, strict=True)]) > width:
        widths[droppable.pop()] = 0
    while (excess := _total(widths) - width) > 0:
        slack = [cells - least for cells, least in zip(widths, narrowest, strict=True)]
        widest = max(
            (place for place, spare in enumerate(slack) if spare > 0 and widths[place] > 0),
            key=lambda place: widths[place],
            default=None,
        )
        if widest is None:
            break
        widths[widest] -= min(excess, slack[widest], 1 + slack[widest] // 4)
    return widths


def _total(widths: Sequence[int]) -> int:
    shown = [cells for cells in widths if cells > 0]
    return sum(shown) + len(GAP) * max(0, len(shown) - 1)


def _line(
    columns: Sequence[Column],
    cells: Sequence[str],
    widths: Sequence[int],
    shown: Sequence[int],
    *,
    styled: bool,
) -> str:
    parts = []
    for place in shown:
        column, width = columns[place], widths[place]
        text = cells[place]
        text = shorten(text, width) if column.ellipsis else text[:width]
        if place != shown[-1]:
            text += " " * (width - display_width(text))
        parts.append(column.style(text) if styled and column.style is not None else text)
    return GAP.join(parts).rstrip()
