"""Reading long answers to their end, over as many connections as that takes; no I/O of its own.

How an answer is opened is in `foundations.client`. The twins have the same methods, arguments and
meanings; the blocking one explains them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, closing
from typing import TYPE_CHECKING

import anyio

from foundations import calls
from foundations.errors import Unreachable
from foundations.lazy_models import models
from foundations.transport import answers
from foundations.transport.downloads import AsyncDownloads, Downloads, Opened
from foundations.transport.reconnection import Backoff, FeedPlace, LogPlace
from foundations.transport.repetition import pause_seconds

if TYPE_CHECKING:
    from foundations.transport.reconnection import News

LOG_SILENCE_SECONDS = 60.0
"""Longest silence of a followed log before it is asked for again: its job may just be quiet."""
FEED_SILENCE_SECONDS = 45.0
"""Longest silence of the change feed: three heartbeats."""


class Followers(Downloads):
    """Calls whose answer is read piece by piece, blocking."""

    def logs(
        self, ref: str, *, offset: int = 0, follow: bool = False, length: int | None = None
    ) -> Iterator[bytes]:
        """Yield the log from `offset` to what there is, or with `follow` to the end of the job.

        A connection that breaks is made again: there is never a gap or a repeat. A negative offset
        counts from the end. `length` is the most bytes to yield.

        Raises:
            Unreachable: nothing answered at first, or for `Patience.give_up_seconds`.
        """
        place = LogPlace(ref, offset=offset, follow=follow, length=length)
        backoff = Backoff(self.patience)
        while not place.finished:
            try:
                if place.asks_state:
                    place.saw(self.send(calls.jobs.standing(place.ref)))
                    continue
                with self.open(place.call(), silence_seconds=LOG_SILENCE_SECONDS) as answer:
                    _check(place, answer, self.url)
                    backoff.answered()
                    for piece in answer.iter_raw():
                        backoff.answered()
                        place.took(len(piece))
                        yield piece
                place.ended()
            except Unreachable as error:
                time.sleep(_delay(place, backoff, error))

    def changes(
        self, since: int, *, job: str | None = None, follow: bool = True
    ) -> Iterator[models.Change]:
        """Yield every change after `since`, in order and each once; with `follow` without end.

        A connection that breaks is made again.

        Raises:
            Unreachable: nothing answered at first, or for `Patience.give_up_seconds`.
        """
        place, backoff = FeedPlace(since, job=job, follow=follow), Backoff(self.patience)
        with closing(self._feed(place, backoff, FEED_SILENCE_SECONDS)) as feed:
            for change in feed:
                if isinstance(change, models.Change):
                    yield change

    def news(self, since: int, *, job: str | None = None, follow: bool = True) -> Generator[News]:
        """Yield every change of jobs and of the queue after `since`, and notices of new records.

        Notices (`NewRecords`) come at most once a second, are not repeated and have no place in the
        feed. With `job` only what is about that job comes.

        Raises:
            Unreachable: nothing answered at first, or for `Patience.give_up_seconds`.
        """
        place = FeedPlace(since, job=job, follow=follow, also=("queue", "records"))
        with closing(self._feed(place, Backoff(self.patience), FEED_SILENCE_SECONDS)) as feed:
            for one in feed:
                if one is not None:
                    yield one

    def wait(self, ref: str, timeout_seconds: float | None = None) -> models.JobDetail:
        """Wait until a job has ended, and return it.

        Raises:
            TimeoutError: it has not ended after `timeout_seconds`.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        found = self.job(ref)
        place, backoff = FeedPlace.after(found), Backoff(self.patience)
        while found.state not in models.FINAL_STATES:
            left = FEED_SILENCE_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise _overdue(found, timeout_seconds)
            silence_seconds = min(left, FEED_SILENCE_SECONDS)
            with closing(self._feed(place, backoff, silence_seconds)) as feed:
                for change in feed:
                    if change is None and deadline is not None:
                        break
                    if isinstance(change, models.Change) and change.state in models.FINAL_STATES:
                        found = self.job(found.job_id)
                        break
        return found

    def _feed(
        self, place: FeedPlace, backoff: Backoff, silence_seconds: float
    ) -> Generator[News | None]:
        """Yield news, and None at signs of life and after trouble: time to see the clock."""
        while not place.finished:
            try:
                with self.open(place.call(), silence_seconds=silence_seconds) as answer:
                    _check(place, answer, self.url)
                    backoff.answered()
                    for piece in answer.iter_raw():
                        backoff.answered()
                        yield from place.read(piece)
                place.ended()
            except Unreachable as error:
                time.sleep(_delay(place, backoff, error))
                yield None


