"""Downloading what jobs left, over as many connections as that takes; no I/O of its own.

How an answer is opened is in `foundations.client`. The twins have the same methods, arguments and
meanings; the blocking one explains them.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

import anyio

from foundations import calls
from foundations.calls import Call
from foundations.errors import Unreachable
from foundations.transport.reconnection import PATIENCE, Backoff, DownloadPlace, Patience
from foundations.transport.repetition import pause_seconds
from foundations.verbs import AsyncVerbs, Verbs

DOWNLOAD_SILENCE_SECONDS = 300.0
"""Longest pause in a download; the scheduler packs an archive while it sends it."""


class Opened(Protocol):
    """An answer that has begun."""

    @property
    def status_code(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, by name in any case."""

    def iter_raw(self) -> Iterator[bytes]:
        """Yield the body as it comes, blocking."""

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, for asyncio."""


class Downloads(Verbs):
    """Blocking; see `Client`."""

    patience: Patience = PATIENCE
    """How to behave while nothing answers."""

    @abstractmethod
    def open(
        self, call: Call[None], *, silence_seconds: float | None
    ) -> AbstractContextManager[Opened]:
        """Send a call, and give its answer as soon as that begins.

        Raises:
            SchedulerError: the scheduler refuses.
            Unreachable: nothing answers, the connection breaks, or is silent for too long.
        """

    def artifact(self, ref: str, key: str) -> Iterator[bytes]:
        """Yield the bytes of an artifact; errors come with the first piece."""
        return self._pieces(calls.records.artifact(ref, key))

    def file(self, ref: str, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file that `files` lists; errors come with the first piece."""
        return self._pieces(calls.records.file(ref, path))

    def archive(self, ref: str) -> Iterator[bytes]:
        """Yield a job's archive, a tar.gz; errors come with the first piece."""
        return self._pieces(calls.records.archive(ref))

    def tensorboard_logs(self, ref: str, *, since: int = 0) -> Iterator[bytes]:
        """Yield the TensorBoard logs of a job, a tar.gz, also while it runs.

        Args:
            ref: the job.
            since: leave out files that changed before, in seconds since 1970.
        """
        return self._pieces(calls.records.tensorboard_logs(ref, since=since))

    def _pieces(self, call: Call[None]) -> Iterator[bytes]:
        """Download; a connection that breaks is made again where the server can go on."""
        place, backoff = DownloadPlace(call), Backoff(self.patience)
        while not place.finished:
            try:
                with self.open(place.call(), silence_seconds=DOWNLOAD_SILENCE_SECONDS) as answer:
                    place.opened(answer.headers)
                    for piece in answer.iter_raw():
                        backoff.answered()
                        place.took(len(piece))
                        yield piece
                place.finished = True
            except Unreachable as error:
                place.lost(error)
                time.sleep(pause_seconds(backoff, error))


class AsyncDownloads(AsyncVerbs):
    """For asyncio; see `AsyncClient`."""

    patience: Patience = PATIENCE
    """How to behave while nothing answers."""

    @abstractmethod
    def open(
        self, call: Call[None], *, silence_seconds: float | None
    ) -> AbstractAsyncContextManager[Opened]:
        """Send a call, and give its answer as soon as that begins."""

    def artifact(self, ref: str, key: str) -> AsyncIterator[bytes]:
        """Yield the bytes of an artifact; errors come with the first piece."""
        return self._pieces(calls.records.artifact(ref, key))

    def file(self, ref: str, path: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file that `files` lists; errors come with the first piece."""
        return self._pieces(calls.records.file(ref, path))

    def archive(self, ref: str) -> AsyncIterator[bytes]:
        """Yield a job's archive, a tar.gz; errors come with the first piece."""
        return self._pieces(calls.records.archive(ref))

    def tensorboard_logs(self, ref: str, *, since: int = 0) -> AsyncIterator[bytes]:
        """Yield the TensorBoard logs of a job, a tar.gz, also while it runs."""
        return self._pieces(calls.records.tensorboard_logs(ref, since=since))

    async def _pieces(self, call: Call[None]) -> AsyncIterator[bytes]:
        place, backoff = DownloadPlace(call), Backoff(self.patience)
        while not place.finished:
            try:
                async with self.open(
                    place.call(), silence_seconds=DOWNLOAD_SILENCE_SECONDS
                ) as answer:
                    place.opened(answer.headers)
                    async for piece in answer.aiter_raw():
                        backoff.answered()
                        place.took(len(piece))
                        yield piece
                place.finished = True
            except Unreachable as error:
                place.lost(error)
                await anyio.sleep(pause_seconds(backoff, error))
