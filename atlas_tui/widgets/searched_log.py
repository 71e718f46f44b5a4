"""A log that can be searched: a line to type into, and what the scheduler finds."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer
from textual.widgets import Input

from atlas_tui.log_layout import AllLines, FoundLines, Lines
from atlas_tui.log_matches import Matches, Query
from atlas_tui.log_search_run import LogSearchRun
from atlas_tui.looks import Palette
from atlas_tui.messages import Said
from atlas_tui.widgets.log_title import Standing
from atlas_tui.widgets.text_entry import EntryLine
from atlas_tui.widgets.timed_log import TimedLog
from foundations.errors import AtlasError

TYPING_SECONDS = 0.25
CONTEXTS = (None, 0, 2)
"""Lines around matches that `&` goes through; None shows every line."""


class SearchLine(EntryLine):
    """Where the pattern is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "give_up", "Cancel")]

    def action_give_up(self) -> None:
        """Close without a change."""
        pane = self.parent
        if isinstance(pane, SearchedLog):
            pane.close_search()


class SearchedLog(TimedLog):
    """A log and a search in it."""

    DEFAULT_CSS = """
    SearchedLog SearchLine {
        height: 1; border: none; padding: 0 1; background: $boost; display: none;
    }
    SearchedLog.searching SearchLine { display: block; }
    """

    def __init__(self, *, palette: Palette, id: str | None = None) -> None:
        super().__init__(palette=palette, id=id)
        self._line = SearchLine(placeholder="search; Enter goes to a match, Esc leaves")
        self.query_now = Query("")
        self._around: int | None = None
        self._typing_timer: Timer | None = None
        self._search: LogSearchRun | None = None

    def compose(self) -> ComposeResult:
        """Lay out the line to type into below the log."""
        yield from super().compose()
        yield self._line

    def show(self, job_id: str | None) -> None:
        """Show the log of a job, or of none; the pattern goes."""
        if self.feed is None or self.feed.job_id != job_id:
            self._clear_search()
        super().show(job_id)

    def resume(self) -> None:
        """Go on where the log is now, also with the search."""
        super().resume()
        if self._search is not None and not self._search.matches.is_full:
            self._run_search(self._search)

    def _arrived(self, data: bytes) -> None:
        super()._arrived(data)
        if self._search is not None:
            self._search.grew.set()

    def standing(self) -> Standing:
        """What the title says, with how the search stands."""
        told = "" if self._search is None else self._search.matches.told(self.view.current)
        return replace(super().standing(), search=told, switches=self._switches())

    def _switches(self) -> str:
        words = {
            "regex": self.query_now.regex,
            "case": not self.query_now.ignore_case,
            "wrap": self.view.wraps,
            "only matches": self._around == 0,
            "matches and context": bool(self._around),
        }
        return ", ".join(word for word, is_on in words.items() if is_on)

    # -- search

    def open_search(self) -> None:
        """Let a pattern be typed."""
        self.add_class("searching")
        self._line.value = self.query_now.pattern
        self._line.focus()

    def close_search(self) -> None:
        """Go back to the lines; what was found stays."""
        self.remove_class("searching")
        self.view.focus()

    def clear_one(self) -> bool:
        """Clear the search, if there is one."""
        if self._search is None:
            return False
        self._clear_search()
        self.view.walk(AllLines(self.view.store))
        self._tell()
        return True

    def _clear_search(self) -> None:
        if self._search is not None:
            self._search.stop()
        self._search, self._around = None, None
        self.query_now = replace(self.query_now, pattern="")
        self.view.matches = self.view.current = None
        self.remove_class("searching")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self.query_now.pattern:
            return
        self.query_now = replace(self.query_now, pattern=event.value)
        if self._typing_timer is not None:
            self._typing_timer.stop()
        self._typing_timer = self.set_timer(TYPING_SECONDS, self.search_anew)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close_search()
        if self._typing_timer is not None:
            self._typing_timer.stop()
            self._typing_timer = None
            self.search_anew()
        if self._search is not None:
            self._search.jump = -1 if self.view.follows else 1
            self._found_more()

    def search_anew(self) -> None:
        """Search with what is typed and switched on now."""
        self._typing_timer = None
        view = self.view
        if self._search is not None:
            self._search.stop()
            self._search = None
        view.matches = view.current = None
        lines: Lines = AllLines(view.store)
        if self.feed is not None and self.query_now.pattern:
            matches = Matches(self.query_now, context=self._around)
            self._search = LogSearchRun(self.atlas.client, self.feed.job_id, matches)
            view.matches = matches
            if self._around is not None:
                lines = FoundLines(matches.lines)
            self._run_search(self._search)
        view.walk(lines)
        self._tell()

    @work(exclusive=True, group="search")
    async def _run_search(self, run: LogSearchRun) -> None:
        try:
            await run.go(self._found_more, is_live=self._is_live)
        except AtlasError as error:
            self.atlas.say(Said(error.message, "bad"))
            if run is self._search:
                self._search = self.view.matches = None
        self._tell()

    def _is_live(self) -> bool:
        return self.feed is not None and self.feed.is_followed

    def _found_more(self) -> None:
        run = self._search
        if run is None:
            return
        if run.jump and (run.jump > 0 or run.matches.ended or run.matches.is_full):
            before = len(run.matches)
            if self._step(run.jump) or (before == 0 and run.matches.ended):
                run.jump = 0
        elif self._around is not None:
            self.view.update()
        self._tell()

    def step(self, direction: int) -> None:
        """Go to the next match, or with -1 to the one before."""
        if self._search is None:
            self.open_search()
        elif not self._step(direction):
            text = self._search.matches.told(None)
            self.atlas.say(Said(f"{self.query_now.pattern}: {text}"))
            self._search.jump = direction if not self._search.matches.ended else 0

    def _step(self, direction: int) -> bool:
        view, run = self.view, self._search
        if run is None:
            return False
        here = view.current
        if here is None:
            here = view.store.size if view.follows and direction < 0 else view.top - (direction > 0)
        found = run.matches.after(here) if direction > 0 else run.matches.before(here)
        if found is None:
            return False
        view.current = found
        view.go_to(found, rows_above=view.size.height // 3)
        self._tell()
        return True
