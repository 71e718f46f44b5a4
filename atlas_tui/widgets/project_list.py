"""The projects at the side of the list: choosing one narrows the list down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from atlas_tui.keys import moving
from atlas_tui.looks import Palette
from atlas_tui.row_layout import fit
from foundations.job_states import HOLDING_STATES, JobState

if TYPE_CHECKING:
    from foundations.models import ProjectView


class ProjectList(ScrollView, can_focus=True):
    """All projects, one a line, with how many jobs they have and whether some run."""

    DEFAULT_CSS = """
    ProjectList { width: 26; height: 1fr; background: $surface; scrollbar-size-vertical: 1; }
    ProjectList > .projects--title { color: $text-muted; text-style: bold; background: $panel; }
    ProjectList > .projects--cursor { background: $primary 30%; }
    ProjectList:ansi > .projects--cursor { background: $background; text-style: reverse; }
    ProjectList > .projects--chosen { color: $accent; text-style: bold; }
    ProjectList > .projects--faint { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "projects--title",
        "projects--cursor",
        "projects--chosen",
        "projects--faint",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving(),
        ("enter", "choose", "Choose"),
    ]

    @dataclass
    class Chosen(Message):
        """The user wants the jobs of one project, or of all."""

        project: str | None

    def __init__(self, *, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._projects: Sequence[ProjectView] = ()
        self._cursor = 0
        self.chosen: str | None = None
        """The project that the list is narrowed down to; None is all."""

    def show(self, projects: Sequence[ProjectView]) -> None:
        """Show other projects, or the same with other counts."""
        self._projects = sorted(projects, key=_latest_first)
        self.virtual_size = Size(self.size.width, len(self._projects) + 2)
        self._cursor = min(self._cursor, len(self._projects))
        self.refresh()

    def choose(self, project: str | None) -> None:
        """Show which project is chosen."""
        self.chosen = project
        self.refresh()

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._cursor = max(0, min(self._cursor + rows, len(self._projects)))
        line = self._cursor + 1
        top = self.scroll_offset.y
        if not top < line < top + self.size.height:
            self.scroll_to(y=line - self.size.height // 2, animate=False, immediate=True)
        self.refresh()

    def action_move_pages(self, pages: float) -> None:
        """Move the cursor by pages, or by a part of one."""
        self.action_move(int(pages * max(self.size.height - 2, 1)))

    def action_go(self, place: int) -> None:
        """Move the cursor to the first line or, with -1, to the last."""
        self.action_move(-self._cursor if place == 0 else len(self._projects))

    def action_choose(self) -> None:
        """Narrow the list down to the project under the cursor."""
        names = [None, *(one.name for one in self._projects)]
        self.post_message(self.Chosen(names[self._cursor]))

    def on_click(self, event: events.Click) -> None:
        """Choose the project under the mouse."""
        place = self.scroll_offset.y + event.y - 1
        if 0 <= place <= len(self._projects):
            self._cursor = place
            self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Paint the title, the line for all, or a project."""
        width = self.scrollable_content_region.width
        place = self.scroll_offset.y + y - 1
        base = self.rich_style
        if y == 0:
            strip = Strip([Segment(fit(" PROJECTS", width), self._style("title"))])
            return strip.adjust_cell_length(self.size.width, self._style("title"))
        if place > len(self._projects):
            return Strip.blank(self.size.width, base)
        name, count, running = self._entry(place)
        style = base
        if place == self._cursor and self.has_focus:
            style = self._style("cursor")
        chosen = name == self.chosen if place else self.chosen is None
        number = str(count)
        sign = self._palette.glyph(JobState.RUNNING) if running else " "
        text = fit(f" {name or 'All projects'}", max(width - len(number) - 3, 1))
        looks = style + self._style("chosen", part=True) if chosen else style
        faint = style + self._style("faint", part=True)
        segments = [Segment(text, looks), Segment(f"{sign} ", style), Segment(f"{number} ", faint)]
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def _entry(self, place: int) -> tuple[str | None, int, int]:
        shown = self._projects if place == 0 else [self._projects[place - 1]]
        count = sum(one.jobs for one in shown)
        running = sum(one.states.get(state, 0) for one in shown for state in HOLDING_STATES)
        return (None if place == 0 else shown[0].name), count, running

    def _style(self, name: str, *, part: bool = False) -> Style:
        return self.get_component_rich_style(f"projects--{name}", partial=part)


def _latest_first(project: ProjectView) -> tuple[float, str]:
    latest = project.last_submitted_at or project.created_at
    return (-latest.timestamp(), project.name)
