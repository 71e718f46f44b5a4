"""The directory of a further attempt: fresh files, and the records and artifacts so far."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from atlas_scheduler.store.renewal import renew_work_dir
from atlas_scheduler.store.work_dirs import remove_work_dir
from foundations.errors import StorageFull
from tests.store.interruptions import SimulatedCrash, crash_at, disk_full_from

LINES = b'{"event": "metric"}\n'


def make(directory: Path) -> None:
    """Make a directory as for a first attempt."""
    for name in ("job_source/pkg", "records", "artifacts", "home"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "job_source" / "main.py").write_text("as submitted")


@pytest.fixture
def job_dir(tmp_path: Path) -> Path:
    """A directory as a first attempt left it."""
    return used(tmp_path / "job")


def used(job_dir: Path) -> Path:
    make(job_dir)
    (job_dir / "job_source" / "main.py").write_text("changed")
    (job_dir / "job_source" / "left.txt").write_text("left")
    (job_dir / "home" / ".cache").write_text("left")
    (job_dir / "environment").mkdir()
    (job_dir / "artifacts" / "model").write_text("kept")
    (job_dir / "records" / "events.jsonl").write_bytes(LINES + b'{"torn')
    return job_dir


def renew(job_dir: Path, *, attempt: int = 2, offset: int = len(LINES), boot: str = "b") -> None:
    renew_work_dir(job_dir, attempt=attempt, records_offset=offset, boot_id=boot, make=make)


def found_in(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


RENEWED = {
    "job_source/main.py": b"as submitted",
    "artifacts/model": b"kept",
    "records/events.jsonl": LINES + b'{"torn\n',
}


def test_files_are_as_submitted_and_records_and_artifacts_go_on(job_dir: Path) -> None:
    renew(job_dir)
    assert found_in(job_dir) == RENEWED
    assert sorted(path.name for path in job_dir.iterdir()) == [
        "artifacts",
        "home",
        "job_source",
        "records",
    ]


def test_one_that_is_ready_for_the_attempt_stays_as_the_running_job_has_it(job_dir: Path) -> None:
    renew(job_dir)
    (job_dir / "job_source" / "main.py").write_text("changed again")
    renew(job_dir)
    assert (job_dir / "job_source" / "main.py").read_text() == "changed again"
    renew(job_dir, attempt=3)
    assert (job_dir / "job_source" / "main.py").read_text() == "as submitted"
    (job_dir / "job_source" / "main.py").write_text("perhaps not on the disk")
    renew(job_dir, attempt=3, boot="another")
    assert found_in(job_dir) == RENEWED


def test_a_crash_at_any_step_loses_no_record_and_no_artifact(tmp_path: Path) -> None:
    for step in count():
        job_dir = used(tmp_path / f"job-{step}")
        try:
            with crash_at(step):
                renew(job_dir)
        except SimulatedCrash:
            kept = found_in(job_dir)
            assert kept["artifacts/model"] == b"kept"
            assert kept["records/events.jsonl"].startswith(LINES)
            renew(job_dir)
            assert found_in(job_dir) == RENEWED
        else:
            break
    assert step > 10


def test_a_full_disk_is_said_and_loses_nothing(job_dir: Path) -> None:
    for step in count():
        try:
            with disk_full_from(step):
                renew(job_dir)
        except (StorageFull, OSError):
            continue
        break
    assert step > 2
    assert found_in(job_dir) == RENEWED


def test_what_the_database_has_is_never_read_a_second_time(job_dir: Path) -> None:
    events = job_dir / "records" / "events.jsonl"
    renew(job_dir, offset=100)
    assert events.stat().st_size == 100
    events.unlink()
    events.symlink_to("/etc/hostname")
    renew(job_dir, attempt=3, offset=7)
    assert not events.is_symlink()
    assert events.stat().st_size == 7


def test_a_job_cannot_lead_the_scheduler_out_of_its_directory(
    job_dir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "theirs").write_text("theirs")
    for name in ("records", "artifacts", "job_source"):
        remove_work_dir(job_dir / name)
        (job_dir / name).symlink_to(outside)
    renew(job_dir, offset=0)
    assert found_in(outside) == {"theirs": b"theirs"}
    assert found_in(job_dir) == {"job_source/main.py": b"as submitted", "records/events.jsonl": b""}


def test_rights_that_the_job_took_away_do_not_matter(job_dir: Path) -> None:
    (job_dir / "job_source").chmod(0)
    (job_dir / "records").chmod(0)
    (job_dir / "artifacts").chmod(0o500)
    renew(job_dir)
    (job_dir / "artifacts").chmod(0o700)
    assert found_in(job_dir) == RENEWED


def test_a_directory_that_is_gone_is_made_whole(tmp_path: Path) -> None:
    renew(tmp_path / "job", offset=3)
    assert found_in(tmp_path / "job") == {
        "job_source/main.py": b"as submitted",
        "records/events.jsonl": b"\0\0\0",
    }


def test_nothing_stays_beside_a_directory_that_is_removed(tmp_path: Path) -> None:
    job_dir = used(tmp_path / "jobs" / "job")
    with pytest.raises(SimulatedCrash), crash_at(8):
        renew(job_dir)
    remove_work_dir(job_dir)
    assert [path for path in (tmp_path / "jobs").rglob("*") if path.is_file()] == []