class AsyncFollowers(AsyncDownloads):
    """Calls whose answer is read piece by piece, for asyncio."""

    async def logs(
        self, ref: str, *, offset: int = 0, follow: bool = False, length: int | None = None
    ) -> AsyncGenerator[bytes]:
        """Yield the log from `offset` to what there is, or with `follow` to the end of the job."""
        place = LogPlace(ref, offset=offset, follow=follow, length=length)
        backoff = Backoff(self.patience)
        while not place.finished:
            try:
                if place.asks_state:
                    place.saw(await self.send(calls.jobs.standing(place.ref)))
                    continue
                async with self.open(place.call(), silence_seconds=LOG_SILENCE_SECONDS) as answer:
                    _check(place, answer, self.url)
                    backoff.answered()
                    async for piece in answer.aiter_raw():
                        backoff.answered()
                        place.took(len(piece))
                        yield piece
                place.ended()
            except Unreachable as error:
                await anyio.sleep(_delay(place, backoff, error))

    async def changes(
        self, since: int, *, job: str | None = None, follow: bool = True
    ) -> AsyncGenerator[models.Change]:
        """Yield every change after `since`, in order and each once; with `follow` without end."""
        async with aclosing(self._feed(FeedPlace(since, job=job, follow=follow))) as feed:
            async for change in feed:
                if isinstance(change, models.Change):
                    yield change

    async def news(
        self, since: int, *, job: str | None = None, follow: bool = True
    ) -> AsyncGenerator[News]:
        """Yield every change of jobs and of the queue after `since`, and notices of new records."""
        place = FeedPlace(since, job=job, follow=follow, also=("queue", "records"))
        async with aclosing(self._feed(place)) as feed:
            async for one in feed:
                yield one

    async def wait(self, ref: str, timeout_seconds: float | None = None) -> models.JobDetail:
        """Wait until a job has ended, and return it."""
        found = await self.job(ref)
        try:
            with anyio.fail_after(timeout_seconds):
                while found.state not in models.FINAL_STATES:
                    await self._until_final(found)
                    found = await self.job(found.job_id)
        except TimeoutError:
            raise _overdue(found, timeout_seconds) from None
        return found

    async def _until_final(self, seen: models.JobDetail) -> None:
        async with aclosing(self._feed(FeedPlace.after(seen))) as feed:
            async for change in feed:
                if isinstance(change, models.Change) and change.state in models.FINAL_STATES:
                    return

    async def _feed(self, place: FeedPlace) -> AsyncGenerator[News]:
        backoff = Backoff(self.patience)
        while not place.finished:
            try:
                async with self.open(place.call(), silence_seconds=FEED_SILENCE_SECONDS) as answer:
                    _check(place, answer, self.url)
                    backoff.answered()
                    async for piece in answer.aiter_raw():
                        backoff.answered()
                        for change in place.read(piece):
                            if change is not None:
                                yield change
                place.ended()
            except Unreachable as error:
                await anyio.sleep(_delay(place, backoff, error))


def _check(place: LogPlace | FeedPlace, answer: Opened, url: str) -> None:
    if not place.opened(answer.headers):
        version = answer.headers.get("X-Atlas-Version")
        raise answers.stranger(answer.status_code, url=url, version=version)


def _delay(place: LogPlace | FeedPlace, backoff: Backoff, error: Unreachable) -> float:
    """Return how long to wait before asking again, or raise `error` to give up."""
    if not place.connected:
        raise error
    return pause_seconds(backoff, error)


def _overdue(seen: models.JobDetail, timeout_seconds: float | None) -> TimeoutError:
    return TimeoutError(
        f"Job `{seen.job_id}` has not ended after {timeout_seconds:g} s; it is {seen.state}."
    )
