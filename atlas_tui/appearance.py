"""How the app looks and what it takes from the terminal: theme, mouse, freezing, notices."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from typing import ClassVar, Protocol, cast

from textual import events
from textual.app import App, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from atlas_tui.ascii_only import AsciiOnly
from atlas_tui.keyboard import Keyboard, Typed
from atlas_tui.looks import THEMES, Palette, theme_for
from atlas_tui.options import Options

_ASCII = AsciiOnly()


class _MouseDriver(Protocol):
    """What Textual's drivers for real terminals have; the app's version of Textual is exact."""

    _mouse: bool

    def _enable_mouse_support(self) -> None: ...

    def _disable_mouse_support(self) -> None: ...


class Appearance(App[None], inherit_bindings=False):
    """The part of the app that has nothing to do with jobs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.palette = Palette(unicode=not options.plain)
        self.set_class(options.plain, "plain")
        self.has_mouse = True
        """Whether the mouse belongs to the app."""
        self.is_frozen = False
        """Whether the screen is kept as it is."""
        self._about_to_quit = False
        self.keyboard = Keyboard(self, self._press)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through before it is written."""
        filters = super().get_line_filters()
        return [*filters, _ASCII] if self.options.plain else filters

    def on_load(self) -> None:
        """Begin to pass on what is typed."""
        self.run_worker(self.keyboard.run(), group="keyboard")

    def dress(self) -> None:
        """Take the colours that were asked for, as far as the terminal has them."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.theme_named(self.options.theme)
        self._match_palette()
        # After Ctrl-Z and `fg` the terminal is empty, and Textual thinks that it shows all.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))

    @property
    def has_few_colours(self) -> bool:
        """Whether the terminal, or the line to it, is better off with its own sixteen."""
        few = self.console.color_system in ("standard", None) and not self.is_headless
        return self.options.low_bandwidth or few

    def theme_named(self, wanted: str) -> str:
        """The theme to use for a wanted one, which may be `auto`."""
        return theme_for(wanted, light=self.options.light, own_colours=self.has_few_colours)

    def half_block_shape(self) -> float:
        """Height of half a cell for its width; one where the terminal does not tell."""
        if not self.is_headless and sys.__stderr__ is not None:
            with contextlib.suppress(OSError, ValueError):
                answer = fcntl.ioctl(sys.__stderr__, termios.TIOCGWINSZ, bytes(8))
                rows, columns, width, height = struct.unpack("HHHH", answer)
                if rows and columns and width and height:
                    shape: float = height / rows / 2 / (width / columns)
                    return min(max(shape, 0.5), 2.0)
        return 1.0

    def wear(self, theme: str) -> None:
        """Change the colours at once."""
        self.theme = theme
        self._match_palette()

    def _match_palette(self) -> None:
        theme = self.current_theme
        self.palette.dark, self.palette.ansi = theme.dark, theme.ansi
        self.screen.refresh(repaint=True, layout=False)
        for widget in self.screen.query("*"):
            widget.refresh()

    # -- the terminal

    def switch_mouse(self) -> bool:
        """Give the mouse to the terminal, or take it. Returns whether the app has it then."""
        self.has_mouse = not self.has_mouse
        if hasattr(self._driver, "_enable_mouse_support"):
            driver = cast(_MouseDriver, self._driver)
            # The driver does nothing while it is told that there is no mouse.
            driver._mouse = True
            if self.has_mouse:
                driver._enable_mouse_support()
            else:
                driver._disable_mouse_support()
            driver._mouse = self.has_mouse
        return self.has_mouse

    def send_to_terminal(self, sequence: str) -> None:
        """Write an escape sequence between two repaints."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)
            self._driver.flush()

    def lend_terminal(self, command: Sequence[str]) -> bool:
        """Let a program have the terminal until it ends. Returns whether there is one to lend."""
        # Before and after the program has the terminal, Ctrl-C reaches the app as well. A handler,
        # since the program would inherit that it is ignored.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            with self.suspend():
                subprocess.run(command, check=False)
        except SuspendNotSupported:
            return False
        finally:
            signal.signal(signal.SIGINT, before)
        return True

    # -- freezing

    def freeze(self) -> None:
        """Keep the screen as it is, whatever comes in."""
        if not self.is_frozen:
            self.is_frozen = True
            self.call_after_refresh(self._begin_batch)

    def thaw(self) -> None:
        """Show what is the newest."""
        if self.is_frozen:
            self.is_frozen = False
            self._end_batch()
            self.screen.refresh(layout=True)
            for widget in self.screen.query("*"):
                widget.refresh()

    async def on_event(self, event: events.Event) -> None:
        """Let what is typed wait for its turn; everything else goes its way at once."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self.keyboard.take(event)
        else:
            await super().on_event(event)

    async def _press(self, typed: Typed) -> None:
        """Pass on what was typed. While frozen, a key thaws the screen and does nothing else."""
        if self.is_frozen and isinstance(typed, events.Key) and typed.key != "ctrl+c":
            self.thaw()
            self.thawed()
        else:
            await super().on_event(typed)

    def thawed(self) -> None:
        """Called when a key has ended a freeze."""

    # -- leaving

    def action_interrupt(self) -> None:
        """Quit at the second Ctrl-C; the first tells so."""
        if self._about_to_quit:
            self.exit()
            return
        self._about_to_quit = True
        self.warn_of_quitting()
        self.set_timer(3.0, self._stay)

    def warn_of_quitting(self) -> None:
        """Called at the first Ctrl-C."""

    def _stay(self) -> None:
        self._about_to_quit = False
