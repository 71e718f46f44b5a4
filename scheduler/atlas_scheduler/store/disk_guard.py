"""Watches the space where the scheduler writes, and says when nothing may start any more."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from foundations.home import Home
from foundations.models import StorageView
from foundations.quantities import size

DEFAULT_BYTES = 10**9
DEFAULT_SHARE = 0.02
"""Without a setting nothing starts below the smaller of both, the second being of the disk."""
_HEADROOM = 1.1
"""Starts go on at so many times the mark: at the mark itself they would stop again at once."""


class Space(NamedTuple):
    """How a file system stands, in bytes."""

    total_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """A disk that is too full to start anything."""

    place: Path
    free_bytes: int
    stop_below_bytes: int

    @property
    def reason(self) -> str:
        """Why nothing starts."""
        return (
            f"the disk of {self.place} is nearly full: {size(self.free_bytes)} are free, and "
            f"nothing starts below {size(self.stop_below_bytes)}"
        )


def look_at(place: Path) -> Space:
    """Ask the file system that a path is on, or will be on once it is made."""
    while not place.exists() and place != place.parent:
        place = place.parent
    usage = shutil.disk_usage(place)
    return Space(usage.total, usage.free)


def places(home: Home) -> tuple[Path, ...]:
    """Where the scheduler writes much; links may put some of it on other disks."""
    return (home.root, home.bundles, home.job_dirs, home.archives)


class DiskGuard:
    """Knows whether there is space to start jobs. `look` blocks; all else is memory."""

    def __init__(
        self,
        places: Sequence[Path],
        *,
        stop_below_bytes: int | None = None,
        probe: Callable[[Path], Space] = look_at,
    ) -> None:
        """Prepare; nothing is looked at yet.

        Args:
            places: Where the scheduler writes, on one disk or on several.
            stop_below_bytes: Free space below which nothing starts; 0 never stops; None is the
                default.
            probe: Says how a place's disk stands.
        """
        self._places = places
        self._stop_below_bytes = stop_below_bytes
        self._probe = probe
        self._lock = threading.Lock()
        self.shortage: Shortage | None = None
        """What keeps jobs from starting, as of the last look."""
        self.free_bytes: int | None = None
        """On the disk that is nearest to its mark, as of the last look."""
        self.stop_below_bytes = stop_below_bytes or 0
        """The mark of that disk."""

    def look(self) -> Shortage | None:
        """Look at every disk, and return what keeps jobs from starting now."""
        with self._lock:
            tightest: tuple[int, Path, Space, int] | None = None
            for place, space in self._disks():
                mark = self._mark(space)
                margin = space.free_bytes - mark
                if tightest is None or margin < tightest[0]:
                    tightest = (margin, place, space, mark)
            if tightest is not None:
                _, place, space, mark = tightest
                self.free_bytes, self.stop_below_bytes = space.free_bytes, mark
                needed = mark * (1.0 if self.shortage is None else _HEADROOM)
                is_short = space.free_bytes < needed
                self.shortage = Shortage(place, space.free_bytes, mark) if is_short else None
            return self.shortage

    @property
    def reason(self) -> str | None:
        """Why nothing starts; None when something can."""
        return None if self.shortage is None else self.shortage.reason

    def view(self) -> StorageView | None:
        """The state for clients; None before the first look."""
        if self.free_bytes is None:
            return None
        return StorageView(
            free_bytes=self.free_bytes,
            stop_below_bytes=self.stop_below_bytes,
            problem=self.reason,
        )

    def _disks(self) -> list[tuple[Path, Space]]:
        """Each disk once, with the first of the places on it."""
        seen: dict[Space, Path] = {}
        for place in self._places:
            try:
                space = self._probe(place)
            except OSError:
                continue  # who uses it will say what is wrong with it
            seen.setdefault(space, place)
        return [(place, space) for space, place in seen.items()]

    def _mark(self, space: Space) -> int:
        if self._stop_below_bytes is not None:
            return self._stop_below_bytes
        return min(DEFAULT_BYTES, int(space.total_bytes * DEFAULT_SHARE))
