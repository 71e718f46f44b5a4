"""What happened to jobs, a line an event; no widgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.text import Text

from atlas_tui.columns import ago
from atlas_tui.looks import Palette
from atlas_tui.row_layout import fit, hanging
from foundations.models import Change
from foundations.text.terminal import clean

_WORDS = {
    "Claimed": "chosen to run",
    "NotStarted": "not started yet",
    "StartRefused": "could not be started",
    "Exited": "ended",
    "Gone": "lost",
    "StopRequested": "asked to stop",
    "TimedOut": "out of time",
    "Expired": "waited too long",
    "Barred": "can never start",
}
_TOLD = (
    "reason",
    "exit_code",
    "retry",
    "by",
    "user",
    "name",
    "key",
    "value",
    "new_name",
    "priority",
)
"""Details that are worth a place on the line."""
_BEGIN = 15
"""Where the words of an event begin, behind its time and the job."""


def event_lines(
    changes: Sequence[Change], *, now: datetime, palette: Palette, width: int
) -> Iterator[Text]:
    """Yield a line for each change, or several of at most `width` cells; the newest first."""
    for change in reversed(changes):
        word, style = palette.state(change.state)
        line = Text()
        line.append(f" {ago(change.at, now):>4} ", "dim")
        line.append(f"{change.job_id[:8]} ", "")
        line.append(fit(word, 12), style)
        line.append(" " + _WORDS.get(change.event, clean(change.event, one_line=True).lower()))
        told = [
            f"{key.replace('_', ' ')} {change.detail[key]}"
            for key in _TOLD
            if change.detail.get(key) is not None
        ]
        line.append(f"  {clean(change.project, one_line=True)}", "dim")
        if told:
            line.append("  " + clean(", ".join(told), one_line=True), "dim")
        yield from hanging(line, _BEGIN, width)
