"""What the beginning of a file looks like as lines of text: text, tables, JSON, bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice

from rich.style import Style
from rich.text import Text

from atlas_tui.row_layout import fit
from foundations.text.quantities import size
from foundations.text.terminal import clean, display_width

MOST_BYTES = 1_000_000
"""So much of a file is read for a preview."""
MOST_LINES = 20_000
_CELL_WIDTH = 40
"""Widest column of a table."""
_BYTES_A_LINE = 16
FAINT, STRONG = Style(dim=True), Style(bold=True)
_TONES = {"+": Style(color="green"), "-": Style(color="red"), "@": Style(color="cyan")}
Line = str | Text


class Kind(StrEnum):
    """What a file seems to be."""

    TEXT = "text"
    TABLE = "table"
    JSON = "JSON"
    BINARY = "binary"


def kind_of(name: str, data: bytes) -> Kind:
    """Tell by its beginning, and among texts by its name, what a file is."""
    if _text(data) is None:
        return Kind.BINARY
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("csv", "tsv"):
        return Kind.TABLE
    return Kind.JSON if suffix in ("json", "ipynb") else Kind.TEXT


def preview(name: str, data: bytes, *, is_whole: bool) -> list[Line]:
    """Make the lines that show a file.

    Args:
        name: of the file.
        data: its beginning.
        is_whole: whether that is all of it.
    """
    kind = kind_of(name, data)
    if kind is Kind.BINARY:
        lines = _binary(data)
    elif kind is Kind.TABLE:
        lines = _table(_text(data) or "", separator="\t" if name.lower().endswith("tsv") else ",")
    elif kind is Kind.JSON:
        lines = _json(_text(data) or "", is_whole=is_whole)
    else:
        lines = _plain(_text(data) or "")
    if not data:
        lines = [Text("The file is empty.", FAINT)]
    if not is_whole:
        lines += [
            "",
            Text(f"Only the first {size(len(data))} are shown; save it to see all.", FAINT),
        ]
    return lines


def diff_lines(diff: str) -> list[Line]:
    """A unified diff, in colours."""
    return [Text(line, _TONES.get(line[:1], Style())) for line in _plain_lines(diff)]


def _text(data: bytes) -> str | None:
    """The text of a file, or None when it is none; its last character may be cut off."""
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4 or error.reason != "unexpected end of data":
            return None
        return data[: error.start].decode()


def _plain_lines(text: str) -> Iterable[str]:
    return (clean(line.expandtabs(4), one_line=True) for line in islice(_split(text), MOST_LINES))


def _split(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _plain(text: str) -> list[Line]:
    return list(_plain_lines(text))


def _table(text: str, *, separator: str) -> list[Line]:
    try:
        rows = list(islice(csv.reader(io.StringIO(text), delimiter=separator), MOST_LINES))
    except csv.Error:
        return _plain(text)
    if not rows:
        return []
    count = max(map(len, rows))
    # The widths of the first rows: looking at all of a long file would take a while.
    widths = [
        min(
            max((display_width(row[n]) for row in rows[:500] if n < len(row)), default=1),
            _CELL_WIDTH,
        )
        for n in range(count)
    ]
    numeric = [_is_numeric(row[n] for row in rows[1:100] if n < len(row)) for n in range(count)]
    lines: list[Line] = []
    for place, row in enumerate(rows):
        cells = [
            fit(cell, max(widths[n], 1), right=numeric[n]) for n, cell in enumerate(row[:count])
        ]
        lines.append(Text("  ".join(cells), STRONG if place == 0 else Style()))
    return lines


def _is_numeric(cells: Iterable[str]) -> bool:
    try:
        return all(cell == "" or float(cell) is not None for cell in cells)
    except ValueError:
        return False


def _json(text: str, *, is_whole: bool) -> list[Line]:
    if not is_whole:
        return _plain(text)
    try:
        written = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return [Text("This is not valid JSON.", FAINT), *_plain(text)]
    lines: list[Line] = []
    for line in _plain_lines(written):
        key, colon, value = line.partition('": ')
        if colon and key.lstrip().startswith('"'):
            lines.append(Text.assemble((key + '"', STRONG), ": ", value))
        else:
            lines.append(line)
    return lines


def _binary(data: bytes) -> list[Line]:
    lines: list[Line] = []
    if data.startswith(b"%PDF"):
        lines += [Text("PDF files are not shown here; save it to look at it.", FAINT), ""]
    for start in range(0, min(len(data), MOST_LINES * _BYTES_A_LINE), _BYTES_A_LINE):
        piece = data[start : start + _BYTES_A_LINE]
        numbers = piece[:8].hex(" ") + "  " + piece[8:].hex(" ")
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
        lines.append(f"{start:08x}  {numbers:48}  {shown}")
    return lines
