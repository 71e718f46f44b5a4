"""Source diffs as lines with colours; no widgets."""

from __future__ import annotations

from collections.abc import Iterator

from rich.style import Style
from rich.text import Text

from atlas_tui import previews
from foundations.models import FileDiff, SourceDiff
from foundations.text.terminal import clean

CHANGE_SIGNS = {"added": "A", "removed": "D", "changed": "M", "unknown": "?"}
"""The letter before a file's name, by what became of it."""


def source_diff_lines(source: SourceDiff) -> Iterator[previews.Line]:
    """Yield the list of files, then what changed in each."""
    if not source.files:
        yield Text("The files of the two jobs are the same.")
        return
    for file in source.files:
        note = f"  {file.omitted}" if file.omitted else ""
        yield Text(f"{CHANGE_SIGNS[file.change]} {clean(file.path + note, one_line=True)}", "bold")
    if source.left_out:
        yield Text(f"and {source.left_out} more files", "dim")
    for file in source.files:
        if file.diff:
            yield Text("")
            yield from previews.diff_lines(file.diff)


def file_diff_lines(file: FileDiff) -> list[previews.Line]:
    """Tell what changed in one file, or why that is not told."""
    if file.omitted:
        return [Text(f" {file.change}: {file.omitted}", Style(dim=True))]
    return previews.diff_lines(file.diff)
