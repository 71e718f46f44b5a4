"""The logs of up to four jobs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid

from atlas_tui.board import Tidings
from atlas_tui.keys import bindings
from atlas_tui.messages import Said
from atlas_tui.screens.frame import Frame
from atlas_tui.widgets.log_pane import LogPane
from foundations.models import JobView

MOST_LOGS = 4
_WIDE = 120
"""From so many columns on two logs stand beside each other."""


class LogsScreen(Frame):
    """Tab goes from log to log; `z` gives one the whole screen."""

    NAME = "logs"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("logs")]

    def __init__(self) -> None:
        super().__init__()
        palette = self.atlas.palette
        self.panes = [LogPane(palette=palette, id=f"tile-{one}") for one in range(MOST_LOGS)]
        """All panes, also those without a job."""

    def compose_body(self) -> ComposeResult:
        """Lay out four panes, of which those with a job are seen."""
        yield Grid(*self.panes, id="tiles")

    @property
    def pane(self) -> LogPane:
        """The pane that keys go to."""
        shown = [pane for pane in self.panes if pane.display]
        focused = (pane for pane in shown if pane.has_focus_within)
        return next(focused, (shown or self.panes)[0])

    # -- which jobs

    def arrive(self) -> None:
        """Show the logs of the subject."""
        ids = list(self.board.subject)
        shown = ids[:MOST_LOGS]
        for pane, job_id in zip(self.panes, [*shown, *[None] * MOST_LOGS], strict=False):
            pane.show(job_id)
            pane.display = job_id is not None
        if not shown:
            self.panes[0].display = True
        self._zoom(on=False)
        self.pane.view.focus()
        if len(ids) > MOST_LOGS:
            self.say(Said(f"Shown are the logs of {MOST_LOGS} of the {len(ids)} chosen jobs."))

    def leave(self) -> None:
        """Read nothing while another screen is in front."""
        for pane in self.panes:
            pane.pause()

    def on_resize(self) -> None:
        """Put the panes beside or below each other."""
        self._arrange()

    def take(self, tidings: Tidings) -> None:
        """Learn how the jobs stand."""
        for pane in self.panes:
            pane.take(tidings)

    def chosen(self) -> Sequence[JobView]:
        """The job whose log keys go to."""
        job = self.pane.job
        return () if job is None else (job,)

    def clear_one(self) -> bool:
        """Clear the search, then the zoom."""
        if self.pane.clear_one():
            return True
        was_zoomed = self.has_class("zoomed")
        self._zoom(on=False)
        return was_zoomed

    # -- panes

    def action_zoom(self) -> None:
        """Give the pane the whole screen, or all panes their part again."""
        self._zoom(on=not self.has_class("zoomed"))

    def _zoom(self, *, on: bool) -> None:
        here = self.pane
        self.set_class(on, "zoomed")
        for pane in self.panes:
            has_job = pane.feed is not None or (pane is here and not self.board.subject)
            pane.display = pane is here if on else has_job
            if pane.display:
                pane.resume()
            else:
                pane.pause()
        self._arrange()

    def _arrange(self) -> None:
        shown = [pane for pane in self.panes if pane.display]
        wide = self.size.width >= _WIDE
        columns = 2 if len(shown) > 2 or (len(shown) == 2 and wide) else 1
        tiles = self.query_one("#tiles", Grid)
        tiles.styles.grid_size_columns = columns
        tiles.styles.grid_size_rows = -(-len(shown) // columns) or 1

    # -- actions of the table

    def action_follow(self) -> None:
        """Go along with the end of the log."""
        self.pane.perform("follow")

    def action_search(self) -> None:
        """Search in the log."""
        self.pane.perform("search")

    def action_next_match(self) -> None:
        """Go to the next match."""
        self.pane.perform("next_match")

    def action_previous_match(self) -> None:
        """Go to the match before."""
        self.pane.perform("previous_match")

    def action_only_matches(self) -> None:
        """Show matching lines with context."""
        self.pane.perform("only_matches")

    def action_regex(self) -> None:
        """Search by regular expression or as it is."""
        self.pane.perform("regex")

    def action_case(self) -> None:
        """Tell capitals and small letters apart or not."""
        self.pane.perform("case")

    def action_wrap(self) -> None:
        """Break long lines or cut them."""
        self.pane.perform("wrap")

    def action_timestamps(self) -> None:
        """Show when each line arrived."""
        self.pane.perform("timestamps")

    def action_jump_to_time(self) -> None:
        """Go to the line of a time, or to a part of the log."""
        self.pane.perform("jump_to_time")

    def action_copy_log(self) -> None:
        """Copy the lines on the screen."""
        self.pane.perform("copy_log")

    def action_save_log(self) -> None:
        """Save the log to a file."""
        self.pane.perform("save_log")
