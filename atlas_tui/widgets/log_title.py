"""The line above a log: whose it is, how the job stands, and where in the log this is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from atlas_tui.looks import Palette
from foundations.text.quantities import size
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from foundations.models import JobDetail

_NARROW = 50
"""Below so many columns only what cannot be left out is told."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the line tells."""

    job: JobDetail | None = None
    follows: bool = True
    is_live: bool = False
    """Whether more is to come."""
    new_lines: int = 0
    """Lines that came in while another place is read."""
    counts_all: bool = True
    """Whether there are no more new lines than these."""
    percent: int = 100
    size_bytes: int = 0
    search: str = ""
    """How the search stands."""
    switches: str = ""
    """What is switched on: regex, case, wrap."""
    trouble: str = ""


class LogTitle(Widget):
    """One line."""

    DEFAULT_CSS = """
    LogTitle { height: 1; background: $panel; }
    LogTitle.focused { background: $primary 25%; }
    LogTitle.focused:ansi { background: $background; text-style: reverse; }
    LogTitle > .title--faint { text-style: dim; }
    LogTitle > .title--good { color: $success; text-style: bold; }
    LogTitle > .title--new { color: $warning; text-style: bold; }
    LogTitle > .title--bad { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "title--faint",
        "title--good",
        "title--new",
        "title--bad",
    }

    def __init__(self, *, palette: Palette) -> None:
        super().__init__()
        self.standing = Standing()
        self._palette = palette

    def tell(self, standing: Standing) -> None:
        """Show how things stand, painted only when it is different."""
        if standing != self.standing:
            self.standing = standing
            self.refresh()

    def render(self) -> Text:
        """Put the job at the left and the place at the right, which is never cut."""
        left, right = self._job(), self._place()
        left.truncate(max(self.size.width - right.cell_len - 1, 0), overflow="ellipsis")
        gap = " " * max(self.size.width - left.cell_len - right.cell_len, 0)
        return Text.assemble(left, gap, right, no_wrap=True)

    def _job(self) -> Text:
        job, text = self.standing.job, Text(" ", no_wrap=True)
        if job is None:
            return text
        word, style = self._palette.state(job.state)
        text.append(job.job_id[:8], Style(bold=True)).append(" ").append(word, style)
        text.append(f" {clean(job.project, one_line=True)}")
        if job.exit_code:
            text.append(f" exit {job.exit_code}", self._style("bad"))
        command = " ".join(job.command)[:200]
        text.append(f" {clean(command, one_line=True)}", self._style("faint"))
        return text

    def _place(self) -> Text:
        now, text = self.standing, Text(no_wrap=True)
        if now.trouble:
            text.append(f" {clean(now.trouble, one_line=True)} ", self._style("bad"))
        if now.search:
            text.append(f" {now.search} ", self._style("new"))
        if now.switches:
            text.append(f" {now.switches} ", self._style("faint"))
        if now.new_lines:
            plural = "" if now.new_lines == 1 else "s"
            count = f"{now.new_lines:,}{'' if now.counts_all else '+'}"
            text.append(f" {count} line{plural} new ", self._style("new"))
        narrow = self.size.width < _NARROW
        if now.job is not None and now.size_bytes and not narrow:
            text.append(f" {size(now.size_bytes)} ", self._style("faint"))
        if now.follows and now.is_live:
            sign = self._palette.text("▼", "v")
            text.append(f" {sign}{'' if narrow else ' follow'} ", self._style("good"))
        elif now.size_bytes:
            text.append(" end " if now.follows else f" {now.percent} % ", self._style("faint"))
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"title--{name}", partial=True)
