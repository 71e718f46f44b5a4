"""Gives keys to the app one after the other: each meets what the one before it brought about.

Textual hands a key to the widget that has the focus at that moment, while what the key before it
does is still on its way up to the screen and the app. On a slow line several keys arrive at once,
and the text of a filter would be taken for commands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.worker import Worker

ASKING = "ask"
"""Group of the workers that may open a dialog; keys that come meanwhile are meant for it."""
PATIENCE_SECONDS = 0.5
"""Longest that a key waits for what the one before it does: that may take a scheduler's answer."""
_ROUNDS = 6
"""Most times that the queues on the way are waited for: those of a busy log are never empty."""
_LOOK_SECONDS = 0.005

Typed = events.Key | events.Paste


class Keyboard:
    """What was typed and is not passed on yet."""

    def __init__(self, app: App[None], pass_on: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._pass_on = pass_on
        self._waiting: asyncio.Queue[Typed] = asyncio.Queue()

    def take(self, typed: Typed) -> None:
        """Keep what was typed until its turn."""
        self._waiting.put_nowait(typed)

    async def run(self) -> None:
        """Pass on what is typed until cancelled."""
        while True:
            typed = await self._waiting.get()
            screen, asking = self._app.screen, self._asking()
            target = self._app.focused or screen
            await self._pass_on(typed)
            await self._settle(target)
            await self._dialog(screen, self._asking() - asking)

    def _asking(self) -> set[Worker[object]]:
        return {one for one in self._app.workers if one.group == ASKING and not one.is_finished}

    async def _settle(self, target: MessagePump) -> None:
        """Wait until a key has gone all the way up from a widget, and what came of it too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                for _ in range(_ROUNDS):
                    way = dict.fromkeys([*_way_up(target), *_way_up(self._front)])
                    for pump in way:
                        await _reach(pump)
                    if not any(pump.message_queue_size for pump in way):
                        break

    async def _dialog(self, screen: Screen[object], asking: set[Worker[object]]) -> None:
        """Wait until workers have ended or put something before the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(not one.is_finished for one in asking) and time.monotonic() < deadline:
            if self._app.screen is not screen:
                return await self._settle(self._app.screen)
            await asyncio.sleep(_LOOK_SECONDS)

    @property
    def _front(self) -> MessagePump:
        return self._app.focused or self._app.screen


def _way_up(pump: MessagePump | None) -> list[MessagePump]:
    way: list[MessagePump] = []
    while pump is not None:
        way.append(pump)
        pump = pump._parent
    return way


async def _reach(pump: MessagePump) -> None:
    """Wait until a widget has handled everything that it was told so far."""
    reached = asyncio.Event()
    if pump.call_later(reached.set):
        await reached.wait()
