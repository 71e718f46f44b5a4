"""What all screens have: the lines at the top and the bottom, the keys, and news from the feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from atlas_tui import admission
from atlas_tui.actions import Selection
from atlas_tui.board import Board, Link, Tidings
from atlas_tui.keyboard import ASKING
from atlas_tui.messages import Listed, Said
from atlas_tui.widgets.action_asked import ActionAsked
from atlas_tui.widgets.bottom_lines import KeyBar, StatusLine
from atlas_tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from atlas_tui.app import AtlasApp
    from atlas_tui.session import Session
    from foundations.models import JobView


class Frame(Screen[None]):
    """One of the six screens. Subclasses set `NAME` and `BINDINGS`, and compose a body."""

    NAME: ClassVar[str]
    AUTO_FOCUS = "*"
    _link: Link | None = None
    _loss: str = ""
    """How what is said of the lost connection begins; why it is lost may change meanwhile."""

    @property
    def atlas(self) -> AtlasApp:
        """The app."""
        return cast("AtlasApp", self.app)

    @property
    def board(self) -> Board:
        """What is known of the scheduler."""
        return self.atlas.board

    def compose(self) -> ComposeResult:
        """Put the body between the lines."""
        yield TopBar(self.board, self.NAME, palette=self.atlas.palette)
        yield from self.compose_body()
        with Vertical(id="bottom"):
            yield StatusLine()
            yield KeyBar(self.NAME, self.atlas.settings.keymap)

    def compose_body(self) -> ComposeResult:
        """Yield what is between the lines."""
        raise NotImplementedError

    # -- what screens may answer

    @property
    def tab_name(self) -> str:
        """The tab in front, on a screen with tabs."""
        return ""

    def chosen(self) -> Sequence[JobView]:
        """The jobs that an action would act on."""
        return ()

    def take(self, tidings: Tidings) -> None:
        """Bring up to date what is shown."""

    def arrive(self) -> None:
        """Show what the board says is the subject: the screen came to the front."""

    def leave(self) -> None:
        """Stop what only matters in sight: another screen came to the front."""

    def clear_one(self) -> bool:
        """Clear what Esc clears first, such as a filter. Returns whether there was anything."""
        return False

    def listed(self) -> Listed:
        """What an export of the screen would hold."""
        return Listed(jobs=tuple(self.chosen()))

    def models_loaded(self) -> None:
        """Put views into the place of what only stands in for them (`last_view`)."""

    def remember(self, session: Session) -> None:
        """Write down what is to be shown at the next start before anything was asked."""

    # -- what the app calls

    def selection(self) -> Selection:
        """What an action would act on now."""
        is_read_only = self.board.read_only or self.board.may_only_read
        return Selection(self.NAME, tuple(self.chosen()), tab=self.tab_name, read_only=is_read_only)

    def say(self, said: Said) -> None:
        """Show a line at the bottom."""
        self.query_one(StatusLine).say(said)

    def tell(self, news: Said) -> None:
        """Show at the bottom what nobody asked for."""
        self.query_one(StatusLine).tell(news)

    def news(self, tidings: Tidings) -> None:
        """Take tidings, also while another screen is in front."""
        if not self.is_mounted:
            return
        self.query_one(TopBar).renew()
        self._tell_of_link()
        self.take(tidings)
        self.choice_changed()

    def _tell_of_link(self) -> None:
        """Say in full why the connection was lost, which the line at the top may have to cut."""
        before, self._link = self._link, self.board.link
        if self._link is Link.LOST and before is Link.LIVE:
            problem = self.board.problem or ""
            self._loss = problem.partition(" (")[0]
            self.say(Said(problem, "bad"))
        elif self._link is Link.LIVE and before is Link.LOST and self._says_loss:
            self.say(Said(""))

    @property
    def _says_loss(self) -> bool:
        said = self.query_one(StatusLine).said.text
        return bool(self._loss) and said.startswith(self._loss)

    def choice_changed(self) -> None:
        """Show which keys are possible now."""
        if self.is_attached and self.query(KeyBar):  # neither while the app is closing
            self.query_one(KeyBar).show(self.selection())

    def on_screen_resume(self) -> None:
        """Show the subject, which may be another one than last time."""
        self.arrive()
        self.query_one(TopBar).renew()
        self.choice_changed()

    def on_screen_suspend(self) -> None:
        """Leave, unless it is only a dialog that came before this screen."""
        if not isinstance(self.app.screen, ModalScreen):
            self.leave()
            self.say(Said(""))  # by the time that one comes back it is old

    def action_perform(self, name: str) -> None:
        """Do an action of the table."""
        self.atlas.perform(name)

    @on(ActionAsked)
    def _asked(self, event: ActionAsked) -> None:
        self.atlas.perform(event.name)

    # -- actions of the table that any screen does

    def action_back(self) -> None:
        """Clear something or, when nothing is left to clear, go back."""
        if not self.clear_one():
            self.atlas.go_back()

    def action_refresh(self) -> None:
        """Ask anew for what is shown, and connect at once when the connection is lost."""
        if self.board.link is Link.REFUSED:
            self.atlas.run_worker(admission.come_again(self.atlas), group=ASKING)
            return
        self.atlas.feed.retry_now()
        self.take(Tidings(everything=True))

    def action_quit(self) -> None:
        """Leave the app."""
        self.atlas.exit()

    def action_read_only(self) -> None:
        """Switch read-only mode."""
        if self.board.caller is not None and self.board.may_only_read:
            user = self.board.caller.user
            self.say(Said(admission.only_reads(user, self.board.scheduler), "bad"))
            return
        self.board.read_only = not self.board.read_only
        self.query_one(TopBar).renew()
        self.choice_changed()

    def action_pause_screen(self) -> None:
        """Keep the screen as it is until a key is pressed."""
        self.say(Said("PAUSED: any key goes on", "bad"))
        self.atlas.freeze()

    def action_mouse(self) -> None:
        """Give the mouse to the terminal, or take it."""
        if self.atlas.switch_mouse():
            self.say(Said("The mouse is ours", "good"))
        else:
            self.say(Said("The mouse is the terminal's: select text with it; m takes it back"))

    def action_theme(self) -> None:
        """Choose the colours."""
        from atlas_tui.screens.theme_dialog import ThemeDialog

        self.atlas.push_screen(ThemeDialog(), self.atlas.keep_theme)

    def action_help(self) -> None:
        """Show the keys of this screen."""
        from atlas_tui.screens.help import HelpScreen

        keymap = self.atlas.settings.keymap
        self.app.push_screen(HelpScreen(self.NAME, scheduler=self.board.scheduler, keymap=keymap))

    def action_palette(self) -> None:
        """Find an action by its name."""
        self.atlas.show_palette()
