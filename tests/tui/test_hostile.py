"""Whatever jobs are called and however small the window is: no control character, no traceback."""

from __future__ import annotations

import sqlite3
import unicodedata
from pathlib import Path

import pytest

from atlas_scheduler.store import records, remarks
from atlas_scheduler.store.records import Artifact, Metric, Parameter, Tag
from foundations.home import Home
from tests.store.samples import add, finish
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio

EVIL = (
    "a\x1b]0;pwned\x07\x1b[2J [b]bold[/b] [/] \u202edrow\u202c 漢字 e\u0301 "
    "👩\u200d🔬 \x9b5n\t\r%s{0}"
)
NAME = "[red]x[b] \u202edrow 漢字 e\u0301"
"""A project may have no control characters."""


def fill(conn: sqlite3.Connection) -> None:
    for number in range(4):
        spec = {
            "project": NAME,
            "command": ["main.py", EVIL],
            "user": EVIL,
            "params": {EVIL: EVIL},
            "tags": {EVIL[:100]: EVIL},
        }
        job = add(conn, project=NAME, spec=spec, submitted_at_ms=1_000 + number)
        found: list[records.Record] = [
            Parameter(EVIL, EVIL, 0),
            Metric(EVIL, 1.5, 0, 0),
            Metric(EVIL, EVIL, 1, 0),
            Tag(EVIL, EVIL),
            Artifact(EVIL, "missing", 10, 0),
        ]
        records.ingest(conn, job.job_id, found, offset=0, new_offset=1)
        remarks.add_note(conn, job.job_id, author=EVIL, text=EVIL, at_ms=0)
        if number:
            ended = finish(conn, job)
            conn.execute("UPDATE jobs SET reason = ? WHERE job_id = ?", (EVIL, ended.job_id))


def put_logs(home: Path, conn: sqlite3.Connection) -> None:
    for (job_id,) in conn.execute("SELECT job_id FROM jobs").fetchall():
        archive = Home(home).archive(job_id)
        archive.mkdir(parents=True)
        (archive / "job.log").write_bytes(EVIL.encode() + b"\n" + b"x" * 1_000_000 + b"\n\xff\xfe")


def is_clean(stage: Stage) -> bool:
    return not any(
        unicodedata.category(sign) in ("Cc", "Cs") or sign in "\u202e\u202c\u2066\u2069"
        for sign in stage.text()
        if sign != "\n"
    )


@pytest.mark.parametrize("size", [(4, 3), (20, 6), (80, 24), (200, 60)])
async def test_every_screen_stands_hostile_jobs_at_every_size(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    def prepare(conn: sqlite3.Connection) -> None:
        fill(conn)
        put_logs(tmp_path, conn)

    async with staged(tmp_path, prepare, size=size) as stage:
        await stage.settle()
        await stage.press("space", "space")
        for key in ("1", "2", "3", "4", "5", "6", "question_mark"):
            await stage.press(key)
            await stage.settle()
            assert is_clean(stage), key
        await stage.press("escape")


async def test_hostile_names_are_safe_in_every_question(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.settle()
        for key in ("x", "d", "t", "U", "n", "e", "colon", "at", "D"):
            await stage.press(key)
            await stage.settle()
            assert is_clean(stage), key
            await stage.press("escape")
            await stage.settle()
