"""Marked jobs side by side: what differs, parallel coordinates, and what changed in the source."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import ContentSwitcher

from atlas_tui.board import Tidings
from atlas_tui.chart_labels import line_style
from atlas_tui.comparison import (
    AXIS_PEN,
    LETTERS,
    MOST_JOBS,
    Row,
    axes,
    axis_columns,
    common_metrics,
    parallel,
    rows,
    texts,
)
from atlas_tui.curves import STRETCHES
from atlas_tui.diff_lines import source_diff_lines
from atlas_tui.keyboard import ASKING
from atlas_tui.keys import bindings
from atlas_tui.messages import Choice, Said
from atlas_tui.row_layout import fit
from atlas_tui.screens.frame import Frame
from atlas_tui.widgets.chart_view import ChartView
from atlas_tui.widgets.tab_bar import TabBar, TabTitle
from atlas_tui.widgets.text_pane import TextPane
from foundations.errors import AtlasError, NotFound
from foundations.models import JobDetail, JobView, MetricSeries
from foundations.text.terminal import clean, display_width, shorten

DIFFERENCES, CURVES, PARALLEL, SOURCE = "Differences", "Curves", "Parallel", "Source"
_TABS = [TabTitle(name, name, "") for name in (DIFFERENCES, CURVES, PARALLEL, SOURCE)]
_OTHER_LINES = 8
"""Lines of the screen that are neither plot nor legend."""
_NAME_WIDTH, _VALUE_WIDTH, _AXIS_WIDTH = 26, 18, 14


class CompareScreen(Frame):
    """What the jobs of `board.subject` have in common, and what not."""

    NAME = "compare"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("compare")]
    AUTO_FOCUS = "#text"

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[JobDetail] = []
        self._everything = False
        self._tab = DIFFERENCES
        self._metric: str | None = None
        """The metric whose curves are drawn; None for the first that the jobs have in common."""

    def compose_body(self) -> ComposeResult:
        """Lay out the tabs above one pane."""
        yield TabBar(_TABS, DIFFERENCES)
        with ContentSwitcher(initial="text"):
            yield TextPane(id="text")
            yield ChartView(palette=self.atlas.palette, id="curves")

    @property
    def _pane(self) -> TextPane:
        return self.query_one(TextPane)

    @property
    def tab_name(self) -> str:
        """The tab in front."""
        return self._tab.lower()

    def chosen(self) -> Sequence[JobView]:
        """The jobs that are compared."""
        return self._jobs

    def arrive(self) -> None:
        """Ask for the jobs of the subject."""
        subject = self.board.subject[:MOST_JOBS]
        if len(subject) < 2:
            self._jobs = []
            self._pane.show(
                [Text(" Mark two jobs or more with the space bar, then press 5.", "dim")]
            )
        elif list(subject) != [job.job_id for job in self._jobs]:
            self._bring(subject)

    def take(self, tidings: Tidings) -> None:
        """Ask anew when something happened to a job that is shown."""
        ids = [job.job_id for job in self._jobs]
        if (
            tidings.everything
            or tidings.recorded.intersection(ids)
            or tidings.job_ids.intersection(ids)
        ):
            self._bring(ids)

    @work(exclusive=True, group="bring")
    async def _bring(self, subject: Sequence[str]) -> None:
        try:
            self._jobs = [await self.atlas.client.job(job_id) for job_id in subject]
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
        self._show()
        self.choice_changed()

    @on(TabBar.Picked)
    def _picked(self, event: TabBar.Picked) -> None:
        self._open(event.name)

    def action_tab_next(self) -> None:
        """Open the tab to the right."""
        self._beside(1)

    def action_tab_previous(self) -> None:
        """Open the tab to the left."""
        self._beside(-1)

    def _beside(self, by: int) -> None:
        names = [one.name for one in _TABS]
        self._open(names[(names.index(self._tab) + by) % len(names)])

    def _open(self, tab: str) -> None:
        self._tab = tab
        self.say(Said(""))
        self.query_one(TabBar).show(_TABS, tab)
        shown = self.query_one(ContentSwitcher)
        shown.current = "curves" if tab == CURVES else "text"
        if shown.visible_content is not None:
            shown.visible_content.focus()
        self._show()
        self.choice_changed()

    def action_all_facts(self) -> None:
        """Show also what is the same in all jobs, or only what differs."""
        self._everything = not self._everything
        self._open(DIFFERENCES)

    def on_resize(self) -> None:
        """Draw anew in the room that there is."""
        self._show()

    def _show(self) -> None:
        if len(self._jobs) < 2:
            return
        if self._tab == SOURCE:
            self._show_source()
        elif self._tab == CURVES:
            self._show_curves()
        else:
            draw = self._parallel if self._tab == PARALLEL else self._differences
            self._pane.show(draw(), keep_place=True)

    @work(group=ASKING, exclusive=True)
    async def action_metric(self) -> None:
        """Choose the metric whose curves are drawn."""
        names = common_metrics(self._jobs)
        picked = await self.atlas.choose("Curves of", [Choice(name, name) for name in names])
        if picked is not None:
            self._metric = picked
            self._open(CURVES)

    @work(exclusive=True, group="curves")
    async def _show_curves(self) -> None:
        names = common_metrics(self._jobs)
        metric = self._metric if self._metric in names else next(iter(names), None)
        chart = self.query_one(ChartView)
        if metric is None:
            chart.empty = "The jobs have no metric in common."
            chart.show([])
            return
        found = []
        for job in self._jobs:
            try:
                series = await self.atlas.client.metric(job.job_id, metric, points=STRETCHES)
            except NotFound:
                # An empty one keeps its letter and its colour for the job.
                series = MetricSeries(name=metric, count=0, points=[])
            except AtlasError as error:
                self.say(Said(error.message, "bad"))
                return
            found.append(series.model_copy(update={"name": f"{job.job_id[:8]} {metric}"}))
        if self._tab != CURVES:
            return
        chart.show(found)
        self.say(Said(f"{metric}; M chooses another metric"))

    # -- the tabs

    def _differences(self) -> list[Text]:
        found = rows(self._jobs, everything=self._everything)
        # Of the screen, since the pane has no size before it is shown.
        width = max((self.size.width - _NAME_WIDTH) // len(self._jobs) - 1, _VALUE_WIDTH)
        titles = [
            f"{LETTERS[number]} {job.job_id[:8]} {job.project}"
            for number, job in enumerate(self._jobs)
        ]
        values = [texts(row) for row in found]
        longest = [*titles, *chain.from_iterable(values)]
        width = min(width, max(max(map(display_width, longest)), _VALUE_WIDTH))
        head = Text(fit(" ", _NAME_WIDTH))
        for number, title in enumerate(titles):
            head.append(" ")
            head.append(fit(title, width), self._colour(number) + Style(bold=True))
        if not found:
            return [head, Text(" Nothing differs in what is known of the jobs.")]
        return [head, *(_line(row, cells, width) for row, cells in zip(found, values, strict=True))]

    def _parallel(self) -> list[Text]:
        width = max(self.size.width - 2, 16)
        height = max(self.size.height - _OTHER_LINES - len(self._jobs), 6)
        shown = axes(self._jobs)[: max(width // _AXIS_WIDTH, 2)]
        if len(shown) < 2:
            return [Text(" Fewer than two parameters and metrics differ: nothing to draw.", "dim")]
        canvas = parallel(shown, width=width, height=height)
        places = axis_columns(len(shown), width)
        lines = [_ticks([axis.ticks[1] for axis in shown], places, width)]
        for number in range(height):
            line = Text(" ")
            for glyph, pen in canvas.row(number, braille=self.atlas.palette.unicode):
                line.append(glyph, "dim" if pen == AXIS_PEN else self._colour(pen))
            lines.append(line)
        lines.append(_ticks([axis.ticks[0] for axis in shown], places, width))
        room = max(width // len(shown), _AXIS_WIDTH) - 1
        names = [one.name for one in shown]
        if any(cell_len(name) > room for name in names):  # all of one form, not some of each
            names = [name.partition(".")[2] or name for name in names]
        lines.append(_ticks(names, places, width, style="bold"))
        for number, job in enumerate(self._jobs):
            words = clean(" ".join(job.command), one_line=True)
            lines.append(Text(f" {LETTERS[number]} {job.job_id[:8]} {words}", self._colour(number)))
        return lines

    def _colour(self, number: int) -> Style:
        """The colour of a job, which is that of its curves."""
        return line_style(number, self.atlas.palette)

    @work(exclusive=True, group="source")
    async def _show_source(self) -> None:
        first, second = self._jobs[0], self._jobs[1]
        self._pane.show([Text(" Comparing the files…", "dim")])
        try:
            found = await self.atlas.client.source_diff(first.job_id, second.job_id)
        except AtlasError as error:
            self._pane.show([Text(f" {clean(error.message)}", "red")])
            return
        head = Text(f"from {first.job_id[:8]} to {second.job_id[:8]}", "dim")
        if self._tab == SOURCE:
            self._pane.show([head, *source_diff_lines(found)])


def _line(row: Row, texts: Sequence[str], width: int) -> Text:
    line = Text(fit(f" {row.name}", _NAME_WIDTH), "" if row.differs else "dim")
    for text in texts:
        line.append(" ")
        line.append(fit(text, width))
    return line


def _ticks(texts: Sequence[str], places: Sequence[int], width: int, *, style: str = "dim") -> Text:
    """Write texts around their axes, within `width` cells."""
    line = ""
    room = max(width // len(texts), _AXIS_WIDTH) - 1
    for text, place in zip(texts, places, strict=True):
        shown = shorten(clean(text, one_line=True), room)
        begin = min(place + 1 - len(shown) // 2, width - len(shown))
        begin = max(begin, len(line) + (1 if line else 0))
        line = line.ljust(begin) + shown
    return Text(line, style)
