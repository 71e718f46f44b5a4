"""What the scheduler's home takes on the disk."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from atlas_scheduler.store.disk_use import DiskSurvey, Holder
from foundations.home import Home

BUNDLE, OTHER = (f"sha256:{letter * 64}" for letter in "ab")
IDS = [f"45540b52-ffe2-44ab-9838-00000000000{n}" for n in range(3)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def write(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size_bytes)


def holder(
    number: int, project: str = "digits", bundle: str = BUNDLE, *, is_archived: bool = True
) -> Holder:
    return Holder(number + 1, IDS[number], project, bundle, is_archived)


def on_disk(*paths: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in paths)


def test_every_kind_is_added_up(home: Home) -> None:
    write(home.archive(IDS[0]) / "job.log", 10_000)
    write(home.archive(IDS[0]) / "changed" / "deep" / "model.pt", 200_000)
    packed = home.bundles / f"{'a' * 64}.tar.gz"
    write(packed, 30_000)
    write(home.bundles / ("a" * 64) / "tree" / "main.py", 5_000)
    write(home.job_dir(IDS[1]) / "job_source" / "big", 400_000)
    write(home.environments / "one" / "bin", 60_000)
    write(home.database, 70_000)
    write(Path(f"{home.database}-wal"), 8_000)

    use = DiskSurvey(home).measure([holder(0), holder(1)], seconds=60)

    archive = home.archive(IDS[0])
    deep = archive / "changed" / "deep"
    assert use.archives_bytes == on_disk(
        archive, archive / "job.log", archive / "changed", deep, deep / "model.pt"
    )
    assert use.bundles_bytes >= on_disk(packed) + 5_000
    assert use.work_dirs_bytes >= 400_000
    assert use.environments_bytes >= 60_000
    assert use.database_bytes == on_disk(home.database, Path(f"{home.database}-wal"))
    assert use.complete


def test_a_bundle_counts_once_in_each_project_that_uses_it(home: Home) -> None:
    write(home.bundles / f"{'a' * 64}.tar.gz", 30_000)
    write(home.bundles / f"{'b' * 64}.tar.gz", 300_000)
    jobs = [holder(0), holder(1, "cats"), holder(2, "cats", OTHER)]
    use = DiskSurvey(home).measure(jobs, seconds=60)
    first, second = use.projects
    assert (first.name, first.jobs, second.name, second.jobs) == ("cats", 2, "digits", 1)
    assert first.bundle_bytes == use.bundles_bytes > second.bundle_bytes > 0


def test_files_that_bundles_share_count_once_in_all_and_in_each_project(home: Home) -> None:
    write(home.bundles / "blobs" / ("c" * 64), 500_000)
    for letter in "ab":
        write(home.bundles / f"{letter * 64}.files", 100)
        tree = home.bundles / (letter * 64) / "tree"
        tree.mkdir(parents=True)
        (tree / "weights").hardlink_to(home.bundles / "blobs" / ("c" * 64))
    use = DiskSurvey(home).measure([holder(0), holder(1, "other", OTHER)], seconds=60)
    assert 500_000 <= use.bundles_bytes < 600_000
    assert all(one.bundle_bytes >= 500_000 for one in use.projects)


def test_links_are_not_followed(home: Home, tmp_path: Path) -> None:
    write(tmp_path / "outside", 900_000)
    home.archive(IDS[0]).mkdir(parents=True)
    (home.archive(IDS[0]) / "link").symlink_to(tmp_path)
    (home.job_dirs).parent.mkdir(parents=True)
    home.job_dirs.symlink_to(tmp_path)
    use = DiskSurvey(home).measure([holder(0)], seconds=60)
    assert use.archives_bytes < 100_000
    assert use.work_dirs_bytes == 0


def test_an_empty_home_takes_nothing(home: Home) -> None:
    use = DiskSurvey(home).measure([], seconds=60)
    assert (use.archives_bytes, use.bundles_bytes, use.database_bytes) == (0, 0, 0)
    assert use.projects == []
    assert use.complete


def test_finished_archives_are_remembered_and_others_looked_at_again(home: Home) -> None:
    survey = DiskSurvey(home)
    jobs = [holder(0), holder(1, is_archived=False)]
    for job_id in IDS[:2]:
        write(home.archive(job_id) / "job.log", 10_000)
    before = survey.measure(jobs, seconds=60).archives_bytes
    for job_id in IDS[:2]:
        write(home.archive(job_id) / "job.log", 1_000_000)
    after = survey.measure(jobs, seconds=60).archives_bytes
    assert 900_000 < after - before < 1_100_000


def test_a_job_that_is_deleted_is_forgotten(home: Home) -> None:
    survey = DiskSurvey(home)
    write(home.archive(IDS[0]) / "job.log", 10_000)
    assert survey.measure([holder(0)], seconds=60).archives_bytes > 0
    assert survey.measure([], seconds=60).archives_bytes == 0


def test_time_is_bounded_and_what_was_seen_brings_the_next_look_further(home: Home) -> None:
    for job_id in IDS:
        write(home.archive(job_id) / "job.log", 10_000)
    jobs = [holder(number) for number in range(3)]
    ticks = itertools.count()
    survey = DiskSurvey(home, clock_seconds=lambda: float(next(ticks)))
    found = [survey.measure(jobs, seconds=8) for _ in range(4)]
    assert not found[0].complete
    assert found[-1].complete
    sizes = [one.archives_bytes for one in found]
    assert sizes == sorted(sizes)
    assert sizes[-1] == DiskSurvey(home).measure(jobs, seconds=60).archives_bytes


def test_a_survey_that_is_stopped_ends(home: Home) -> None:
    write(home.archive(IDS[0]) / "job.log", 10_000)
    survey = DiskSurvey(home)
    survey.stop()
    assert not survey.measure([holder(0)], seconds=60).complete
