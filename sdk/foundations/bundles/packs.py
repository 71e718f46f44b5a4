"""Files of a bundle on their way to a scheduler: which go together, and the bytes of a request."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundations.bundles.project_files import changed, changed_since, opened
from foundations.bundles.tarball_writer import READ_BYTES, GzipEncoder
from foundations.errors import BundleError

if TYPE_CHECKING:
    from foundations.models import MissingFile

PACK_BYTES = 64 * 1024**2
"""A request ends with the file that fills it: what it brought is then durable."""
PACK_FILES = 4096
PIECE_BYTES = 1024 * 1024
_WORTH = 0.8
"""What does not shrink to so much is sent as it is: compressing it is slower than a good line."""


@dataclass(frozen=True, slots=True)
class Item:
    """One content to send."""

    sha256: str
    size_bytes: int
    offset: int
    """How much of it is there already."""
    source: str
    """On disk."""
    path: str
    """In the bundle, for messages."""


def packs(
    missing: Iterable[MissingFile], sources: Mapping[str, tuple[str, str]]
) -> list[list[Item]]:
    """Divide what is missing into requests: large enough to be few, small enough to repeat.

    Raises:
        BundleError: something is missing that is not in the bundle.
    """
    divided: list[list[Item]] = []
    left_bytes = 0
    for one in missing:
        if one.sha256 not in sources:
            raise BundleError("The scheduler asks for a file that is not in the bundle.")
        source, path = sources[one.sha256]
        if left_bytes <= 0 or len(divided[-1]) >= PACK_FILES:
            divided.append([])
            left_bytes = PACK_BYTES
        divided[-1].append(Item(one.sha256, one.size_bytes, one.arrived_bytes, source, path))
        left_bytes -= one.size_bytes - one.arrived_bytes
    return divided


class GivenUp(Exception):
    """Ends a request whose upload nobody wants any more."""


class Sent:
    """Adds up what several requests send at once."""

    def __init__(self, watch: Callable[[int], None] | None = None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._is_given_up = False
        self.total_bytes = 0

    def go_on_at(self, total_bytes: int) -> None:
        """Count from what the scheduler has already, which need not be sent."""
        with self._lock:
            self.total_bytes = total_bytes

    def give_up(self) -> None:
        """End every request soon."""
        self._is_given_up = True

    def add(self, count_bytes: int) -> None:
        """Count bytes, and tell whoever watches.

        Raises:
            GivenUp: the upload was given up.
        """
        if self._is_given_up:
            raise GivenUp
        with self._lock:
            self.total_bytes += count_bytes
            if self._watch is not None:
                self._watch(self.total_bytes)


def body(items: Iterable[Item], sent: Sent) -> Iterator[bytes]:
    """Yield the body of a request piece by piece, small files joined.

    Raises:
        BundleError: a file changed since it was listed.
    """
    pending: list[bytes] = []
    pending_bytes = 0
    for item in items:
        for piece in _item(item):
            pending.append(piece)
            pending_bytes += len(piece)
            if pending_bytes >= PIECE_BYTES:
                yield b"".join(pending)
                sent.add(pending_bytes)
                pending, pending_bytes = [], 0
    if pending:
        yield b"".join(pending)
        sent.add(pending_bytes)


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a body as gzip, on its way; what does not compress is only wrapped."""
    gzip = GzipEncoder(worth=_WORTH)
    yield gzip.header()
    for piece in pieces:
        for start in range(0, len(piece), READ_BYTES):
            if packed := gzip.encode(piece[start : start + READ_BYTES]):
                yield packed
    yield gzip.finish()


def _item(item: Item) -> Iterator[bytes]:
    line = {"sha256": item.sha256, "size_bytes": item.size_bytes, "offset": item.offset}
    yield json.dumps(line).encode() + b"\n"
    left_bytes = item.size_bytes - item.offset
    if not left_bytes:
        return
    with opened(item.source, item.path) as (descriptor, status):
        if status.st_size != item.size_bytes:
            raise changed(item.path)
        os.lseek(descriptor, item.offset, os.SEEK_SET)
        while left_bytes:
            data = os.read(descriptor, min(PIECE_BYTES, left_bytes))
            if not data:
                raise changed(item.path)
            left_bytes -= len(data)
            if not left_bytes and changed_since(status, os.fstat(descriptor)):
                raise changed(item.path)  # the scheduler knows no names
            yield data
