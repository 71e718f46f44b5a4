"""Ends the app when it is told to or when its terminal is gone, for sure within two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable

LOOK_EVERY_SECONDS = 0.5
PATIENCE_SECONDS = 1.2
"""How long an orderly end may take before the process is ended anyway."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP)

# Main screen, cursor, no mouse, no bracketed paste, no focus events, plain keys, wrapped lines.
_RESTORED = (
    "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    "\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?7h"
)


class TerminalGuard:
    """Looks at the terminal from a thread of its own, so that a busy app ends as well."""

    def __init__(self, leave: Callable[[int], None]) -> None:
        """Prepare.

        Args:
            leave: called in the event loop with the exit code that the app shall end with.
        """
        self._leave = leave
        self._over = threading.Event()
        self._attributes: list[int | list[bytes | int]] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the signals, and begin to look. Call it in the main thread."""
        self._loop = loop
        with contextlib.suppress(termios.error, OSError, ValueError):
            self._attributes = termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._told, number)
        if sys.__stdin__ is not None and sys.__stdin__.isatty():
            threading.Thread(target=self._look, name="terminal-guard", daemon=True).start()

    def end(self) -> None:
        """Look no more: the app has ended, and all its threads."""
        self._over.set()
        if not sys.stdin.isatty() and self._attributes is not None:
            # What is still to be written would fail when the interpreter ends.
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nowhere, descriptor)

    def _told(self, number: signal.Signals) -> None:
        self._go(128 + number)

    def _look(self) -> None:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
        while not self._over.wait(LOOK_EVERY_SECONDS):
            try:
                termios.tcgetattr(descriptor)
            except (termios.error, OSError):
                with contextlib.suppress(RuntimeError):  # the loop has ended already
                    self._loop.call_soon_threadsafe(self._go, 128 + signal.SIGHUP)
                self._insist(128 + signal.SIGHUP)
                return

    def _go(self, code: int) -> None:
        threading.Thread(target=self._insist, args=(code,), daemon=True).start()
        self._leave(code)

    def _insist(self, code: int) -> None:
        """End the process when an orderly end takes too long."""
        if not self._over.wait(PATIENCE_SECONDS):
            self._restore()
            os._exit(code)

    def _restore(self) -> None:
        with contextlib.suppress(termios.error, OSError, ValueError, AttributeError):
            os.write(sys.__stdout__.fileno(), _RESTORED.encode())  # type: ignore[union-attr]  # a missing one is suppressed
            if self._attributes is not None:
                termios.tcsetattr(
                    sys.__stdin__.fileno(),  # type: ignore[union-attr]  # the same
                    termios.TCSANOW,
                    self._attributes,
                )
