"""Nothing starts on a disk that is nearly full, and by itself everything goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_scheduler.store.ballast import Ballast
from atlas_scheduler.store.disk_guard import DiskGuard, Place, Space, look_at, places
from foundations.home import Home
from tests.store.disks import mounted_disk

GB = 10**9


class Disks:
    """File systems whose fill level the test says, one a directory."""

    def __init__(self, **spaces: tuple[int, int]) -> None:
        self.spaces = spaces

    def probe(self, place: Path) -> Space:
        found = self.spaces.get(place.name)
        if found is None:
            raise FileNotFoundError(place)
        return Space(*found, device=list(self.spaces).index(place.name))

    def guard(self, stop_below_bytes: int | None = None) -> DiskGuard:
        watched = [Place(name, Path("/", name)) for name in ("home", "archive", "missing")]
        return DiskGuard(watched, stop_below_bytes=stop_below_bytes, probe=self.probe)


@pytest.mark.parametrize(
    ("total_bytes", "mark_bytes"), [(1000 * GB, GB), (10 * GB, GB // 5), (24 * 10**6, 480_000)]
)
def test_the_default_mark_fits_the_disk(total_bytes: int, mark_bytes: int) -> None:
    disks = Disks(home=(total_bytes, mark_bytes))
    guard = disks.guard()
    assert guard.stop_below_bytes("home") == 0, "nothing was looked at yet"
    assert guard.look() is None
    assert guard.stop_below_bytes("home") == mark_bytes
    disks.spaces["home"] = (total_bytes, mark_bytes - 1)
    assert guard.look() is not None


def test_the_reason_says_how_much_is_free_and_how_much_is_needed() -> None:
    guard = Disks(home=(100 * GB, 512 * 10**6)).guard(2 * GB)
    assert guard.view() is None
    guard.look()
    reason = "the disk of /home is nearly full: 512.0 MB are free, and nothing starts below 2.0 GB"
    assert guard.reason == reason
    view = guard.view()
    assert view is not None
    assert view.model_dump() == {
        "free_bytes": 512 * 10**6,
        "stop_below_bytes": 2 * GB,
        "problem": reason,
        "disks": [
            {
                "path": "/home",
                "holds": ["home"],
                "total_bytes": 100 * GB,
                "free_bytes": 512 * 10**6,
                "stop_below_bytes": 2 * GB,
            }
        ],
    }


def test_starts_go_on_only_with_some_space_to_spare() -> None:
    disks = Disks(home=(100 * GB, GB - 1))
    guard = disks.guard(GB)
    assert guard.look()
    disks.spaces["home"] = (100 * GB, GB + 1)
    assert guard.look(), "at the mark it would stop again at once"
    disks.spaces["home"] = (100 * GB, GB + GB // 10 + 1)
    assert guard.look() is None
    disks.spaces["home"] = (100 * GB, GB + 1)
    assert guard.look() is None
    assert guard.reason is None


def test_the_fullest_of_several_disks_counts() -> None:
    guard = Disks(home=(100 * GB, 50 * GB), archive=(200 * GB, 10)).guard()
    shortage = guard.look()
    assert shortage is not None
    assert [place.path for place in shortage.places] == [Path("/archive")]
    assert guard.tightest == shortage


def test_a_disk_that_others_fill_is_watched_for_as_long_as_it_is_named() -> None:
    engine = Place("engine", Path("/docker"), "where it keeps much")
    guard = Disks(home=(100 * GB, 50 * GB), docker=(100 * GB, 0)).guard(GB)
    assert guard.look() is None
    assert guard.look([engine])
    assert guard.reason == (
        "the disk of /docker, where it keeps much, is nearly full: 0 bytes are free, and nothing "
        "starts below 1.0 GB"
    )
    assert guard.look() is None


def test_each_disk_needs_some_space_to_spare_before_starts_go_on() -> None:
    disks = Disks(home=(100 * GB, GB + 2), archive=(100 * GB, GB - 1))
    guard = disks.guard(GB)
    assert guard.look()
    disks.spaces["archive"] = (100 * GB, GB + 3)
    assert guard.look(), "nearer to its mark is the home, which was never short"
    disks.spaces["archive"] = (100 * GB, 2 * GB)
    assert guard.look() is None


def test_what_lies_on_one_disk_is_told_as_one(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    guard = DiskGuard(places(home), stop_below_bytes=1)
    guard.look([Place("engine", tmp_path), Place("engine", tmp_path / "more")])
    view = guard.view()
    assert view is not None
    (disk,) = view.disks
    assert disk.path == str(home.root)
    assert disk.holds == ["home", "bundles", "work dirs", "archives", "engine"]
    assert disk.free_bytes == view.free_bytes


def test_a_mark_of_nothing_never_stops_anything() -> None:
    assert Disks(home=(100 * GB, 0)).guard(0).look() is None


def test_a_place_that_is_not_made_yet_lies_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    assert look_at(tmp_path / "not" / "there").total_bytes == look_at(tmp_path).total_bytes


def test_ballast_is_laid_once_and_given_up_once(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ballast"
    ballast = Ballast(path)
    assert ballast.release() is False
    assert ballast.lay()
    written = path.stat()
    assert ballast.lay()
    assert path.stat().st_mtime_ns == written.st_mtime_ns
    assert ballast.release()
    assert not path.exists()
    assert ballast.release() is False


def test_ballast_takes_little_of_a_small_disk_and_nothing_of_a_full_one(tmp_path: Path) -> None:
    with mounted_disk(tmp_path, size_mib=8):
        ballast = Ballast(tmp_path / "ballast")
        (tmp_path / "data").write_bytes(bytes(8 * 1024**2 - 100_000))
        assert ballast.lay() is False
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
        (tmp_path / "data").unlink()
        assert ballast.lay()
        assert (tmp_path / "ballast").stat().st_size == 8 * 1024**2 // 64


def test_of_ballast_parts_are_given_up_down_to_half_and_laid_again(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(path)
    assert ballast.spare() is False
    assert ballast.lay()
    whole_bytes = path.stat().st_size
    spared = 0
    while ballast.spare():
        spared += 1
    assert spared == 8
    assert path.stat().st_size == whole_bytes // 2
    assert ballast.lay()
    assert path.stat().st_size == whole_bytes
