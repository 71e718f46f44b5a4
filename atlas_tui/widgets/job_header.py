"""One line that says which job a screen is about."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from atlas_tui.looks import Palette
from foundations.models import JobView
from foundations.text.terminal import clean


class JobHeader(Widget):
    """One line that says which job this is."""

    DEFAULT_CSS = """
    JobHeader { height: 1; }
    JobHeader > .job--bad { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"job--bad"}

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._shown: tuple[JobView | None, str] = (None, "")

    def show(self, job: JobView | None, problem: str = "") -> None:
        """Show a job and, when there is one, a problem with it."""
        self._shown = job, problem
        self.refresh()

    def render(self) -> Text:
        """Write the line."""
        job, problem = self._shown
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        if problem:
            text.append(
                f"{clean(problem, one_line=True)}  ", self.get_component_rich_style("job--bad")
            )
        if job is not None:
            word, style = self._palette.state(job.state)
            text.append(f"{word}  ", style)
            text.append(job.job_id[:8], Style(bold=True))
            text.append(f"  {clean(job.project, one_line=True)}  ", Style(dim=True))
            text.append(clean(" ".join(job.command), one_line=True))
        return text
