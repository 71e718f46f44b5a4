"""Figure 12: an array of 10,000 jobs, from the call to the answer, beside 10,000 bare rows."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from bench import rig
from bench.measure import Figure, Peer, Plan, Result, timed
from foundations.models import NewArray

JOBS = 10_000
TARGET_MS = 3_000.0


def run(plan: Plan) -> Result:
    """Submit arrays behind a job that holds the only slot, so that nothing else runs."""
    accepted: list[float] = []
    counted: list[float] = []
    bare: list[float] = []
    for _ in range(plan.count(3, 1)):
        # A server each: what clears the queue afterwards takes the longer the more is in it.
        with rig.workspace() as root, rig.server({"engine": "process"}) as server:
            digest = rig.upload(server.client, rig.make_project(root / "project"), root / "packed")
            rig.hold_the_slot(server, digest)
            wanted = NewArray(submission=rig.true_job(digest), indices=f"0-{JOBS - 1}")
            with timed(accepted):
                array = server.client.submit_array(wanted)
            with timed(counted):
                server.client.array(array.array_id)
            with timed(bare):
                _bare_rows(root / "bare.db")
    peer = Peer("10,000 rows of 1 kB in a bare SQLite commit (WAL, FULL)", bare)
    return Result(
        [
            Figure("array: 10,000 jobs accepted", accepted, target=TARGET_MS, peer=peer),
            Figure("array: how its 10,000 jobs stand", counted),
        ]
    )


def _bare_rows(path: Path) -> None:
    database = sqlite3.connect(path)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        database.execute("create table job (job_id text primary key, spec text)")
        with database:
            rows = ((str(uuid.uuid4()), "x" * 1000) for _ in range(JOBS))
            database.executemany("insert into job values (?, ?)", rows)
    finally:
        database.close()
