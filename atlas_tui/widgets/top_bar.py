"""The two lines at the top: which screen this is, and how the scheduler stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.widget import Widget

from atlas_tui.board import Board, Link
from atlas_tui.looks import Palette
from atlas_tui.widgets.action_asked import ActionAsked
from foundations.job_states import JobState
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from foundations.models import SchedulerInfo

TABS = ("dashboard", "jobs", "job", "logs", "compare", "system")
_SHOWN_STATES = (
    *(JobState.RUNNING, JobState.STARTING, JobState.QUEUED),
    *(JobState.COMPLETED, JobState.FAILED, JobState.LOST),
)
_STEP = 10
"""Percentages change by so much or not at all."""
_HIGH, _VERY_HIGH = 75, 90
"""Percent from which a measure is told in colour."""


class TopBar(Widget):
    """Painted anew only when the board has changed."""

    DEFAULT_CSS = """
    TopBar { height: 2; dock: top; background: $panel; }
    TopBar > .top--here { background: $primary; color: $background; text-style: bold; }
    TopBar:ansi > .top--here { color: $foreground; background: $background; }
    TopBar:ansi > .top--here { text-style: bold reverse; }
    TopBar > .top--faint { color: $text-muted; }
    TopBar > .top--bad { color: $error; text-style: bold; }
    TopBar > .top--good { color: $success; }
    TopBar > .top--warning { color: $warning; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "top--here",
        "top--faint",
        "top--bad",
        "top--good",
        "top--warning",
    }

    def __init__(self, board: Board, here: str, *, palette: Palette) -> None:
        super().__init__()
        self._board = board
        self._here = here
        self._palette = palette
        self._shown = Text()
        self._percents: dict[str, int] = {}

    def renew(self) -> None:
        """Paint anew when the board says something else: each paint is sent over the line."""
        if self._lines() != self._shown:
            self.refresh()

    def render(self) -> Text:
        """Lay out both lines."""
        self._shown = self._lines()
        return self._shown

    def on_click(self, event: events.Click) -> None:
        """Go to the screen under the mouse, or ask for another scheduler where its name stands."""
        if event.y:
            return
        right = 0
        for number, name in enumerate(TABS, start=1):
            right += len(_tab(number, name))
            if event.x < right:
                self.post_message(ActionAsked(name))
                return
        if event.x >= self.size.width - self._link().cell_len:
            self.post_message(ActionAsked("schedulers"))

    def _lines(self) -> Text:
        width = self.size.width
        first = self._sides(self._tabs(), self._link(), width)
        engine, needed = self._engine()
        host = self._host()
        # What is left out first when there is no room; a warning about the engine stays, and why
        # there is no connection is told rather than figures of before that.
        rights = [host + self._counts(words=True), host + self._counts(), self._counts()]
        if self._is_cut_off:
            rights.append(Text())
        right = next((one for one in rights if needed + one.cell_len < width), rights[-1])
        if engine.cell_len + right.cell_len >= width:
            engine, _ = self._engine(brief=True)
        second = self._sides(engine, right, width)
        return Text("\n").join([first, second])

    def _tabs(self) -> Text:
        text = Text(no_wrap=True)
        for number, name in enumerate(TABS, start=1):
            style = self._style("here" if name == self._here else "faint")
            text.append(_tab(number, name), style)
        return text

    def _link(self) -> Text:
        board = self._board
        text = Text(no_wrap=True)
        if board.may_only_read:
            text.append(" READ-ONLY TOKEN ", self._style("warning"))
        elif board.read_only:
            text.append(" READ-ONLY ", self._style("warning"))
        if board.link is Link.LIVE:
            text.append(self._palette.text("● ", "* "), self._style("good"))
        elif board.link is Link.CONNECTING:
            text.append("connecting ", self._style("warning"))
        elif board.link is Link.REFUSED:
            text.append("not let in ", self._style("bad"))
        else:
            text.append("connection lost ", self._style("bad"))
        text.append(f"{clean(board.scheduler, one_line=True)} ", Style(bold=True))
        return text

    def _host(self) -> Text:
        host, text = self._board.host, Text(no_wrap=True)
        if host is None or self._board.link is not Link.LIVE:
            return text
        memory = 100 * host.memory_used_bytes / max(host.memory_total_bytes, 1)
        self._measure(text, "cpu", host.cpu_percent)
        self._measure(text, "mem", memory)
        used = [gpu.utilization_percent for gpu in host.gpus if gpu.utilization_percent is not None]
        if host.gpus:
            free = sum(gpu.job_id is None for gpu in host.gpus)
            if used:
                self._measure(text, "gpu", sum(used) / len(used))
            text.append(f"{free}/{len(host.gpus)} gpus free  ", self._style("faint"))
        return text

    def _measure(self, text: Text, name: str, percent: float) -> None:
        shown = self._steady(name, percent)
        tone = "bad" if shown >= _VERY_HIGH else "warning" if shown >= _HIGH else "faint"
        text.append(f"{name} {shown:3}%  ", self._style(tone))

    def _steady(self, name: str, percent: float) -> int:
        """The percentage in steps: a figure that trembles would be sent over the line each time."""
        before = self._percents.get(name)
        if before is None or abs(percent - before) >= _STEP:
            self._percents[name] = _STEP * round(percent / _STEP)
        return self._percents[name]

    @property
    def _is_cut_off(self) -> bool:
        return self._board.link in (Link.LOST, Link.REFUSED)

    def _engine(self, *, brief: bool = False) -> tuple[Text, int]:
        """How the engine and the queue are, and how much of that must be seen: all of the brief."""
        info = self._board.info
        text = Text(" ", no_wrap=True)
        if self._is_cut_off:
            problem = clean(self._board.problem or "", one_line=True)
            first = problem.partition(". ")[0]
            return text.append(problem, self._style("bad")), cell_len(first) + 2
        if info is None:
            return text, 0
        version = f" {info.engine.version}" if info.engine.version and not brief else ""
        text.append(clean(f"{info.engine.name}{version}", one_line=True))
        needed = len(info.engine.name) + 2
        for warning, style in self._warnings(info):
            text.append(f"  {clean(warning, one_line=True)}", self._style(style))
            needed = text.cell_len
        if brief:
            return text, needed
        return text.append(f"  {info.queue.max_running_jobs} at once", self._style("faint")), needed

    def _warnings(self, info: SchedulerInfo) -> Iterator[tuple[str, str]]:
        if not info.engine.available:
            yield "engine does not answer", "bad"
        if info.storage is not None and info.storage.problem:
            yield "DISK NEARLY FULL, nothing starts", "bad"
        if not info.engine.isolated:
            yield "jobs are not isolated", "warning"
        if info.queue.paused is not None:
            yield f"QUEUE PAUSED by {info.queue.paused.by}", "warning"
        for pause in info.queue.paused_projects:
            yield f"{pause.project or ''} paused", "warning"

    def _counts(self, *, words: bool = False) -> Text:
        text = Text(no_wrap=True)
        counts = self._board.counts
        for state in _SHOWN_STATES:
            count = counts.get(state, 0)
            if not count:
                continue
            word, style = self._palette.state(state)
            sign = word if words else self._palette.glyph(state)
            text.append(f"{sign} {count}  ", style)
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"top--{name}", partial=True)

    def _sides(self, left: Text, right: Text, width: int) -> Text:
        """Put one text at each end of a line; the left one is cut when both do not fit."""
        room = max(width - right.cell_len - 1, 0)
        left.truncate(room, overflow="ellipsis" if self._palette.unicode else "crop")
        gap = " " * max(width - left.cell_len - right.cell_len, 0)
        line = Text.assemble(left, gap, right)
        line.truncate(width)
        return line


def _tab(number: int, name: str) -> str:
    return f" {number} {name.capitalize()} "
