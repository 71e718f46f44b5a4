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
from typing import Protocol, runtime_checkable
from weakref import WeakSet

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.worker import Worker

ASKING = "ask"
"""Group of the workers that may open a dialog; keys that come meanwhile are meant for it."""
PATIENCE_SECONDS = 0.5
"""Longest that a key waits for what the one before it does: that may take a scheduler's answer."""
LIST_PATIENCE_SECONDS = 2.0
"""Longest wait for a list that a key has asked for; each is waited for once."""
_ROUNDS = 6
"""Most times that the queues on the way are waited for: those of a busy log are never empty."""
_LOOK_SECONDS = 0.005

Typed = events.Key | events.Paste


@runtime_checkable
class Lister(Protocol):
    """A widget whose keys are about a list that the scheduler sends."""

    @property
    def coming(self) -> object | None:
        """The list that was asked for in place of what is shown; None when none is."""


class Keyboard:
    """What was typed and is not passed on yet."""

    patience_seconds = PATIENCE_SECONDS
    list_patience_seconds = LIST_PATIENCE_SECONDS

    def __init__(self, app: App[None], pass_on: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._pass_on = pass_on
        self._waiting: asyncio.Queue[Typed] = asyncio.Queue()
        self._in_vain: WeakSet[object] = WeakSet()
        """Lists that did not come in time: no key waits for them again."""

    def take(self, typed: Typed) -> None:
        """Keep what was typed until its turn."""
        self._waiting.put_nowait(typed)

    async def run(self) -> None:
        """Pass on what is typed until cancelled."""
        while True:
            typed = await self._waiting.get()
            screen, asking = self._app.screen, self._asking()
            target, coming = self._app.focused or screen, self._coming
            await self._pass_on(typed)
            await self._settle(target)
            await self._dialog(screen, self._asking() - asking)
            if self._coming is not coming:
                await self._list(self._coming)

    def _asking(self) -> set[Worker[object]]:
        return {one for one in self._app.workers if one.group == ASKING and not one.is_finished}

    async def _settle(self, target: MessagePump) -> None:
        """Wait until a key has gone all the way up from a widget, and what came of it too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience_seconds):
                for _ in range(_ROUNDS):
                    way = dict.fromkeys([*_way_up(target), *_way_up(self._front)])
                    for pump in way:
                        await _reach(pump)
                    if not any(pump.message_queue_size for pump in way):
                        break

    async def _dialog(self, screen: Screen[object], asking: set[Worker[object]]) -> None:
        """Wait until workers have ended or put something before the screen."""
        deadline = time.monotonic() + self.patience_seconds
        while any(not one.is_finished for one in asking) and time.monotonic() < deadline:
            if self._app.screen is not screen:
                return await self._settle(self._app.screen)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _list(self, awaited: object | None) -> None:
        """Wait until a list is here, or is known not to come; a server may never answer."""
        if awaited is None or awaited in self._in_vain:
            return
        deadline = time.monotonic() + self.list_patience_seconds
        while self._coming is awaited:
            if time.monotonic() > deadline:
                return self._in_vain.add(awaited)
            await asyncio.sleep(_LOOK_SECONDS)
        await self._settle(self._front)

    @property
    def _coming(self) -> object | None:
        """The list that the widget with the keys has asked for."""
        front: object = self._app.focused
        return front.coming if isinstance(front, Lister) else None

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
