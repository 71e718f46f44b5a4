"""What the pictures of the app show: jobs at a fixed moment, and the keys to each picture."""

from __future__ import annotations

import math
import random
import re
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import time_machine

from atlas_scheduler.machine import Machine
from atlas_scheduler.store import history, jobs, records, remarks, system_metrics
from atlas_scheduler.store.records import Artifact, Metric, Parameter, Tag
from atlas_scheduler.store.system_metrics import Measured
from atlas_tui.app import Options
from foundations.home import Home
from foundations.models import JobState
from tests.api.fake_service import FakeMachine
from tests.store.samples import new_job
from tests.tui.conftest import Stage, staged

MOMENT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
NOW_MS = int(MOMENT.timestamp() * 1000)
_STATES = (
    *([JobState.QUEUED] * 6 + [JobState.RUNNING] * 2),
    *([JobState.COMPLETED] * 4 + [JobState.FAILED] + [JobState.COMPLETED] * 5),
    *([JobState.STOPPED] + [JobState.COMPLETED] * 4 + [JobState.LOST] + [JobState.COMPLETED] * 12),
)
"""Of the jobs, the newest first."""
COUNT = len(_STATES)
_ENDS: dict[JobState, tuple[str, dict[str, Any]]] = {
    JobState.COMPLETED: ("Exited", {"exit_code": 0}),
    JobState.FAILED: ("Exited", {"exit_code": 1}),
    JobState.STOPPED: ("Exited", {"reason": "stopped by ada"}),
    JobState.LOST: ("Gone", {"reason": "the container was removed"}),
}
"""What ends a job in each state, and what is told of it."""
_PROJECTS = ("digits", "cats-vs-dogs", "speech-small")
_LOG = "\n".join(
    [
        "Foundations INFO: Job starting",
        "\x1b[36mINFO\x1b[0m loaded 60000 digits in 1.8 s",
        *(
            f"\x1b[36mINFO\x1b[0m epoch {epoch:2} loss {2.3 * math.exp(-epoch / 9):.4f} "
            f"val_acc {1 - 0.9 * math.exp(-epoch / 7):.4f}"
            for epoch in range(34)
        ),
        "\x1b[33mWARNING\x1b[0m learning rate is on a plateau",
        "epoch 34:  61%|██████████▍      | 572/938 [00:41<00:26, 13.9it/s]",
    ]
)


def job_id(number: int) -> str:
    """The id of a made-up job."""
    return str(uuid.UUID(int=random.Random(number).getrandbits(128), version=4))


def fill(conn: sqlite3.Connection) -> None:
    """Invent the jobs."""
    for number in reversed(range(COUNT)):
        _add(conn, number, _STATES[number])


def _add(conn: sqlite3.Connection, number: int, state: JobState) -> None:
    noise = random.Random(number)
    rate = noise.choice([0.1, 0.03, 0.01, 0.003])
    project = _PROJECTS[number % 7 % 3]
    command = ["main.py", "--epochs", str(noise.choice([20, 40, 60]))]
    submitted_ms = NOW_MS - 420_000 - number * 1_260_000
    stored = new_job(
        job_id=job_id(number),
        project=project,
        order=COUNT - number,
        submitted_at_ms=submitted_ms,
        spec={
            "project": project,
            "command": command,
            "params": {"lr": rate, "seed": number},
            "user": "ada",
            "num_gpus": int(number == 7),
            "tags": {"baseline": ""} if number % 5 == 0 else {},
        },
    )
    jobs.insert_job(conn, stored, now_ms=submitted_ms)
    _tell(conn, number, project, submitted_ms, state)
    if state is JobState.QUEUED:
        return
    _record(conn, number, rate, noise)
    _live(conn, stored.job.job_id, number, state)


def _tell(
    conn: sqlite3.Connection, number: int, project: str, submitted_ms: int, state: JobState
) -> None:
    """Write the history of a job, up to the state that it is in."""
    began = _began_ms(number)
    steps: list[tuple[str, JobState, int, dict[str, Any]]] = [
        ("Submitted", JobState.QUEUED, submitted_ms, {"user": "ada"})
    ]
    if state is not JobState.QUEUED:
        steps += [
            ("Claimed", JobState.STARTING, began - 2_000, {}),
            ("Started", JobState.RUNNING, began, {}),
        ]
    if state in _ENDS:
        event, detail = _ENDS[state]
        steps.append((event, state, _ended_ms(number), detail))
    for event, then, at_ms, detail in steps:
        history.append_change(
            conn,
            job_id=job_id(number),
            project=project,
            event=event,
            state=then,
            at_ms=at_ms,
            detail=detail,
        )


def _began_ms(number: int) -> int:
    return NOW_MS - number * 1_260_000 - 300_000


def _ended_ms(number: int) -> int:
    return _began_ms(number) + 600_000 + number * 31_000


