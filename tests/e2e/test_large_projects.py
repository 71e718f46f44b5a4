"""A large project goes up file by file: once, and after a change only what changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make, on_processes
from tests.e2e.projects import until, write_project

MAIN = """\
import hashlib, pathlib
data = pathlib.Path("data")
print(hashlib.sha256((data / "weights.bin").read_bytes()).hexdigest(), (data / "note").read_text())
(data / "weights.bin").write_bytes(b"overwritten by the job")
"""


@pytest.fixture
def scheduler(make: Make) -> Scheduler:
    made = make()
    made.start()
    return made


@pytest.fixture
def project(scheduler: Scheduler) -> Path:
    top = write_project(scheduler.root / "p", {"main.py": MAIN, "data/note": "first"})
    (top / "data" / "weights.bin").write_bytes(os.urandom(9_000_000))
    return top


def blobs(scheduler: Scheduler) -> set[str]:
    """What the scheduler has of such projects, by digest."""
    return {path.name for path in (scheduler.home.bundles / "blobs").iterdir()}


def test_a_large_project_is_sent_once_and_then_only_what_changed(
    scheduler: Scheduler, project: Path
) -> None:
    first = scheduler.wait(scheduler.submit(project))
    assert first.state == "completed"
    line = scheduler.log(first.job_id).splitlines()[-1]
    assert line.endswith(" first")
    assert len(blobs(scheduler)) == 3
    before = blobs(scheduler)

    again = scheduler.wait(scheduler.submit(project))
    assert again.bundle == first.bundle
    assert scheduler.log(again.job_id).splitlines()[-1] == line, "no job changes another's files"

    (project / "data" / "note").write_text("second")
    changed = scheduler.wait(scheduler.submit(project))
    assert changed.bundle != first.bundle
    assert scheduler.log(changed.job_id).splitlines()[-1] == line.replace("first", "second")
    assert len(blobs(scheduler) - before) == 1
    assert not list(scheduler.home.bundles.glob("*.tar.gz"))

    got = scheduler.get(changed.job_id) / "source"
    assert (got / "data" / "note").read_text() == "second"
    original = project / "data" / "weights.bin"
    assert (got / "data" / "weights.bin").read_bytes() == original.read_bytes()
    assert (got / "main.py").stat().st_mtime == int((project / "main.py").stat().st_mtime)
    shown = scheduler.cli("diff", "jobs", "scheduler", first.job_id, changed.job_id, "--source").out
    assert "-first" in shown
    assert "+second" in shown


@on_processes
def test_the_files_of_a_project_go_with_its_last_job(scheduler: Scheduler, project: Path) -> None:
    first = scheduler.wait(scheduler.submit(project)).job_id
    (project / "data" / "note").write_text("second")
    second = scheduler.wait(scheduler.submit(project)).job_id
    note = blobs(scheduler)
    scheduler.cli("delete", "job", "scheduler", first)
    until(lambda: len(blobs(scheduler)) == 3, "what only the first job had is gone")
    assert blobs(scheduler) < note
    assert (scheduler.get(second) / "source" / "data" / "weights.bin").stat().st_size == 9_000_000
    scheduler.cli("delete", "job", "scheduler", second)
    until(lambda: blobs(scheduler) == set(), "all of it is gone")


@on_processes
def test_a_large_project_survives_a_restart_of_the_server(
    scheduler: Scheduler, project: Path
) -> None:
    scheduler.wait(scheduler.submit(project))
    scheduler.kill()
    scheduler.start()
    before = blobs(scheduler)
    job = scheduler.wait(scheduler.submit(project))
    assert job.state == "completed"
    assert blobs(scheduler) == before
