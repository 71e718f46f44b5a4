"""The made-up past of a demo: the same at every time, and complete."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from atlas_scheduler.demo.runs import MONTH_MS, invent
from atlas_scheduler.demo.store import fill, sources
from atlas_scheduler.store import jobs, records
from atlas_scheduler.store.archives import Archives
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.logs import Logs
from foundations.home import Home
from foundations.models import FINAL_STATES, JobState

NOW_MS = 1_800_000_000_000


def test_the_same_jobs_are_invented_at_every_time() -> None:
    assert list(invent(50, now_ms=NOW_MS)) == list(invent(50, now_ms=NOW_MS))


def test_invented_jobs_are_of_the_last_month_and_end_in_every_way() -> None:
    runs = list(invent(2_000, now_ms=NOW_MS))
    assert len({run.job_id for run in runs}) == 2_000
    assert {run.state for run in runs} == FINAL_STATES
    for run in runs:
        assert NOW_MS - 2 * MONTH_MS < run.submitted_at_ms < run.finished_at_ms < NOW_MS
        assert (run.error is not None) == (run.state is JobState.FAILED)
        assert all(0 < point.val_acc < 1 and point.train_loss > 0 for point in run.points)
    done = [run for run in runs if run.state is JobState.COMPLETED]
    assert all(len(run.points) == run.params["epochs"] for run in done)
    best = max(run.points[-1].val_acc for run in done if run.project == "digits")
    assert best > 0.97


@pytest.mark.anyio
async def test_a_home_has_all_of_them_with_what_they_left(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    await fill(home, tmp_path / "sources", 20, now_ms=NOW_MS)
    async with await Database.open(home.database) as database:
        counts = await database.read(jobs.count_by_state)
        assert sum(counts.values()) == 20
        assert not await database.read(jobs.unfinished_archives), "nothing is left to be done"
        newest = list(invent(20, now_ms=NOW_MS))[-1]
        found = await database.read(lambda conn: records.artifacts(conn, newest.job_id))
        series = await database.read(lambda conn: records.series(conn, newest.job_id))
    assert [one.key for one in found] == ["history.csv", "summary.json"]
    assert {one.name for one in series} == {"train_loss", "val_loss", "val_acc"}
    with Archives(home).open_artifact(newest.job_id, "history.csv") as file:
        assert file.read().startswith(b"epoch,train_loss")
    log = Logs(home).of(newest.job_id)
    times = log.times()[1].marks
    assert times.time_ms_of(0) == newest.started_at_ms
    last_line = log.path.read_bytes().rstrip(b"\n").rfind(b"\n") + 1
    assert newest.started_at_ms < times.times_ms[-1] <= newest.finished_at_ms
    assert times.offsets[-1] <= last_line


def test_a_project_has_two_sources_that_differ(tmp_path: Path) -> None:
    packed = sources(tmp_path / "sources")
    assert packed["digits", 0].digest != packed["digits", 1].digest
    for one in packed.values():
        file = tmp_path / "sources" / f"{one.digest.removeprefix('sha256:')}.tar.gz"
        with tarfile.open(fileobj=io.BytesIO(file.read_bytes())) as archive:
            assert "main.py" in archive.getnames()
