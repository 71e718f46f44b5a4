"""A job that has everything: history, metrics, parameters, artifacts, files and notes."""

from __future__ import annotations

import json
import math
import random
import sqlite3
import struct
import time
import zlib
from pathlib import Path
from typing import Any

from atlas_scheduler.store import history, jobs, records, remarks, system_metrics
from atlas_scheduler.store.records import parse_lines
from atlas_scheduler.store.system_metrics import Measured
from foundations.home import Home
from foundations.models import JobState
from tests.store.projects import packed
from tests.store.samples import finish, new_job, run

JOB = "45540b52-ffe2-44ab-9838-db467d3499c0"
ORIGIN = "0c0ffee0-1111-4222-8333-944445555666"
NOW_MS = time.time_ns() // 1_000_000
NOTE = "Best so far, **keep it**.\n\n- lower `lr` next\n- see [this](http://example.org)\n"
SUBMITTED = {"lr": 0.01, "model": {"layers": [64, 64], "name": "mlp"}, "note": "a\x1b[31mb"}
PROJECT = {
    "main.py": "import model\n\nmodel.train(lr=0.1)\n",
    "model.py": "def train(lr):\n    pass\n",
    "data/digits.csv": "a,b\n1,2\n",
}
OTHER_PROJECT = {**PROJECT, "main.py": "import model\n\nmodel.train(lr=0.5)\n", "new.py": "1\n"}


def events(steps: int = 500) -> list[dict[str, Any]]:
    """What the job recorded."""
    noise = random.Random(7)
    found: list[dict[str, Any]] = [
        {"event": "param", "key": "lr", "value": 0.02},
        {"event": "param", "key": "seed", "value": 7},
    ]
    for step in range(steps):
        at = (NOW_MS - 3_600_000) / 1000 + step * 7
        loss: float | str = 2.3 * math.exp(-step / 90) + 0.05 + noise.random() * 0.08
        if step == steps // 2:
            loss = "NaN"
        accuracy = 1 - 0.9 * math.exp(-step / 130) + noise.random() * 0.02
        values = {"loss": loss, "val/accuracy": accuracy, "phase": "warm" if step < 50 else "full"}
        found += [
            {"event": "metric", "key": key, "value": value, "step": step, "at": at}
            for key, value in values.items()
            if key != "phase" or step % 50 == 0
        ]
    return found


def samples() -> list[Measured]:
    """What the scheduler measured while it ran."""
    return [
        Measured(
            JOB,
            NOW_MS - 3_600_000 + number * 7_000,
            number * 7.0,
            {
                "system/cpu_percent": 60 + 30 * math.sin(number / 20),
                "system/memory_bytes": 1.2e9 + number * 2e6,
            },
        )
        for number in range(500)
    ]


def artifacts() -> dict[str, bytes]:
    """The files it saved."""
    rows = "".join(f"{n},{n * 0.5:.2f},digit {n % 10}\n" for n in range(40))
    return {
        "confusion.png": picture(48, 48),
        "metrics.json": json.dumps({"best": {"loss": 0.05, "step": 480}, "ok": True}).encode(),
        "model.pt": bytes(range(256)) * 40,
        "predictions.csv": f"id,score,label\n{rows}".encode(),
        "report.md": b"# Results\n\nAll well.\n",
    }


def picture(width: int, height: int) -> bytes:
    """A PNG file with a colour that changes across it."""
    rows = b"".join(
        b"\0" + bytes(c for x in range(width) for c in (x * 255 // width, y * 255 // height, 120))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def fill(home: Path, *, state: JobState = JobState.FAILED) -> None:
    """Put bundles and what the job left where the scheduler looks for them."""
    for files in (PROJECT, OTHER_PROJECT):
        bundle = packed(files)
        place = Home(home).bundles
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{bundle.digest.removeprefix('sha256:')}.tar.gz").write_bytes(bundle.data)
    archive = Home(home).archive(JOB)
    for key, content in artifacts().items():
        path = archive / "artifacts" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (archive / "changed" / "out").mkdir(parents=True)
    (archive / "changed" / "out" / "log.txt").write_text("made by the job\n")
    (archive / "changed" / "main.py").write_text("# changed\n")
    (archive / "job.log").write_text("hello\n")


def insert(conn: sqlite3.Connection, *, state: JobState = JobState.FAILED) -> None:
    """Put the job, and one that it repeats, into the database."""
    began = NOW_MS - 3_800_000
    origin = new_job(job_id=ORIGIN, bundle=packed(OTHER_PROJECT).digest, order=1)
    jobs.insert_job(conn, origin, now_ms=began - 1_000_000)
    finish(conn, origin.job, at_ms=began)
    spec = {
        "command": ["main.py", "--epochs", "20", "--data", "data/digits.csv"],
        "params": SUBMITTED,
        "num_gpus": 1,
        "ram_gb": 8,
        "image": "registry.example/train:1.4",
        "user": "ada",
        "rerun_of": ORIGIN,
        "environment": {"OMP_NUM_THREADS": "4"},
    }
    stored = new_job(
        job_id=JOB, spec=spec, bundle=packed(PROJECT).digest, order=2, submitted_at_ms=began
    )
    jobs.insert_job(conn, stored, now_ms=began)
    run(conn, stored.job)
    system_metrics.append(conn, samples())
    if state is not JobState.RUNNING:
        finish(conn, stored.job, state, at_ms=NOW_MS - 100_000)
    moves = [
        ("Submitted", JobState.QUEUED, 0),
        ("Claimed", JobState.STARTING, 180_000),
        ("Started", JobState.RUNNING, 190_000),
        ("Tagged", JobState.RUNNING, 200_000),
    ]
    if state is not JobState.RUNNING:
        moves.append(("Exited", state, 3_700_000))
    for event, after, ms in moves:
        move(conn, event, after, at_ms=began + ms)
    ingest(conn, events())
    for key, content in artifacts().items():
        record = {"event": "artifact", "key": key, "path": key, "size_bytes": len(content)}
        ingest(conn, [record])
    remarks.add_note(conn, JOB, author="ada", text=NOTE, at_ms=NOW_MS)


def move(conn: sqlite3.Connection, event: str, state: JobState, *, at_ms: int) -> None:
    """Add a change to the job's history."""
    history.append_change(
        conn, job_id=JOB, project="digits", event=event, state=state, at_ms=at_ms, detail={}
    )


def ingest(conn: sqlite3.Connection, found: list[dict[str, Any]]) -> None:
    """Let the job record something."""
    data = "".join(json.dumps(one) + "\n" for one in found).encode()
    offset = jobs.load(conn, JOB).records_offset
    assert records.ingest(
        conn,
        JOB,
        parse_lines(data).records,
        offset=offset,
        new_offset=offset + len(data),
        now_ms=NOW_MS,
    )
