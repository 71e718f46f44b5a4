"""The scheduler's machine: engine, host, GPUs, disk, and everything that happened lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from atlas_tui.board import Tidings
from atlas_tui.columns import now_utc
from atlas_tui.event_lines import event_lines
from atlas_tui.keys import bindings
from atlas_tui.messages import Said
from atlas_tui.screens.frame import Frame
from atlas_tui.system_report import Report, lines
from atlas_tui.widgets.text_pane import TextPane
from foundations.errors import AtlasError
from foundations.models import Change


class SystemScreen(Frame):
    """The machine at the left, events at the right or, on a narrow screen, below."""

    NAME = "system"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("system")]
    AUTO_FOCUS = "#machine"

    def __init__(self) -> None:
        super().__init__()
        self._report = Report()
        self._events: Sequence[Change] = ()
        self._upkeeps = 0

    def compose_body(self) -> ComposeResult:
        """Lay out both panes."""
        with Horizontal(id="system"):
            yield TextPane(id="machine")
            yield TextPane(id="events")

    def arrive(self) -> None:
        """Look at everything now."""
        self._look()
        self._measure_disk()
        self._list_environments()
        self._list_schedules()
        self._bring_events()

    def on_resize(self) -> None:
        """Put the panes beside or below each other."""
        self.query_one("#system").set_class(self.size.width < 110, "narrow")

    @on(TextPane.Resized)
    def _fit(self) -> None:
        self._show()

    def take(self, tidings: Tidings) -> None:
        """Show what happened."""
        self._events = [*self._events, *tidings.changes][-1_000:]
        self._report = replace(
            self._report, info=self.board.info, host=self.board.host or self._report.host
        )
        self._show()
        if self.board.upkeeps != self._upkeeps:
            self._upkeeps = self.board.upkeeps
            self._list_environments()
            self._list_schedules()
            self._measure_disk()
        elif self._moves_schedules(tidings):
            self._list_schedules()
        if tidings.everything:
            self._bring_events()

    def _moves_schedules(self, tidings: Tidings) -> bool:
        """Whether another job may be the last one of a schedule, or another time the next."""
        if tidings.queue_changed or tidings.everything:
            return True
        known = {one.last_job_id for one in self._report.schedules or ()}
        return bool(known) and any(
            one.event == "Submitted" or one.job_id in known for one in tidings.changes
        )

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        try:
            host = await (await self.atlas.reached()).host()
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
            return
        self._report = replace(self._report, host=host, info=self.board.info)
        self._show()

    @work(exclusive=True, group="disk")
    async def _measure_disk(self) -> None:
        try:
            disk = await (await self.atlas.reached()).disk()
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
            return
        self._report = replace(self._report, disk=disk)
        self._show()

    @work(exclusive=True, group="environments")
    async def _list_environments(self) -> None:
        try:
            found = await (await self.atlas.reached()).environments()
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
            return
        self._report = replace(self._report, environments=found)
        self._show()

    @work(exclusive=True, group="schedules")
    async def _list_schedules(self) -> None:
        try:
            found = await (await self.atlas.reached()).schedules()
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
            return
        self._report = replace(self._report, schedules=found)
        self._show()

    @work(exclusive=True, group="events")
    async def _bring_events(self) -> None:
        """Read the last events of before this session."""
        client = await self.atlas.reached()
        if self.board.info is None or self._events:
            return
        since = max(self.board.info.last_seq - 200, 0)
        try:
            found = [one async for one in client.changes(since, follow=False)]
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
            return
        known = {one.seq for one in found}
        self._events = [*found, *(one for one in self._events if one.seq not in known)]
        self._show()

    def _show(self) -> None:
        machine = self.query_one("#machine", TextPane)
        shown = lines(self._report, palette=self.atlas.palette, width=machine.size.width - 1)
        machine.show(shown, keep_place=True)
        events = self.query_one("#events", TextPane)
        title = Text(" EVENTS", "bold")
        found = event_lines(
            self._events, now=now_utc(), palette=self.atlas.palette, width=events.size.width - 1
        )
        none = [] if self._events else [Text(" None so far.", "dim")]
        events.show([title, *found, *none], keep_place=True)
