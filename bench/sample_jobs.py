"""Fills a new database with invented jobs that have ended: to look at it full, and to measure it.

There are no files to them: their logs and artifacts are empty when they are asked for.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_scheduler.store import sql
from bench.sample_runs import METRICS, PROJECTS, Inventor, Run

_SQL = sql.named_queries(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
_BATCH_JOBS = 1_000
_APART_MS = 60_000
"""A job comes every minute."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much to make."""

    jobs: int
    points: int
    """Points of metrics altogether."""
    longest: int = 0
    """So many of them are in the series `loss` of the newest job."""


def fill(conn: sqlite3.Connection, amount: Amount, *, now_ms: int, seed: int = 1) -> None:
    """Add jobs with parameters, tags, metrics, artifacts, notes and history, in one transaction.

    Args:
        conn: a connection to a new database that is not in a transaction.
        amount: how much.
        now_ms: about when the newest job ended.
        seed: another one makes other jobs.
    """
    made = _Writing(conn, amount, now_ms=now_ms, seed=seed)
    conn.execute("BEGIN IMMEDIATE")
    try:
        projects = enumerate(PROJECTS, start=1)
        first_ms = now_ms - (amount.jobs + 1) * _APART_MS
        conn.executemany(_SQL["project"], ((number, name, first_ms) for number, name in projects))
        for start in range(1, amount.jobs + 1, _BATCH_JOBS):
            made.add(range(start, min(start + _BATCH_JOBS, amount.jobs + 1)))
        conn.execute("COMMIT")
    except BaseException:
        conn.execute("ROLLBACK")
        raise


class _Writing:
    def __init__(self, conn: sqlite3.Connection, amount: Amount, *, now_ms: int, seed: int) -> None:
        self._conn = conn
        self._amount = amount
        self._now_ms = now_ms
        self._inventor = Inventor(seed)
        self._series_number = 0
        self._shares = _shares(amount.points - amount.longest, amount.jobs * len(METRICS))

    def add(self, numbers: Iterable[int]) -> None:
        """Add the jobs with these numbers."""
        rows: defaultdict[str, list[Row | dict[str, Any]]] = defaultdict(list)
        for number in numbers:
            run = self._inventor.run(number)
            submitted_ms = self._now_ms - (self._amount.jobs + 1 - number) * _APART_MS
            self._add_job(rows, number, run, submitted_ms)
            self._add_records(rows, number, run, submitted_ms + run.wait_ms)
        for name, made in rows.items():
            self._conn.executemany(_SQL[name], made)

    def _add_job(
        self, rows: defaultdict[str, list[Row | dict[str, Any]]], number: int, run: Run, at_ms: int
    ) -> None:
        started_ms = at_ms + run.wait_ms
        finished_ms = started_ms + run.work_ms
        project = run.spec.project
        rows["job"].append(
            {
                "job_number": number,
                "job_id": run.job_id,
                "project_number": PROJECTS.index(project) + 1,
                "state": run.state.value,
                "submitted_at_ms": at_ms,
                "started_at_ms": started_ms,
                "finished_at_ms": finished_ms,
                "exit_code": run.exit_code,
                "reason": run.reason,
                "bundle": self._inventor.digest(),
                "bundle_size_bytes": self._inventor.size_bytes(),
                "spec": run.spec.model_dump_json(),
            }
        )
        rows["event"] += [
            (run.job_id, project, "Submitted", "queued", at_ms),
            (run.job_id, project, "Started", "running", started_ms),
            (run.job_id, project, "Exited", run.state.value, finished_ms),
        ]

    def _add_records(
        self, rows: defaultdict[str, list[Row | dict[str, Any]]], number: int, run: Run, at_ms: int
    ) -> None:
        rows["parameter"] += [
            (number, name, json.dumps(value), value, at_ms)
            for name, value in run.spec.params.items()
        ]
        rows["tag"] += [(number, name, value) for name, value in run.tags.items()]
        end_ms = at_ms + run.work_ms
        if run.has_model:
            size_bytes = self._inventor.size_bytes()
            rows["artifact"].append((number, "model", "model.pt", size_bytes, end_ms))
        if run.note is not None:
            rows["note"].append((number, run.spec.user, run.note, end_ms))
        for metric in METRICS:
            points = next(self._shares)
            if metric == METRICS[0] and number == self._amount.jobs:
                points += self._amount.longest
            if points:
                self._add_series(rows, number, metric, run, points, at_ms)

    def _add_series(
        self,
        rows: defaultdict[str, list[Row | dict[str, Any]]],
        number: int,
        metric: str,
        run: Run,
        points: int,
        at_ms: int,
    ) -> None:
        self._series_number += 1
        values = self._inventor.curve(metric, skill=run.skill, points=points)
        apart_ms = run.work_ms / points
        series = self._series_number
        lowest, highest = min(values), max(values)
        extremes = lowest, values.index(lowest), highest, values.index(highest)
        rows["series"].append((series, number, metric, points, values[-1], points - 1, *extremes))
        rows["point"] += [
            (series, place, float(place), value, at_ms + int(place * apart_ms))
            for place, value in enumerate(values)
        ]


def _shares(whole: int, parts: int) -> Iterator[int]:
    """Cut a number into parts that differ by at most one."""
    for part in range(parts):
        yield whole * (part + 1) // parts - whole * part // parts
