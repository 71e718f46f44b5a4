"""Environments on the disk: complete or not there, and never more than may be."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from atlas_scheduler.store.environments import Environments
from foundations.home import Home

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
SIZE = 100_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        self.now_ms += 1_000
        return self.now_ms


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def build(environments: Environments, key: str, *, size_bytes: int = SIZE, user: str = "") -> Path:
    """Make an environment of about that size."""
    place = environments.begin(key)
    directory = place / "environment"
    (directory / "content").write_bytes(b"x" * size_bytes)
    about = {"python": "3.11.2", "packages": ["numpy==2.1.0"]}
    (directory / "atlas-environment.json").write_text(json.dumps(about))
    built = environments.publish(key, place, base="python:3.11", user=user)
    environments.trim()
    return built


def keys(environments: Environments) -> list[str]:
    return [one.key[0] for one in environments.ready()]


def use(environments: Environments, key: str, job_id: str) -> None:
    environments.lease(key, job_id=job_id, attempt=1)
    environments.release(job_id=job_id, attempt=1)


def test_an_environment_is_there_once_it_is_published(home: Home) -> None:
    environments = Environments(home, clock_ms=Clock())
    assert environments.lease(A, job_id="job", attempt=1) is None
    assert environments.leased(job_id="job", attempt=1) is None
    place = build(environments, A)
    assert place == home.environments / A
    assert environments.leased(job_id="job", attempt=1) == place
    assert environments.lease(A, job_id="other", attempt=2) == place
    (ready,) = environments.ready()
    assert (ready.base, ready.python, ready.packages) == (
        *("python:3.11", "3.11.2"),
        ("numpy==2.1.0",),
    )
    assert ready.size_bytes >= SIZE
    assert ready.job_ids == ("job", "other")
    assert list((home.environments / "building").iterdir()) == []


@pytest.mark.parametrize("left", ["nothing", "link", "pipe", "list", "deep"])
def test_a_build_that_notes_nothing_of_use_is_not_kept(home: Home, left: str) -> None:
    """It ran in an image of anybody's, which may leave there what it likes."""
    environments = Environments(home, clock_ms=Clock())
    place = environments.begin(A)
    about = place / "environment" / "atlas-environment.json"
    match left:
        case "link":
            about.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(about)
        case "list":
            about.write_text("[1]")
        case "deep":
            about.write_text("[" * 100_000)
    with pytest.raises(OSError, match=r"atlas-environment\.json"):
        environments.publish(A, place, base="python:3.11")
    assert environments.ready() == []


def test_a_build_gets_copies_of_what_it_needs(home: Home, tmp_path: Path) -> None:
    source = tmp_path / "project"
    (source / "wheels").mkdir(parents=True)
    (source / "wheels" / "a.whl").write_bytes(b"wheel")
    (source / "requirements.txt").write_text("a\n")
    (source / "other").write_text("")
    (source / "link").symlink_to("/etc/passwd")
    environments = Environments(home)
    place = environments.begin(A)
    environments.bring(place, source, ["empty/", "requirements.txt", "wheels/", "wheels/a.whl"])
    found = sorted(str(path.relative_to(place / "source")) for path in place.glob("source/**/*"))
    assert found == ["empty", "requirements.txt", "wheels", "wheels/a.whl"]
    shutil.rmtree(source / "wheels")
    assert (place / "source" / "wheels" / "a.whl").read_bytes() == b"wheel"
    with pytest.raises(OSError, match="symbolic links"):
        environments.bring(environments.begin(A), source, ["link"])


def test_each_user_has_environments_and_downloads_of_their_own(home: Home) -> None:
    environments = Environments(home, clock_ms=Clock())
    keys_of = {environments.key_for(A, user) for user in ("ada", "ben", "")}
    downloads = {environments.wheels_of(key, user) for key in (A, B) for user in ("ada", "ben", "")}
    assert (len(keys_of), len(downloads)) == (3, 6)
    assert {path.parent for path in downloads} == {environments.wheels}
    build(environments, environments.key_for(A, "ada"), user="ada")
    assert [one.user for one in environments.ready()] == ["ada"]


def test_where_they_are_shared_all_have_the_same(home: Home) -> None:
    environments = Environments(home, are_shared=True, clock_ms=Clock())
    assert {environments.key_for(A, user) for user in ("ada", "ben")} == {A}
    assert len({environments.wheels_of(A, user) for user in ("ada", "ben")}) == 1
    build(environments, A, user="ada")
    assert [one.user for one in environments.ready()] == [None]


def test_a_second_build_of_the_same_changes_nothing(home: Home) -> None:
    environments = Environments(home, clock_ms=Clock())
    build(environments, A)
    (home.environments / A / "mark").write_text("")
    build(environments, A)
    assert (home.environments / A / "mark").exists()


