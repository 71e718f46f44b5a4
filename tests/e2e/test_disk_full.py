"""A disk that is full: what cannot be kept is refused, what is kept stays, and it goes on after."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make
from tests.e2e.projects import config_with, until, write_project

pytestmark = pytest.mark.root
DISK_MB = 24
RETRY_SECONDS = 60.0
"""The server looks again after half a minute."""


def mount_small_disk(directory: Path) -> bool:
    """Mount a file system of its own with little space; False where that is not allowed."""
    directory.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "tmpfs", str(directory)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


@pytest.fixture
def on_small_disk(make: Make, request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    """A server, started, whose home lies on a small disk of its own."""
    if os.getuid() != 0:
        _run_as_root_of_a_namespace(request)
    scheduler = make()
    settings = scheduler.home.server_config.read_bytes()
    scheduler.home.server_config.unlink()
    scheduler.home.server_config.parent.rmdir()
    scheduler.home.root.rmdir()
    if not mount_small_disk(scheduler.home.root):
        pytest.skip("no file system may be mounted here")
    try:
        scheduler.home.server_config.parent.mkdir()
        scheduler.home.server_config.write_bytes(settings)
        scheduler.start()
        yield scheduler
    finally:
        scheduler.close()
        subprocess.run(["umount", str(scheduler.home.root)], check=True)


def _run_as_root_of_a_namespace(request: pytest.FixtureRequest) -> None:
    """Run this test, with plain processes, where its user may mount: it then counts as done."""
    test = f"{request.node.path}::{request.node.originalname}[process]"
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "pytest"]
    if subprocess.run([*command[:4], "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system may be mounted here, nor a namespace made")
    # A short path: the socket that stands in for one with a long path is root's own.
    with tempfile.TemporaryDirectory(prefix="atlas-") as place:
        options = ["-n0", "-q", "-p", "no:cacheprovider", "--basetemp", f"{place}/n"]
        done = subprocess.run(
            [*command, *options, test],
            cwd=request.config.rootpath,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    pytest.skip("done in a user namespace, with plain processes")


def fill(disk: Path) -> Path:
    """Use up the space to the last byte; return the file that does it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with pytest.raises(OSError, match="No space left"):
                write_without_end(file, os.urandom(size))
    return ballast


def write_without_end(file: FileIO, block: bytes) -> None:
    """Write until it fails."""
    while True:
        file.write(block)


def test_a_submission_that_does_not_fit_is_refused_and_leaves_nothing(
    on_small_disk: Scheduler,
) -> None:
    scheduler = on_small_disk
    small = write_project(scheduler.root / "small", {"main.py": "print('kept')\n"})
    kept = scheduler.submit(small)
    assert scheduler.wait(kept).state == "completed"
    large = write_project(scheduler.root / "large", {"main.py": "print('fits now')\n"})
    (large / "data.bin").write_bytes(os.urandom(2_000_000))

    ballast = fill(scheduler.home.root)
    done = scheduler.cli("submit", "scheduler", str(large), code=1)
    assert done.err.startswith("Error: The scheduler has no space for a bundle of 2")
    assert "Job submitted" not in done.out
    until(lambda: list((scheduler.home.bundles / "incoming").iterdir()) == [], "no part is left")
    # What is there can still be seen and fetched.
    assert [job["job_id"] for job in scheduler.listed()] == [kept]
    assert scheduler.log(kept).endswith("kept\n")
    assert (scheduler.get(kept) / "source" / "main.py").exists()
    ballast.unlink()

    done = scheduler.cli("submit", "scheduler", str(large))
    assert done.lines[-2] == "fits now"
    assert len(scheduler.listed()) == 2


@pytest.mark.slow
def test_a_job_that_ends_while_the_disk_is_full_keeps_its_result(on_small_disk: Scheduler) -> None:
    scheduler = on_small_disk
    place = scheduler.root / "place"
    place.mkdir()
    project = write_project(
        scheduler.root / "p",
        {
            "main.py": """\
                import os, pathlib, sys, time
                place = pathlib.Path(os.environ["PLACE"])
                print("begun")
                while not (place / "enough").exists():
                    time.sleep(0.01)
                (place / "ended").touch()
                sys.exit(6)
                """,
            "job.config.yaml": config_with(place),
        },
    )
    job_id = scheduler.submit(project)
    scheduler.wait_for_text(job_id, "begun")
    ballast = fill(scheduler.home.root)
    (place / "enough").touch()
    until((place / "ended").exists, "the job has ended")
    with scheduler.client() as client:
        assert client.job(job_id).state in ("running", "failed")
    ballast.unlink()
    until(
        lambda: scheduler.job(job_id).archived, "the job's end is kept and archived", RETRY_SECONDS
    )
    job = scheduler.job(job_id)
    assert (job.state, job.exit_code) == ("failed", 6)
    assert scheduler.log(job_id) == "No user requirements found.\nbegun\n"
    again = write_project(scheduler.root / "again", {"main.py": ""})
    assert scheduler.wait(scheduler.submit(again)).state == "completed"


def test_a_job_is_deleted_on_a_full_disk_and_its_files_go(on_small_disk: Scheduler) -> None:
    scheduler = on_small_disk
    project = write_project(scheduler.root / "p", {"main.py": "print('kept')\n"})
    job_id = scheduler.submit(project)
    assert scheduler.wait(job_id).state == "completed"
    until(scheduler.home.ballast.exists, "there is something to give up")
    filling = fill(scheduler.home.root)

    scheduler.cli("delete", "job", "scheduler", job_id)

    assert scheduler.listed() == []
    until(lambda: not scheduler.home.archive(job_id).exists(), "the archive is gone", RETRY_SECONDS)
    filling.unlink()
    until(scheduler.home.ballast.exists, "it is laid again", RETRY_SECONDS)


def test_a_job_waits_while_the_disk_is_nearly_full_and_starts_by_itself(
    on_small_disk: Scheduler,
) -> None:
    scheduler = on_small_disk
    project = write_project(scheduler.root / "p", {"main.py": "print('started')\n"})
    assert scheduler.wait(scheduler.submit(project)).state == "completed"
    filling = fill(scheduler.home.root)
    with filling.open("r+b") as file:
        file.truncate(filling.stat().st_size - 400_000)  # room to submit, none to start

    job_id = scheduler.submit(project)

    waiting = scheduler.job(job_id).waiting
    assert waiting is not None
    assert "is nearly full" in waiting.reason
    assert "nothing starts below 503.3 kB" in waiting.reason
    shown = scheduler.cli("info", "scheduler").out
    assert "is nearly full" in shown
    filling.unlink()
    assert scheduler.wait(job_id).state == "completed"