def _record(conn: sqlite3.Connection, number: int, rate: float, noise: random.Random) -> None:
    found: list[records.Record] = [
        Parameter("lr", rate, NOW_MS),
        Parameter("layers", noise.choice([2, 4, 8]), NOW_MS),
        *(Tag(key, "") for key in (["best"] if number == 11 else [])),
        Artifact("model.pt", "model.pt", 4_200_000, NOW_MS),
        Artifact("report.md", "report.md", 2_048, NOW_MS),
    ]
    speed = 40 + 500 * rate
    for step in range(200):
        loss = 2.3 * math.exp(-step / speed) + 0.05 + noise.random() * 0.08
        accuracy = 0.99 - 0.88 * math.exp(-step / speed) + noise.random() * 0.015
        found += [Metric("loss", loss, step, NOW_MS), Metric("val_acc", accuracy, step, NOW_MS)]
    records.ingest(conn, job_id(number), found, offset=0, new_offset=1)


def _live(conn: sqlite3.Connection, name: str, number: int, state: JobState) -> None:
    """Let a job run, and end unless it is still at it."""
    began = _began_ms(number)
    values: dict[str, Any] = {"attempt": 1, "started_at_ms": began, "state": state.value}
    if state is not JobState.RUNNING:
        values["finished_at_ms"] = _ended_ms(number)
        values["archived"] = True
        values["exit_code"] = {JobState.COMPLETED: 0, JobState.FAILED: 1}.get(state)
        values["reason"] = {
            JobState.FAILED: "exit code 1",
            JobState.STOPPED: "stopped by ada",
            JobState.LOST: "the container was removed",
        }.get(state)
    values["engine"] = "docker"
    columns = ", ".join(f"{column} = :{column}" for column in values)
    conn.execute(f"UPDATE jobs SET {columns} WHERE job_id = :job_id", {**values, "job_id": name})
    remarks.add_note(conn, name, author="ada", text="Try a smaller `lr` next.", at_ms=NOW_MS)
    system_metrics.append(
        conn,
        [
            Measured(
                name,
                began + place * 5_000,
                place * 5.0,
                {
                    "system/cpu_percent": 140 + 40 * math.sin(place / 9),
                    "system/memory_bytes": 1.4e9 + place * 3e6,
                },
            )
            for place in range(100)
        ],
    )


def put_files(home: Path) -> None:
    """Put the logs where the scheduler keeps them."""
    for number, state in enumerate(_STATES):
        if state is not JobState.QUEUED:
            archive = Home(home).archive(job_id(number))
            archive.mkdir(parents=True)
            (archive / "job.log").write_text(_LOG, encoding="utf-8")


Steps = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture."""

    keys: tuple[str, ...] = ()
    """What is pressed to get there."""
    shows: tuple[str, ...] = ()
    """Texts that are waited for before the picture is taken."""
    size: tuple[int, int] = (120, 40)
    options: Options = field(default_factory=Options)
    environment: Mapping[str, str] = field(default_factory=dict)


_SCREENS: dict[str, Scene] = {
    "dashboard": Scene(("down",), ("queued", "572/938")),
    "jobs": Scene(("2", "right"), ("jobs", "speech-small")),
    "job": Scene(("G", "enter"), ("completed",)),
    "metrics": Scene(("G", "enter", "M", "space", "space"), ("loss", "val_acc")),
    "logs": Scene(("4",), ("572/938",)),
    "compare": Scene(("G", "space", "up", "up", "space", "5"), ("param.lr",)),
    "system": Scene(("6",), ("gpu-box",), size=(120, 30)),
    "help": Scene(("question_mark",), ("Stop",)),
}
SCENES: dict[str, Scene] = {
    **_SCREENS,
    **{
        f"{name}-80x24": Scene(one.keys, one.shows, size=(80, 24))
        for name, one in _SCREENS.items()
        if name != "help"
    },
    "jobs-80x24": Scene(_SCREENS["jobs"].keys, ("36 jobs", "completed"), size=(80, 24)),
    "dashboard-light": Scene(
        _SCREENS["dashboard"].keys, ("queued",), options=Options(theme="atlas-light")
    ),
    "dashboard-plain": Scene(("down",), ("queued",), size=(80, 24), options=Options(plain=True)),
    "dashboard-mono": Scene(("down",), ("queued",), size=(80, 24), environment={"NO_COLOR": "1"}),
}
ROOT = Path(__file__).resolve().parents[2]


def picture(name: str) -> Path:
    """Where the picture of a scene is kept: those at 120 columns are in the documentation."""
    folder = "docs/pictures" if name in _SCREENS else "tests/tui/pictures"
    return ROOT / folder / f"{name}.svg"


def _shows(stage: Stage, text: str) -> bool:
    return text in stage.text()


async def draw(name: str, home: Path) -> str:
    """Draw a scene as an SVG, the same each time."""
    scene = SCENES[name]
    put_files(home)
    with time_machine.travel(MOMENT), pytest.MonkeyPatch.context() as patch:
        for variable, value in scene.environment.items():
            patch.setenv(variable, value)
        async with staged(
            home,
            fill,
            size=scene.size,
            options=scene.options,
            machine=cast(Machine, FakeMachine()),
        ) as stage:
            await stage.until(lambda: stage.app.board.host is not None)
            await stage.until(partial(_shows, stage, "digits"))
            for key in scene.keys:
                await stage.press(key)
                await stage.settle()
            for text in scene.shows:
                await stage.until(partial(_shows, stage, text), f"never: {text}")
            await stage.settle()
            svg = stage.app.export_screenshot(title="Atlas")
    # The fonts that rich names lie on somebody's server; a viewer's own monospace will do.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
