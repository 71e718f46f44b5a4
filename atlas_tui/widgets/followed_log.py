"""A job's log with its title, kept current while it is in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from atlas_tui.board import Tidings
from atlas_tui.log_feed import LogFeed
from atlas_tui.log_store import LogStore
from atlas_tui.log_times import LogTimes
from atlas_tui.looks import Palette
from atlas_tui.messages import Said
from atlas_tui.widgets.log_title import LogTitle, Standing
from atlas_tui.widgets.log_view import LogView
from foundations.errors import AtlasError, NotFound
from foundations.job_states import FINAL_STATES, JobState

if TYPE_CHECKING:
    from atlas_tui.app import AtlasApp
    from foundations.models import JobDetail

FLUSH_SECONDS, SLOW_FLUSH_SECONDS = 1 / 12, 1 / 4
"""How often what has come in is painted, and on a slow line."""


class FollowedLog(Vertical):
    """One log. `show` says whose."""

    DEFAULT_CSS = "FollowedLog { height: 1fr; }"

    def __init__(self, *, palette: Palette, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = LogView(palette=palette)
        """The lines."""
        self._title = LogTitle(palette=palette)
        self.feed: LogFeed | None = None
        self._paused = False
        self._new_lines = 0
        self._trouble = ""
        self._flush_timer: Timer | None = None

    @property
    def atlas(self) -> AtlasApp:
        """The app."""
        return cast("AtlasApp", self.app)

    @property
    def job(self) -> JobDetail | None:
        """The job whose log this is, as last seen."""
        return None if self.feed is None else self.feed.job

    def compose(self) -> ComposeResult:
        """Lay out the lines below the title."""
        yield self._title
        yield self.view

    # -- whose log

    def show(self, job_id: str | None) -> None:
        """Show the log of a job, or of none."""
        if self.feed is not None and self.feed.job_id == job_id:
            return
        self._new_lines, self._trouble = 0, ""
        self._cease()
        if job_id is None:
            self.feed = None
            self.view.empty = "No job is chosen."
            self.view.show(LogStore(), LogTimes())
        else:
            self.feed = LogFeed(self.atlas.client, job_id)
            self.view.empty = "Reading…" if self.atlas.palette.unicode else "Reading..."
            self.view.show(self.feed.store, self.feed.times)
            if not self._paused:
                self._follow()
        self._tell()

    def take(self, tidings: Tidings) -> None:
        """Learn how the job stands, when something happened to it."""
        feed = self.feed
        if feed is None or self._paused:
            return
        if feed.job_id in tidings.job_ids or tidings.everything:
            self._stands(feed)

    def pause(self) -> None:
        """Read nothing more: the pane is not in sight."""
        self._paused = True
        self._cease()
        if self._flush_timer is not None:
            self._flush_timer.stop()
            self._flush_timer = None

    def _cease(self) -> None:
        """Stop reading; what was asked of the user goes on."""
        for group in ("follow", "stands", "bring", "search", "times"):
            self.workers.cancel_group(self, group)

    def resume(self) -> None:
        """Go on where the log is now."""
        if self._paused and self.is_running:
            self._paused = False
            if self.feed is not None:
                self._follow()

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        feed = self.feed
        if feed is None:
            return
        await self.atlas.reached()
        try:
            job = await feed.look()
            self._note_state(job)
            if job.state is not JobState.QUEUED:
                await feed.follow(self._arrived)
                self._note_state(await feed.look())
        except AtlasError as error:
            self._failed(error)
        self._tell()

    @work(exclusive=True, group="stands")
    async def _stands(self, feed: LogFeed) -> None:
        was = feed.job
        try:
            job = await feed.look()
        except AtlasError as error:
            self._failed(error)
            return
        self._note_state(job)
        began = was is None or was.state is JobState.QUEUED
        if (began and job.state is not JobState.QUEUED) or self._trouble:
            self._trouble = ""
            self._follow()
        self._tell()

    def _note_state(self, job: JobDetail) -> None:
        view = self.view
        if job.local:
            view.empty = "A local run: what it writes goes where it was started, and is not kept."
        elif job.state is JobState.QUEUED:
            why = job.waiting.reason if job.waiting else "waits for its turn"
            position = job.waiting.position if job.waiting else None
            place = "" if position is None else f"#{position} in the queue: "
            view.empty = f"Waits. {place}{why}"
        elif job.state in FINAL_STATES:
            view.empty = f"The job has written nothing. {job.reason or ''}"
        else:
            view.empty = "Nothing written yet."
        if not view.store.size:
            view.update()
        self.atlas.front.choice_changed()
        self._tell()

    def _failed(self, error: AtlasError) -> None:
        self._trouble = "deleted" if isinstance(error, NotFound) else "not connected"
        if not self.view.store.size:
            self.view.empty = error.message
            self.view.update()
        self._tell()
        if not isinstance(error, NotFound):
            self.atlas.say(Said(error.message, "bad"))

    # -- what comes in

    def _arrived(self, data: bytes) -> None:
        """Take note of new bytes; they are painted all at once a little later."""
        if not self.view.follows:
            self._new_lines += data.count(b"\n")
        if self._flush_timer is None:
            slow = self.atlas.options.low_bandwidth
            seconds = SLOW_FLUSH_SECONDS if slow else FLUSH_SECONDS
            self._flush_timer = self.set_timer(seconds, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        if self.view.follows or not self.view.is_filled:
            self.view.arrived()
        self._tell()

    @on(LogView.Wanted)
    def _wanted(self, event: LogView.Wanted) -> None:
        event.stop()
        self._bring(event.first, event.last)

    @work(exclusive=True, group="bring")
    async def _bring(self, first: int, last: int) -> None:
        feed = self.feed
        if feed is None:
            return
        try:
            is_more = await feed.bring(first, last)
        except AtlasError as error:
            self._failed(error)
            return
        if feed is self.feed and is_more:
            self.view.arrived()

    # -- what the title says

    @on(LogView.Moved)
    def _moved(self, event: LogView.Moved) -> None:
        event.stop()
        if self.view.follows:
            self._new_lines = 0
            if self.feed is not None:
                self.feed.skipped = False
        self._tell()

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _focus_moved(self) -> None:
        self._title.set_class(self.has_focus_within, "focused")

    def _tell(self) -> None:
        """Bring the title up to date."""
        if self.is_attached:
            self._title.tell(self.standing())

    def standing(self) -> Standing:
        """What the title says."""
        view, feed = self.view, self.feed
        return Standing(
            job=self.job,
            follows=view.follows,
            is_live=bool(feed and feed.is_followed),
            new_lines=self._new_lines,
            counts_all=feed is None or not feed.skipped,
            percent=view.percent,
            size_bytes=view.store.size,
            switches="wrap" if view.wraps else "",
            trouble=self._trouble,
        )
