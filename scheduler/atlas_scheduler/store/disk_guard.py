"""Watches the space where the scheduler writes, and says when nothing may start any more."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from foundations.home import Home
from foundations.models import StorageView, WatchedDisk
from foundations.text.quantities import size

DEFAULT_BYTES = 10**9
DEFAULT_SHARE = 0.02
"""Without a setting nothing starts below the smaller of both, the second being of the disk."""
_HEADROOM = 1.1
"""Starts go on at so many times the mark: at the mark itself they would stop again at once."""


class Space(NamedTuple):
    """How a file system stands, in bytes."""

    total_bytes: int
    free_bytes: int
    device: int
    """Which one it is: the same for all that is on it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory whose disk is watched."""

    name: str
    """What users call it: `home`, `engine`, …"""
    path: Path
    purpose: str = ""
    """What is kept there, where the path does not tell."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk that is watched, as of the last look."""

    places: tuple[Place, ...]
    """What is on it of all that is watched; never empty."""
    space: Space
    stop_below_bytes: int
    """Its mark."""

    @property
    def margin_bytes(self) -> int:
        """How far it is from its mark."""
        return self.space.free_bytes - self.stop_below_bytes

    @property
    def reason(self) -> str:
        """Why nothing starts, if it is too full."""
        place = self.places[0]
        where = f"{place.path}, {place.purpose}," if place.purpose else str(place.path)
        return (
            f"the disk of {where} is nearly full: {size(self.space.free_bytes)} are free, and "
            f"nothing starts below {size(self.stop_below_bytes)}"
        )

    def view(self) -> WatchedDisk:
        """It as clients are told."""
        return WatchedDisk(
            path=str(self.places[0].path),
            holds=list(dict.fromkeys(place.name for place in self.places)),
            total_bytes=self.space.total_bytes,
            free_bytes=self.space.free_bytes,
            stop_below_bytes=self.stop_below_bytes,
        )


def look_at(place: Path) -> Space:
    """Ask the file system that a path is on, or will be on once it is made."""
    while not place.exists() and place != place.parent:
        place = place.parent
    usage = shutil.disk_usage(place)
    return Space(usage.total, usage.free, place.stat().st_dev)


def places(home: Home) -> tuple[Place, ...]:
    """Where the scheduler writes much; links may put some of it on other disks."""
    return (
        Place("home", home.root),
        Place("bundles", home.bundles),
        Place("work dirs", home.job_dirs),
        Place("archives", home.archives),
    )


class DiskGuard:
    """Knows whether there is space to start jobs. `look` blocks; all else is memory."""

    def __init__(
        self,
        places: Sequence[Place],
        *,
        stop_below_bytes: int | None = None,
        probe: Callable[[Path], Space] = look_at,
    ) -> None:
        """Prepare; nothing is looked at yet.

        Args:
            places: where the scheduler writes, on one disk or on several.
            stop_below_bytes: free space below which nothing starts; 0 never stops; None is the
                default.
            probe: says how a place's disk stands.
        """
        self._places = places
        self._stop_below_bytes = stop_below_bytes
        self._probe = probe
        self._lock = threading.Lock()
        self._short: list[Disk] = []
        self.disks: tuple[Disk, ...] = ()
        """All that are watched, as of the last look; the home's is the first."""
        self.shortage: Disk | None = None
        """What keeps jobs from starting, as of the last look."""

    def look(self, also: Sequence[Place] = ()) -> Disk | None:
        """Look at every disk, and return what keeps jobs from starting now.

        Args:
            also: where others write for jobs, as it is known now.
        """
        with self._lock:
            disks = self._measured([*self._places, *also])
            if disks:
                before = {place for one in self._short for place in one.places}
                self._short = [
                    one
                    for one in disks
                    if one.space.free_bytes
                    < one.stop_below_bytes * (1.0 if before.isdisjoint(one.places) else _HEADROOM)
                ]
                self.disks = disks
                self.shortage = min(self._short, key=_margin, default=None)
            return self.shortage

    @property
    def reason(self) -> str | None:
        """Why nothing starts; None when something can."""
        return None if self.shortage is None else self.shortage.reason

    @property
    def tightest(self) -> Disk | None:
        """The disk that is nearest to its mark; None before the first look."""
        return self.shortage or min(self.disks, key=_margin, default=None)

    def stop_below_bytes(self, name: str) -> int:
        """The mark of the disk that has a place; before the first look, what the settings say."""
        for one in self.disks:
            if any(place.name == name for place in one.places):
                return one.stop_below_bytes
        return self._stop_below_bytes or 0

    def view(self) -> StorageView | None:
        """The state for clients; None before the first look."""
        tightest = self.tightest
        if tightest is None:
            return None
        return StorageView(
            free_bytes=tightest.space.free_bytes,
            stop_below_bytes=tightest.stop_below_bytes,
            problem=self.reason,
            disks=[one.view() for one in self.disks],
        )

    def _measured(self, places: Sequence[Place]) -> tuple[Disk, ...]:
        """Each disk once, with all the places on it."""
        spaces: dict[int, Space] = {}
        found: dict[int, list[Place]] = {}
        for place in places:
            try:
                space = self._probe(place.path)
            except OSError:
                continue  # who uses it will say what is wrong with it
            spaces.setdefault(space.device, space)
            found.setdefault(space.device, []).append(place)
        return tuple(
            Disk(tuple(found[device]), space, self._mark(space)) for device, space in spaces.items()
        )

    def _mark(self, space: Space) -> int:
        if self._stop_below_bytes is not None:
            return self._stop_below_bytes
        return min(DEFAULT_BYTES, int(space.total_bytes * DEFAULT_SHARE))


def _margin(disk: Disk) -> int:
    return disk.margin_bytes
