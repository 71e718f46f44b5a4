"""Writes an invented past into a home, as a scheduler would have."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from itertools import accumulate
from pathlib import Path
from typing import Any

from atlas_scheduler.core import time_index
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.time_index import RESOLUTION_MS, TimeIndex
from atlas_scheduler.core.times import utc
from atlas_scheduler.demo.runs import MODELS, Run, invent
from atlas_scheduler.store import archives, history, jobs, records
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.job_rows import StoredJob
from atlas_scheduler.store.records import Artifact, Metric, Parameter, Record
from atlas_scheduler.store.work_dirs import ARTIFACTS
from foundations.bundles import bundle
from foundations.home import Home
from foundations.logs.times import TimeMarks
from foundations.models import JobSpec, JobState

WITH_FILES = 300
"""So many of the newest jobs have artifacts."""
_CONFIG = "params:\n  epochs: 30\n  lr: 0.01\n"


def sources(folder: Path) -> dict[tuple[str, int], bundle.Packed]:
    """Pack the sources of all projects, two each, into a new folder.

    Returns:
        What was packed, by project and variant; the file is named by the digest.
    """
    folder.mkdir()
    code = (resources.files("atlas_scheduler.demo") / "project" / "main.py").read_text("utf-8")
    packed = {}
    for model in MODELS:
        for variant in range(2):
            project = folder / f"{model.project}-{variant}" / model.project
            project.mkdir(parents=True)
            text = code if not variant else code.replace("math.exp(-3.5 * share)", "(1 - share)")
            (project / "main.py").write_text(text, encoding="utf-8")
            (project / "job.config.yaml").write_text(_CONFIG, encoding="utf-8")
            target = folder / "new"
            one = bundle.pack(project, target)
            target.rename(folder / f"{one.digest.removeprefix('sha256:')}.tar.gz")
            packed[model.project, variant] = one
    return packed


async def fill(home: Home, folder: Path, count: int, *, now_ms: int) -> None:
    """Give a new home a past of some jobs; the sources that they ran are packed into a folder."""
    packed = sources(folder)
    runs = list(invent(count, now_ms=now_ms))

    def write(conn: sqlite3.Connection) -> None:
        for place, run in enumerate(runs):
            has_files = place >= count - WITH_FILES
            _write_run(conn, run, packed[run.project, run.variant], has_files=has_files)

    async with await Database.open(home.database) as database:
        await database.write(write)
    for place, run in enumerate(runs):
        digest, has_files = packed[run.project, run.variant].digest, place >= count - WITH_FILES
        _write_archive(home, run, digest, has_files=has_files)


def _write_run(
    conn: sqlite3.Connection, run: Run, packed: bundle.Packed, *, has_files: bool
) -> None:
    spec = JobSpec(
        project=run.project,
        command=run.command,
        params=run.params,
        num_gpus=0,
        user=run.user,
        tags=run.tags,
    )
    queued = Job(
        job_id=run.job_id,
        project=run.project,
        state=JobState.QUEUED,
        order=jobs.next_order(conn),
        submitted_at_ms=run.submitted_at_ms,
    )
    stored = StoredJob(
        job=queued, spec=spec, bundle=packed.digest, bundle_size_bytes=packed.size_bytes
    )
    jobs.insert_job(conn, stored, now_ms=run.submitted_at_ms)
    exit_code = {JobState.COMPLETED: 0, JobState.FAILED: 1}.get(run.state)
    ended = replace(
        queued,
        state=run.state,
        attempt=1,
        started_at_ms=run.started_at_ms,
        finished_at_ms=run.finished_at_ms,
        exit_code=exit_code,
        reason=_reason(run),
    )
    jobs.save_job(conn, ended, engine="process")
    _write_history(conn, run)
    taken = _records(run, has_files=has_files)
    records.ingest(conn, run.job_id, taken, offset=0, new_offset=1, now_ms=run.finished_at_ms)
    jobs.mark_archived(conn, run.job_id)


def _reason(run: Run) -> str | None:
    return {
        JobState.FAILED: "exit code 1",
        JobState.STOPPED: "stopped by its user",
        JobState.LOST: "its process is gone",
        JobState.PRUNED: "others do better",
    }.get(run.state)


def _write_history(conn: sqlite3.Connection, run: Run) -> None:
    end = {JobState.STOPPED: "Exited", JobState.LOST: "Gone"}.get(run.state, "Exited")
    for event, state, at_ms in (
        ("Submitted", JobState.QUEUED, run.submitted_at_ms),
        ("Claimed", JobState.STARTING, run.started_at_ms - 200),
        ("Started", JobState.RUNNING, run.started_at_ms),
        (end, run.state, run.finished_at_ms),
    ):
        history.append_change(
            conn,
            job_id=run.job_id,
            project=run.project,
            event=event,
            state=state,
            at_ms=at_ms,
            detail={},
        )


def _records(run: Run, *, has_files: bool) -> Sequence[Record]:
    at = run.started_at_ms
    pace_ms = run.took_ms // max(len(run.points), 1)
    found: list[Record] = [Parameter(name, value, at) for name, value in run.params.items()]
    for point in run.points:
        now = at + point.epoch * pace_ms
        found += [
            Metric("train_loss", round(point.train_loss, 5), point.epoch, now),
            Metric("val_loss", round(point.val_loss, 5), point.epoch, now),
            Metric("val_acc", round(point.val_acc, 5), point.epoch, now),
        ]
    if has_files:
        for name, text in _artifacts(run).items():
            found.append(Artifact(name, name, len(text.encode()), run.finished_at_ms))
    return found


def _artifacts(run: Run) -> dict[str, str]:
    table = ["epoch,train_loss,val_loss,val_acc"]
    table += [
        f"{one.epoch},{one.train_loss:.5f},{one.val_loss:.5f},{one.val_acc:.5f}"
        for one in run.points
    ]
    summary = {"parameters": run.params, "epochs_done": len(run.points), "outcome": run.state}
    return {"history.csv": "\n".join(table) + "\n", "summary.json": json.dumps(summary, indent=1)}


def _write_archive(home: Home, run: Run, digest: str, *, has_files: bool) -> None:
    folder = home.archive(run.job_id)
    folder.mkdir(parents=True)
    _write_log(folder, _log(run))
    if has_files:
        (folder / ARTIFACTS).mkdir()
        (folder / archives.CHANGED).mkdir()
        (folder / archives.EVENTS).touch()
        _write_json(folder / archives.JOB, {"job_id": run.job_id, "project": run.project})
        for name, text in _artifacts(run).items():
            (folder / ARTIFACTS / name).write_text(text, encoding="utf-8")
    finished = utc(run.finished_at_ms).isoformat()
    summary: dict[str, Any] = {"changed": [], "deleted": [], "links": {}, "skipped": {}}
    _write_json(folder / archives.SUMMARY, {**summary, "bundle": digest, "finished_at": finished})


def _write_log(folder: Path, lines: Sequence[tuple[int, str]]) -> None:
    """Write lines, each with the time of day (ms since 1970) that it came at."""
    texts = [f"{text}\n".encode() for _, text in lines]
    (folder / archives.LOG).write_bytes(b"".join(texts))
    offsets = accumulate((len(text) for text in texts[:-1]), initial=0)
    marks = TimeMarks(offsets, (at_ms for at_ms, _ in lines)).apart(RESOLUTION_MS)
    index = time_index.encode(TimeIndex(RESOLUTION_MS, marks))
    (folder / archives.LOG_TIMES).write_bytes(index)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _log(run: Run) -> list[tuple[int, str]]:
    """The lines that it wrote, and when (ms since 1970)."""
    epochs, at = run.params["epochs"], run.started_at_ms
    pace_ms = run.took_ms // max(len(run.points), 1)
    words = f"training {' '.join(run.command[1:])} with {json.dumps(run.params)}"
    lines = [(at, words)]
    lines += [
        (
            at + one.epoch * pace_ms,
            f"epoch {one.epoch + 1:3}/{epochs}  train_loss {one.train_loss:.4f}  "
            f"val_loss {one.val_loss:.4f}  \x1b[32mval_acc {one.val_acc:.4f}\x1b[0m",
        )
        for one in run.points
    ]
    last: list[str] = []
    if run.error is not None:
        last = [
            "Traceback (most recent call last):",
            '  File "main.py", line 57, in <module>',
            f"\x1b[31m{run.error}\x1b[0m",
        ]
    elif run.state is JobState.COMPLETED:
        last = ["done"]
    return lines + [(run.finished_at_ms, text) for text in last]