def test_what_is_not_complete_is_not_there_and_is_replaced(home: Home) -> None:
    environments = Environments(home, clock_ms=Clock())
    (home.environments / A).mkdir(parents=True)
    (home.environments / A / "atlas-environment.json").write_text("{}")
    assert environments.ready() == []
    assert environments.lease(A, job_id="job", attempt=1) is None
    build(environments, A)
    assert keys(environments) == ["a"]


def test_above_the_limit_the_one_not_used_for_longest_goes(home: Home) -> None:
    environments = Environments(home, max_bytes=3 * SIZE, clock_ms=Clock())
    for key in (A, B):
        build(environments, key)
        use(environments, key, "job")
    use(environments, A, "later")
    build(environments, C)
    assert keys(environments) == ["c", "a"]


def test_the_downloads_go_before_any_environment(home: Home) -> None:
    environments = Environments(home, max_bytes=3 * SIZE, clock_ms=Clock())
    build(environments, A)
    (environments.wheels / "large.whl").write_bytes(b"x" * 3 * SIZE)
    build(environments, B)
    assert keys(environments) == ["b", "a"]
    assert environments.wheels_bytes() == 0


def test_no_environment_goes_for_downloads_that_a_build_still_needs(home: Home) -> None:
    environments = Environments(home, max_bytes=3 * SIZE, clock_ms=Clock())
    build(environments, A)
    place = environments.begin(B)
    (environments.wheels / "large.whl").write_bytes(b"x" * 3 * SIZE)
    build(environments, C)
    assert (keys(environments), environments.is_over) == (["c", "a"], True)
    environments.discard(place)
    environments.trim()
    assert (keys(environments), environments.is_over) == (["c", "a"], False)
    assert environments.wheels_bytes() == 0


def test_one_in_use_stays_however_full_it_is_and_goes_with_its_last_job(home: Home) -> None:
    environments = Environments(home, max_bytes=0, clock_ms=Clock())
    for job_id in ("one", "two"):
        environments.lease(A, job_id=job_id, attempt=1)
    build(environments, A)
    build(environments, B)
    assert keys(environments) == ["a"]
    environments.release(job_id="one", attempt=1)
    environments.trim()
    assert keys(environments) == ["a"]
    was_over = environments.is_over
    environments.release(job_id="two", attempt=1)
    environments.trim()
    assert (was_over, environments.is_over) == (True, False)
    assert keys(environments) == []
    environments.release(job_id="two", attempt=1)


def test_pruning_leaves_what_is_used_and_what_was_used_lately(home: Home) -> None:
    clock = Clock()
    environments = Environments(home, clock_ms=clock)
    for key in (A, B, C):
        build(environments, key)
    (environments.wheels / "some.whl").write_bytes(b"x" * SIZE)
    clock.now_ms += 86_400_000
    environments.lease(A, job_id="job", attempt=1)
    use(environments, B, "other")
    pruned = environments.prune(unused_ms=3_600_000)
    assert (pruned.environments, pruned.in_use) == (1, 1)
    assert keys(environments) == ["b", "a"]
    assert environments.wheels_bytes() > 0
    pruned = environments.prune()
    assert (pruned.environments, pruned.in_use) == (1, 1)
    assert pruned.freed_bytes >= 2 * SIZE
    assert keys(environments) == ["a"]


def test_downloads_stay_while_a_build_needs_them(home: Home) -> None:
    environments = Environments(home, clock_ms=Clock())
    place = environments.begin(A)
    (environments.wheels / "some.whl").write_bytes(b"x" * SIZE)
    environments.prune()
    assert environments.wheels_bytes() >= SIZE
    environments.discard(place)
    environments.prune()
    assert environments.wheels_bytes() == 0


def test_a_lease_outlives_the_server(home: Home) -> None:
    home.job_dir("job").mkdir(parents=True)
    environments = Environments(home, clock_ms=Clock())
    environments.lease(A, job_id="job", attempt=3)
    environments.lease(A, job_id="job-of-old", attempt=1)
    place = build(environments, A)
    half = environments.begin(B)

    later = Environments(home, max_bytes=0, clock_ms=Clock())
    later.sweep()
    later.trim()
    assert later.leased(job_id="job", attempt=3) == place
    assert later.ready()[0].job_ids == ("job",)
    assert not half.exists()


def test_leases_and_evictions_at_once_never_leave_a_job_without_its_environment(
    home: Home,
) -> None:
    environments = Environments(home, max_bytes=0)
    build(environments, A)
    lost: list[str] = []

    def work(job_id: str) -> None:
        for attempt in range(20):
            place = environments.lease(A, job_id=job_id, attempt=attempt)
            if place is None:
                place = build(environments, A, size_bytes=1)
            if not (place / "content").exists():
                lost.append(job_id)
            environments.release(job_id=job_id, attempt=attempt)
            environments.trim()

    threads = [threading.Thread(target=work, args=(f"job{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert keys(environments) == []
