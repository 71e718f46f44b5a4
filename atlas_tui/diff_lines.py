"""A source diff as lines with colours; no widgets."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from foundations.models import SourceDiff
from foundations.terminal import clean

_MARKS = {"added": "A", "removed": "D", "changed": "M", "unknown": "?"}
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def diff_lines(source: SourceDiff) -> Iterator[Text]:
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
            for line in file.diff.removesuffix("\n").split("\n"):
                yield Text(clean(line, one_line=True), _STYLES.get(line[:1], ""))
