"""A job's log with all that can be done with it: what the log screen has up to four of."""

from __future__ import annotations

from dataclasses import replace

from textual import on, work

from atlas_tui.keyboard import ASKING
from atlas_tui.log_matches import Query
from atlas_tui.messages import Said
from atlas_tui.widgets.log_view import LogView
from atlas_tui.widgets.searched_log import CONTEXTS, SearchedLog
from foundations.errors import AtlasError
from foundations.text.quantities import counted


class LogPane(SearchedLog):
    """One log; `perform` does the actions that the table has for logs."""

    # -- the actions of the log, by their names in the table

    @on(LogView.Asked)
    def _asked(self, event: LogView.Asked) -> None:
        event.stop()
        self.perform(event.name)

    def perform(self, name: str) -> None:
        """Do one of the log's actions."""
        getattr(self, f"do_{name}")()

    def do_follow(self) -> None:
        """Go along with the end, or stay."""
        self.view.follow(on=not self.view.follows)

    def do_search(self) -> None:
        """Search."""
        self.open_search()

    def do_next_match(self) -> None:
        """Go to the next match."""
        self.step(1)

    def do_previous_match(self) -> None:
        """Go to the match before."""
        self.step(-1)

    def do_only_matches(self) -> None:
        """Show every line, only matches, or matches with lines around them."""
        if not self.query_now.pattern:
            self.open_search()
            return
        place = CONTEXTS.index(self._around) + 1
        self._around = CONTEXTS[place % len(CONTEXTS)]
        self.search_anew()

    def do_regex(self) -> None:
        """Take the pattern as a regular expression, or as it is."""
        self._switch(replace(self.query_now, regex=not self.query_now.regex))

    def do_case(self) -> None:
        """Tell capitals and small letters apart, or not."""
        self._switch(replace(self.query_now, ignore_case=not self.query_now.ignore_case))

    def _switch(self, query: Query) -> None:
        self.query_now = query
        self.search_anew()

    def do_wrap(self) -> None:
        """Break long lines, or cut them."""
        self.view.wrap(on=not self.view.wraps)
        self._tell()

    def do_timestamps(self) -> None:
        """Show when lines were written."""
        self.show_times(on=not self.view.shows_times)

    def do_copy_log(self) -> None:
        """Copy what is on the screen."""
        text = self.view.visible_text()
        self.app.copy_to_clipboard(text)
        self.atlas.say(Said(f"Copied {counted(len(text.splitlines()), 'line')}", "good"))

    def do_jump_to_time(self) -> None:
        """Go to where the log was at a time, or to a part of it."""
        self.ask_for_place()

    @work(group=ASKING)
    async def do_save_log(self) -> None:
        """Save the log to a file."""
        if self.feed is None:
            return
        from atlas_tui.log_files import save_log  # late: it brings all handlers

        try:
            await save_log(self.atlas, self.feed.job_id)
        except AtlasError as error:
            self.atlas.say(Said(error.message, "bad"))
