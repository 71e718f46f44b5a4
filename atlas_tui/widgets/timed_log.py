"""A log whose lines have times, and in which one can go to a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual import on, work

from atlas_tui.keyboard import ASKING
from atlas_tui.looks import Palette
from atlas_tui.messages import Prompt, Said
from atlas_tui.widgets.followed_log import FollowedLog
from atlas_tui.widgets.log_view import LogView
from foundations.errors import AtlasError
from foundations.text.past_moments import FORMS, milliseconds, read_moment
from foundations.text.time_zones import in_local_zone, local_now

if TYPE_CHECKING:
    from foundations.models import LogTimes


class TimedLog(FollowedLog):
    """A log that asks the scheduler when it was written."""

    def __init__(self, *, palette: Palette, id: str | None = None) -> None:
        super().__init__(palette=palette, id=id)
        self._asked_of: range | None = None
        """Offsets that the question under way is about."""
        self._tells_day = False

    # -- the times of lines

    def show_times(self, *, on: bool) -> None:
        """Show when lines were written, or not."""
        self.view.shows_times = self._tells_day = on
        self.view.update()
        if on:
            self._tell_day()

    @on(LogView.TimesWanted)
    def _times_wanted(self, event: LogView.TimesWanted) -> None:
        event.stop()
        asked = self._asked_of or range(0)
        # While the log grows the same is wanted again and again, before there is an answer.
        if event.first not in asked or event.last not in asked:
            self._bring_times(event.first, event.last)

    @work(exclusive=True, group="times")
    async def _bring_times(self, first: int, last: int) -> None:
        feed = self.feed
        if feed is None:
            return
        asked = self._asked_of = feed.around(first, last)
        try:
            await feed.bring_times(asked)
        except AtlasError as error:
            self.atlas.say(Said(error.message, "bad"))
            return
        finally:
            if self._asked_of is asked:
                self._asked_of = None
        self.view.update()
        self._tell_day()

    def _tell_day(self) -> None:
        """Say of which day the lines in sight are, once, after their times were switched on."""
        view = self.view
        if not self._tells_day or view.times.is_open(view.top):
            return
        self._tells_day = False
        at = view.times.of(view.top)
        if at is None:
            self.atlas.say(Said("Nobody knows when the first of these lines was written."))
        else:
            day = datetime.fromtimestamp(at).astimezone()
            self.atlas.say(Said(f"The first of these lines is of {day:%A, %Y-%m-%d}."))

    # -- going to a time

    @work(group=ASKING)
    async def ask_for_place(self) -> None:
        """Go to where the log was at a time, or to a part of it, as the user says."""
        text = await self.atlas.ask(
            Prompt("Go to", placeholder="14:05:30, 10m ago, or 50%", problem=self._no_place)
        )
        if not text or self.feed is None:
            return
        if text.strip().endswith("%"):
            self.view.go_to(int(self.view.store.size * float(text.strip()[:-1]) / 100))
            return
        moment = read_moment(text, now=self._latest())
        if moment is None:
            return
        try:
            found = await self.feed.reached(milliseconds(moment))
        except AtlasError as error:
            self.atlas.say(Said(error.message, "bad"))
            return
        self._go_to_reached(found, moment)

    def _go_to_reached(self, found: LogTimes, moment: datetime) -> None:
        if found.offsets:
            self.view.go_to(found.offsets[0])
            at = datetime.fromtimestamp(found.times_ms[0] / 1000).astimezone()
            self.atlas.say(Said(f"The first line since then is of {at:%Y-%m-%d %H:%M:%S}."))
        else:
            since = f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
            self.atlas.say(Said(f"Nothing is known to be written since {since}.", "bad"))

    def _latest(self) -> datetime:
        """Now, or when the job ended: the time of day that is meant lies before."""
        ended = None if self.job is None else self.job.finished_at
        return local_now() if ended is None else in_local_zone(ended)

    def _no_place(self, text: str) -> str | None:
        """Say why a text is neither a time nor a percentage."""
        text = text.strip()
        if text.endswith("%"):
            number = text[:-1].strip()
            is_part = number.replace(".", "", 1).isdecimal() and float(number) <= 100
            return None if is_part else "a percentage is from 0% to 100%"
        return None if read_moment(text, now=self._latest()) else f"write {FORMS} or 50%"
