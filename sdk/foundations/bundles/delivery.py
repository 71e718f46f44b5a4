"""Gets the content of a directory to a scheduler: packed as a whole, or file by file.

A small directory goes as one packed file in one request. Of a large one only those files are sent
that the scheduler lacks, several requests at once, and after a broken connection only the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from foundations.bundles import bundle
from foundations.bundles.packs import GivenUp, Item, Sent, packs
from foundations.bundles.tree import Tree, list_tree
from foundations.errors import BundleError, NotFound, TooMany, Unreachable
from foundations.transport.deferral import Deferral
from foundations.transport.reconnection import Backoff, Patience
from foundations.transport.repetition import (
    Told,
    patiently,
    patiently_async,
    pause_seconds,
    wait_seconds,
)

if TYPE_CHECKING:
    from foundations.client import AsyncClient, Client
    from foundations.models import MissingFile, MissingFiles

Watch = Callable[[int], None]
"""Told how many bytes the scheduler has so far, with those that it had before."""

LISTED_ABOVE_BYTES = 8 * 10**6
"""A directory of no more than that is sent as a whole: one request is quicker than several."""
PARALLEL_REQUESTS = 4
GZIP = "gzip"
"""The one way to compress files on their way, where the scheduler says that it knows it."""
_LATER = (Unreachable, TooMany)
"""What ends one request of a round, and not the delivery."""
_VAIN_ROUNDS = 2
"""So many rounds may end in good order without having brought anything."""


class Delivery:
    """The content of one directory, ready to be sent; may be sent more than once."""

    def __init__(
        self, directory: Path, folder: Path, ready: bundle.Packed | Tree, watch: bundle.Watch | None
    ) -> None:
        """Hold what `make_ready` made."""
        self._directory = directory
        self._path = _packed_path(folder)
        self._ready = ready
        self._watch = watch

    @property
    def digest(self) -> str:
        """Names the bundle; final once it was sent."""
        return self._ready.digest

    @property
    def size_bytes(self) -> int:
        """How much there is to send when the scheduler has nothing of it."""
        return self._ready.size_bytes

    def send(self, client: Client, *, watch: Watch | None = None) -> None:
        """Give the scheduler what it lacks of the bundle.

        Raises:
            BundleError: a file changed meanwhile.
            Unreachable: the scheduler does not answer.
            SchedulerError: it does not take the bundle.
        """
        if isinstance(self._ready, Tree):
            # It may have taken minutes to list: whoever was there before it is waited for.
            if patiently(lambda: client.has_bundle(self.digest), client.patience):
                return
            try:
                return _send_tree(client, self._ready, Sent(watch))
            except _NotListed:
                self._pack()
                if patiently(lambda: client.has_bundle(self.digest), client.patience):
                    return
        elif client.has_bundle(self.digest):
            return
        broke = False

        def upload() -> None:
            nonlocal broke
            if not (broke and client.has_bundle(self.digest)):
                broke = True
                client.upload_bundle(self.digest, self._path, watch=watch)

        patiently(upload, client.patience)

    async def send_async(self, client: AsyncClient, *, watch: Watch | None = None) -> None:
        """Do the same, for asyncio."""
        import asyncio  # not at the top: the blocking twin needs none of it

        if isinstance(self._ready, Tree):
            if await patiently_async(lambda: client.has_bundle(self.digest), client.patience):
                return
            try:
                return await _send_tree_async(client, self._ready, Sent(watch))
            except _NotListed:
                await asyncio.to_thread(self._pack)
                if await patiently_async(lambda: client.has_bundle(self.digest), client.patience):
                    return
        elif await client.has_bundle(self.digest):
            return
        broke = False

        async def upload() -> None:
            nonlocal broke
            if not (broke and await client.has_bundle(self.digest)):
                broke = True
                await client.upload_bundle(self.digest, self._path, watch=watch)

        await patiently_async(upload, client.patience)

    def _pack(self) -> None:
        """Make one packed file after all, for a scheduler that knows nothing else."""
        self._ready = bundle.pack(self._directory, self._path, watch=self._watch)


class _NotListed(Exception):
    """The scheduler is older than listings."""


def make_ready(
    directory: Path, folder: Path, *, size_bytes: int, watch: bundle.Watch | None = None
) -> Delivery:
    """Pack or list a directory.

    Args:
        directory: what to send.
        folder: an own, empty directory for the packed file.
        size_bytes: how much the directory holds, by `bundle.estimate`.
        watch: told how many bytes are packed or listed so far; what it raises ends the work.

    Raises:
        BundleError: it cannot be packed; the text names the file and the reason.
    """
    ready: bundle.Packed | Tree
    if size_bytes <= LISTED_ABOVE_BYTES:
        ready = bundle.pack(directory, _packed_path(folder), watch=watch)
    else:
        ready = list_tree(directory, watch=watch)
    return Delivery(directory, folder, ready, watch)


class _Rounds:
    """Decides when to go on after a broken connection or over a limit, and when to give up."""

    def __init__(self, patience: Patience, deferred: Told | None) -> None:
        self._patience = patience
        self._deferred = deferred
        self._backoff = Backoff(patience)
        self._deferral = Deferral(patience)
        self._least_bytes: int | None = None
        self._vain = 0

    def begin(self, missing: list[MissingFile]) -> None:
        """Begin a round with what is still missing.

        Raises:
            BundleError: the last rounds changed nothing although none of them broke off.
        """
        left_bytes = _left_bytes(missing) + len(missing)  # an empty file is missing, too
        if self._least_bytes is None or left_bytes < self._least_bytes:
            self._least_bytes, self._vain = left_bytes, 0
            self._backoff.answered()
            self._deferral = Deferral(self._patience)
            return
        self._vain += 1
        if self._vain > _VAIN_ROUNDS:
            raise BundleError("The scheduler asks again and again for files that were sent to it.")

    def pause_seconds(self, error: Unreachable | TooMany) -> float:
        """Return how long to wait after a round that broke off, or raise `error` to give up."""
        self._vain = 0
        if isinstance(error, TooMany):
            return wait_seconds(self._deferral, error, self._deferred)
        return pause_seconds(self._backoff, error)


def _send_tree(client: Client, tree: Tree, sent: Sent) -> None:
    rounds = _Rounds(client.patience, client.deferred)
    while True:
        try:
            try:
                told = client.declare_bundle(tree.digest, tree.listing)
            except NotFound as error:
                raise _NotListed from error
            if not told.missing:
                return
            rounds.begin(told.missing)
            sent.go_on_at(tree.size_bytes - _left_bytes(told.missing))
            _send_missing(client, tree, told, sent)
        except _LATER as error:
            time.sleep(rounds.pause_seconds(error))


def _send_missing(client: Client, tree: Tree, told: MissingFiles, sent: Sent) -> None:
    """Send files, several requests at once. One that breaks off does not end the others."""
    # Not at the top: small projects, of which most are, need no threads.
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(PARALLEL_REQUESTS, "atlas-upload") as pool:
        send = partial(client.send_files, sent=sent, gzip=GZIP in told.encodings)
        sending = [pool.submit(send, items) for items in packs(told.missing, tree.sources)]
        try:
            for one in as_completed(sending):
                if not isinstance(one.exception(), _LATER):
                    one.result()
        except BaseException:
            sent.give_up()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    for one in sending:
        one.result()


async def _send_tree_async(client: AsyncClient, tree: Tree, sent: Sent) -> None:
    import asyncio

    rounds = _Rounds(client.patience, client.deferred)
    while True:
        try:
            try:
                told = await client.declare_bundle(tree.digest, tree.listing)
            except NotFound as error:
                raise _NotListed from error
            if not told.missing:
                return
            rounds.begin(told.missing)
            sent.go_on_at(tree.size_bytes - _left_bytes(told.missing))
            await _send_missing_async(client, tree, told, sent)
        except _LATER as error:
            await asyncio.sleep(rounds.pause_seconds(error))


async def _send_missing_async(
    client: AsyncClient, tree: Tree, told: MissingFiles, sent: Sent
) -> None:
    import asyncio

    gate = asyncio.Semaphore(PARALLEL_REQUESTS)

    async def send(items: list[Item]) -> None:
        async with gate:
            try:
                await client.send_files(items, sent, gzip=GZIP in told.encodings)
            except _LATER:
                raise
            except BaseException:
                sent.give_up()
                raise

    sending = (send(items) for items in packs(told.missing, tree.sources))
    ends = await asyncio.gather(*sending, return_exceptions=True)
    broken = [end for end in ends if isinstance(end, BaseException)]
    # What ended the others is told, not how they ended.
    for end in sorted(broken, key=lambda one: isinstance(one, (GivenUp, *_LATER))):
        raise end


def _left_bytes(missing: list[MissingFile]) -> int:
    return sum(one.size_bytes - one.arrived_bytes for one in missing)


def _packed_path(folder: Path) -> Path:
    return folder / "bundle.tar.gz"
