"""A source diff as lines with colours; no widgets."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from atlas_tui import previews
from foundations.models import SourceDiff
from foundations.terminal import clean

_MARKS = {"added": "A", "removed": "D", "changed": "M", "unknown": "?"}


def diff_lines(source: SourceDiff) -> Iterator[previews.Line]:
    """Yield the list of files, then what changed in each."""
    if not source.files:
        yield Text("The files of the two jobs are the same.")
        return
    for file in source.files:
        note = f"  {file.omitted}" if file.omitted else ""
        yield Text(f"{_MARKS[file.change]} {clean(file.path + note, one_line=True)}", "bold")
    if source.left_out:
        yield Text(f"and {source.left_out} more files", "dim")
    for file in source.files:
        if file.diff:
            yield Text("")
            yield from previews.diff_lines(file.diff)
