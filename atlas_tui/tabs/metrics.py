"""Metrics: the series of the job at the left, a chart of the chosen ones at the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher

from atlas_tui import curves, metric_rows
from atlas_tui.curves import STRETCHES, XAxis
from atlas_tui.metric_rows import MetricRow
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.chart_view import ChartView
from atlas_tui.widgets.row_list import Drawing, RowList
from atlas_tui.widgets.text_pane import TextPane
from foundations.errors import AtlasError, NotFound
from foundations.models import JobDetail, MetricSeries, MetricSummary

GLANCE_STRETCHES = 24
"""The same for the small pictures in the list."""
MOST_POINTS = 10_000
"""So many points of a series are asked for when the chart comes closer."""
MOST_GLANCES = 60
"""So many small pictures are asked for."""
MOST_LINES = 12
"""Lines in one chart."""


class MetricsTab(JobTab):
    """Draws what is chosen with the space bar or, when nothing is, what is under the cursor."""

    NAME = "metrics"
    TITLE = "Metrics"
    KEY = "M"
    AXIS = XAxis.STEP
    EMPTY = "No metrics. A job logs them with foundations.log_metric."

    def compose(self) -> ComposeResult:
        """Lay out list and chart."""
        self._chosen: list[str] = []
        self._glances: dict[str, MetricSeries] = {}
        self._full: dict[str, MetricSeries] = {}
        self._text = ""
        self._job_id = ""
        with Horizontal():
            self._list = RowList[MetricRow](
                Drawing(
                    lambda one: one.name,
                    lambda one, width: metric_rows.draw(one, width, self.palette),
                ),
                empty=self.EMPTY,
                classes="side",
            )
            yield self._list
            with Vertical():
                with ContentSwitcher(initial="chart"):
                    yield ChartView(palette=self.palette, axis=self.AXIS, id="chart")
                    yield TextPane(id="values")
                yield TextPane(id="about")

    @property
    def chart(self) -> ChartView:
        """The chart."""
        return self.query_one(ChartView)

    @property
    def drawn(self) -> list[str]:
        """The series that are drawn."""
        known = {one.name for one in self._list.rows}
        chosen = [name for name in self._chosen if name in known]
        if chosen:
            return chosen
        return [] if self._list.row is None else [self._list.row.name]

    def count(self, detail: JobDetail) -> int | None:
        """How many series it has."""
        return len(self.series(detail))

    def series(self, detail: JobDetail) -> Sequence[MetricSummary]:
        """The series of the tab."""
        return detail.metric_series

    def show(self, detail: JobDetail) -> None:
        """Show the series, and ask for the points of those that have new ones."""
        if detail.job_id != self._job_id:
            self._job_id = detail.job_id
            self._glances, self._full = {}, {}
        self._list_rows(detail)
        self._bring()

    def find(self, text: str) -> bool:
        """Show only series with a text in their name."""
        self._text = text.casefold()
        if self.job is not None:
            self._list_rows(self.job)
        return True

    def perform(self, name: str) -> bool:
        """Do what the keys of charts say."""
        chart = self.chart
        if name == "log_y":
            self.say(f"Logarithmic y axis: {'on' if chart.toggle_log() else 'off'}")
        elif name == "smooth":
            weight = chart.next_smoothing()
            self.say(f"Smoothing: {weight:g}" if weight else "Smoothing: off")
        elif name == "x_axis":
            self.say(f"To the right: {chart.next_axis()}")
        elif name == "zoom_in":
            chart.zoom(curves.ZOOM)
            self._refine()
        elif name == "zoom_out":
            chart.zoom(1 / curves.ZOOM)
            self._refine()
        else:
            return False
        return True

    def clear_one(self) -> bool:
        """Take back zoom, then cursor, then the choice."""
        if self.chart.clear_one():
            return True
        if not self._chosen:
            return False
        self._chosen = []
        self._choice_changed()
        return True

    # -- the list

    def _list_rows(self, detail: JobDetail) -> None:
        summaries = [one for one in self.series(detail) if self._text in one.name.casefold()]
        several = len(self._chosen) > 1
        self._list.show(
            [
                MetricRow(
                    one,
                    self._full.get(one.name) or self._glances.get(one.name),
                    self._pen(one.name),
                    several,
                )
                for one in summaries
            ]
        )

    def _pen(self, name: str) -> int | None:
        return self._chosen.index(name) if name in self._chosen else None

    @on(RowList.Toggled)
    def _toggled(self) -> None:
        row = self._list.row
        if row is None:
            return
        if row.name in self._chosen:
            self._chosen.remove(row.name)
        elif row.is_text:
            self.say(f"{row.name} has no numbers to draw.", bad=True)
            return
        elif len(self._chosen) >= MOST_LINES:
            self.say(f"At most {MOST_LINES} lines are drawn at once.", bad=True)
            return
        else:
            self._chosen.append(row.name)
        self._list.action_move(1)
        self._choice_changed()

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        self._draw()
        self._bring()

    @on(RowList.Opened)
    def _opened(self) -> None:
        self.chart.focus()

    def _choice_changed(self) -> None:
        if self.job is not None:
            self._list_rows(self.job)
        self._draw()
        self._bring()

    def on_resize(self) -> None:
        """Lay the words out for the width that there is, also when it was not known before."""
        self._draw()

    # -- the points

    def _wanted(self) -> list[tuple[str, int, int]]:
        """Name, stretches and count of the series whose points are not here as they are now."""
        rows = {one.name: one for one in self._list.rows}
        wanted = []
        names = [name for name in self.drawn if name in rows]
        for name in names:
            count = rows[name].summary.count
            if name not in self._full or self._full[name].count < count:
                wanted.append((name, STRETCHES, count))
        for name, row in list(rows.items())[:MOST_GLANCES]:
            known = self._full.get(name) or self._glances.get(name)
            if name not in names and (known is None or known.count < row.summary.count):
                wanted.append((name, GLANCE_STRETCHES, row.summary.count))
        return wanted

    @work(exclusive=True, group="points")
    async def _bring(self) -> None:
        """Ask for points, first those of the chart, and paint as they come."""
        job_id = self._job_id
        if job_id and any(stretches == STRETCHES for _, stretches, _ in self._wanted()):
            self._draw()
        for name, stretches, _ in self._wanted():
            try:
                series = await self.client.metric(job_id, name, points=stretches)
            except NotFound:
                continue
            except AtlasError as error:
                self.say(error.message, bad=True)
                return
            if job_id != self._job_id or not self.is_attached:
                return
            (self._full if stretches == STRETCHES else self._glances)[name] = series
            if stretches == STRETCHES:
                self._draw()
            if self.job is not None:
                self._list_rows(self.job)
        self._draw()

    @work(exclusive=True, group="detail")
    async def _refine(self) -> None:
        """Ask for every point of what the chart is zoomed to, where points were left out."""
        job_id = self._job_id
        for name in self.drawn:
            span = self.chart.missing(name, most=MOST_POINTS)
            if span is None:
                continue
            start, end = span
            try:
                page = await self.client.metric(job_id, name, start=start, limit=end - start)
            except AtlasError as error:
                self.say(error.message, bad=True)
                return
            if job_id == self._job_id and name in self._full:
                self._full[name] = curves.with_detail(self._full[name], page)
                self._draw()

    def _draw(self) -> None:
        """Show the points that are here."""
        row = self._list.row
        pane = self.query_one("#about", TextPane)
        about = [] if row is None else metric_rows.about(row, pane.size.width)
        pane.show([Text(f" {line}", Style(dim=True)) for line in about], keep_place=True)
        shown = self.query_one(ContentSwitcher)
        if row is not None and row.is_text and not self._chosen:
            series = self._full.get(row.name)
            if series is not None:
                self.query_one("#values", TextPane).show(metric_rows.table(series), keep_place=True)
            shown.current = "values"
            return
        shown.current = "chart"
        self.chart.empty = "" if self._waits() else "Nothing to draw."
        self.chart.show(self._lines())

    def _waits(self) -> bool:
        return any(name not in self._full for name in self.drawn)

    def _lines(self) -> Sequence[MetricSeries]:
        return [self._full[name] for name in self.drawn if name in self._full]
