"""Follows the scheduler: one connection, from which everything on the screen is kept current."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from atlas_tui.admission import known_as, turned_away
from atlas_tui.board import Board, Link, Tidings
from foundations.client import AsyncClient
from foundations.errors import AtlasError, NotAuthorised, Unreachable
from foundations.models import Change, HostView, NewRecords, QueueChange
from foundations.transport.followers import FEED_SILENCE_SECONDS
from foundations.transport.reconnection import Backoff, FeedPlace, Patience

if TYPE_CHECKING:
    from foundations.transport.reconnection import News

FOREVER = Patience(first_delay_seconds=0.2, longest_delay_seconds=5.0, give_up_seconds=float("inf"))
RECENT_CHANGES = 500
"""Most changes that are kept for the feed of events."""


class Feed:
    """Keeps a board current and tells of what changed, at most every `period_seconds`."""

    def __init__(
        self,
        client: AsyncClient,
        board: Board,
        tell: Callable[[Tidings], None],
        *,
        period_seconds: float = 0.1,
        patience: Patience = FOREVER,
    ) -> None:
        self._client = client
        self._board = board
        self._tell = tell
        self._period_seconds = period_seconds
        self._patience = patience
        self._waiting: list[News] = []
        self._has_news = asyncio.Event()
        self._try_now = asyncio.Event()
        self.heard = asyncio.Event()
        """Set when the scheduler has answered for the first time, or did not."""
        self._is_first = True

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._deliver())

    def retry_now(self) -> None:
        """Do not wait any longer before the next attempt to connect."""
        self._try_now.set()

    async def _follow(self) -> None:
        backoff = Backoff(self._patience)
        while True:
            try:
                await self._connect_and_read(backoff)
            except NotAuthorised as refusal:
                words = turned_away(refusal, self._board.scheduler)
                await self._rest(Link.REFUSED, words, None)
            except AtlasError as error:
                delay = backoff.lost(time.monotonic())
                await self._rest(
                    Link.LOST,
                    error.message,
                    self._patience.longest_delay_seconds if delay is None else delay,
                )

    async def _connect_and_read(self, backoff: Backoff) -> None:
        info = await self._client.info()
        board = self._board
        missed = (
            board.last_seq if board.info is not None and not board.info_is_old else info.last_seq
        )
        if board.info is not None and board.info.instance != info.instance:
            missed = info.last_seq
        board.info, board.info_is_old, board.last_seq = info, False, missed
        self.heard.set()
        board.caller = await known_as(self._client)
        place = FeedPlace(missed, job=None, follow=True, also=("queue", "records", "host"))
        async with self._client.open(place.call(), silence_seconds=FEED_SILENCE_SECONDS) as answer:
            if not place.opened(answer.headers):
                raise Unreachable(f"What answers at {self._client.url} is not an Atlas scheduler.")
            backoff.answered()
            self._live()
            async for piece in answer.aiter_raw():
                backoff.answered()
                self._take(place.read(piece), place)
        place.ended()

    def _live(self) -> None:
        self._board.link, self._board.problem = Link.LIVE, None
        # What was asked since the first answer is as new as the feed.
        self._tell(Tidings(everything=not self._is_first))
        self._is_first = False

    def _take(self, news: Iterable[News | None], place: FeedPlace) -> None:
        for one in news:
            if isinstance(one, HostView):
                self._board.host = one
                self._tell(Tidings())
            elif one is not None:
                self._waiting.append(one)
                self._has_news.set()
        self._board.last_seq = place.since

    async def _deliver(self) -> None:
        """Pass changes on in bundles: a burst of a thousand is one repaint."""
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            news, self._waiting = self._waiting, []
            changes = tuple(one for one in news if isinstance(one, Change))
            recorded = (one.job_ids for one in news if isinstance(one, NewRecords))
            queue_changed = any(isinstance(one, QueueChange) for one in news)
            board = self._board
            board.recent = [*board.recent, *changes][-RECENT_CHANGES:]
            if changes or queue_changed:
                with suppress(AtlasError):  # the reader of the feed meets the same, and tells it
                    board.info = await self._client.info()
            self._tell(
                Tidings(
                    changes=changes,
                    queue_changed=queue_changed,
                    recorded=frozenset(chain.from_iterable(recorded)),
                )
            )
            await asyncio.sleep(self._period_seconds)

    async def _rest(self, link: Link, problem: str, delay_seconds: float | None) -> None:
        """Tell why there is no connection, and wait; without a delay until `retry_now`."""
        board = self._board
        board.link, board.problem = link, problem
        self._is_first = False
        self.heard.set()
        self._tell(Tidings())
        self._try_now.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_seconds):
                await self._try_now.wait()
