"""The machine, and what happened on it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atlas_scheduler.store.disk_guard import DiskGuard, Place, Space
from atlas_tui.event_lines import event_lines
from atlas_tui.looks import Palette
from atlas_tui.screens.dialogs import ConfirmDialog
from atlas_tui.system_report import Report, bar, lines
from foundations.models import (
    Change,
    EngineView,
    GpuView,
    HostView,
    JobState,
    QueueView,
    SchedulerInfo,
    StorageView,
    WatchedDisk,
)
from tests.cli.fake_machine import environments
from tests.store.samples import add
from tests.tui.conftest import staged

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 2, tzinfo=UTC)
PLAIN = Palette(unicode=False)
HOST = HostView(
    at=NOW,
    hostname="box\x1b[31m",
    cpus=8,
    cpu_percent=95.0,
    load_average=[1.0, 2.0, 3.0],
    memory_used_bytes=8 * 10**9,
    memory_total_bytes=16 * 10**9,
    disk_used_bytes=10**9,
    disk_free_bytes=10**9,
    disk_total_bytes=2 * 10**9,
    gpus=[
        GpuView(
            id="GPU-1",
            index=0,
            name="H100",
            utilization_percent=50.0,
            memory_used_bytes=40,
            memory_total_bytes=80,
            power_watts=300.0,
            job_id="0123456789",
        ),
        GpuView(id="GPU-2", index=1),
    ],
)


def test_a_report_says_who_holds_which_gpu() -> None:
    shown = [line.plain for line in lines(Report(host=HOST), palette=PLAIN, width=100)]
    assert any("H100  job 01234567" in line for line in shown)
    assert any("GPU-2  free" in line for line in shown)
    assert any("50 % 300 W" in line for line in shown)
    assert not any("\x1b" in line for line in shown)


def test_a_report_says_why_nothing_starts_on_a_full_disk() -> None:
    def shown(problem: str | None) -> list[str]:
        disks = [
            WatchedDisk(
                path=path,
                holds=[name],
                total_bytes=8 * 10**9,
                free_bytes=2 * 10**9,
                stop_below_bytes=mark,
            )
            for path, name, mark in (
                ("/h", "home", 10**9),
                ("/var/lib/docker", "engine", 2 * 10**8),
            )
        ]
        storage = StorageView(free_bytes=1, stop_below_bytes=10**9, problem=problem, disks=disks)
        info = SchedulerInfo(
            version="1",
            api_version=1,
            instance="0",
            pid=1,
            home="/h",
            engine=EngineView(name="process", isolated=False, available=True),
            queue=QueueView(max_running_jobs=1),
            storage=storage,
        )
        report = Report(info=info, host=HOST)
        return [line.plain for line in lines(report, palette=PLAIN, width=100)]

    (engine,) = [line for line in shown(None) if "/var/lib/docker" in line]
    assert engine.split("  ")[0].strip() == "Disk"
    assert engine.endswith("#####..... 2.0 GB free of 8.0 GB, engine: /var/lib/docker")
    told = [line.strip() for line in shown(None)]
    at = told.index("no job starts below 1.0 GB free")
    assert told[at + 1].endswith("/var/lib/docker")
    assert told[at + 2] == "no job starts below 200.0 MB free", "each disk has its own mark"
    problem = "the disk of /h is nearly full"
    assert any("Problem" in line and problem in line for line in shown(problem))


def test_a_report_says_how_full_the_cache_of_environments_is() -> None:
    report = Report(environments=environments("numpy==2.1.0"))
    shown = [line.plain for line in lines(report, palette=PLAIN, width=100)]
    at = shown.index(" ENVIRONMENTS")
    assert shown[at + 1].split() == ["Ready", "1,", "of", "which", "1", "in", "use"]
    assert "80.0 MB of 20.0 GB, 1.0 kB of it downloads" in shown[at + 2]
    none = lines(Report(environments=environments()), palette=PLAIN, width=100)
    assert any("none yet" in line.plain for line in none)


@pytest.mark.parametrize("width", [1, 20, 80])
def test_no_line_of_a_report_is_too_long(width: int) -> None:
    assert all(
        line.cell_len <= width for line in lines(Report(host=HOST), palette=PLAIN, width=width)
    )


def test_a_bar_shows_its_share_and_warns_when_it_is_high() -> None:
    assert bar(0.5, palette=PLAIN).plain == "#" * 10 + "." * 10
    assert bar(7.0, palette=PLAIN).plain == "#" * 20
    tones = [bar(share, palette=PLAIN).spans[0].style for share in (0.1, 0.8, 0.95)]
    assert tones == [PLAIN.tone(name) for name in ("good", "high", "bad")]


def test_an_event_is_told_in_words_newest_first() -> None:
    first, second = (
        Change(
            seq=number,
            at=NOW,
            job_id="0123456789",
            project="digits\x1b",
            event="Exited",
            state=JobState.FAILED,
            detail={"exit_code": number},
        )
        for number in (1, 2)
    )
    now = NOW + timedelta(minutes=3)
    shown = [line.plain for line in event_lines([first, second], now=now, palette=PLAIN, width=99)]
    assert "3m 01234567 x failed" in shown[0]
    assert "ended  digits\N{SYMBOL FOR ESCAPE}  exit code 2" in shown[0]
    assert "exit code 1" in shown[1]
    assert "\x1b" not in shown[0]


@pytest.mark.parametrize("width", [40, 53, 78])
def test_an_event_that_is_too_long_goes_on_below_its_words(width: int) -> None:
    reason = " ".join(f"word{number}" for number in range(60)) + " " + "w" * 99
    change = Change(
        seq=1,
        at=NOW,
        job_id="0123456789",
        project="digits",
        event="StartRefused",
        state=JobState.FAILED,
        detail={"reason": reason},
    )
    first, *below = [
        line.plain for line in event_lines([change], now=NOW, palette=PLAIN, width=width)
    ]
    assert "01234567 x failed" in first
    assert max(map(len, (first, *below))) <= width
    assert {line[:15].strip() for line in below} == {""}
    told = "".join((first, *below)).replace(" ", "")
    assert told.endswith("reason" + reason.replace(" ", ""))


async def test_the_top_bar_says_that_nothing_starts_on_a_full_disk(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        guard = DiskGuard(
            [Place("home", tmp_path)], stop_below_bytes=1, probe=lambda path: Space(1, 0, device=1)
        )
        stage.service.disk_guard = guard
        await stage.service.watch_disk()
        await stage.until(lambda: "DISK NEARLY FULL, nothing starts" in stage.text())


async def test_the_system_screen_shows_engine_host_and_what_happens(tmp_path: Path) -> None:
    made: list[str] = []

    def fill(conn: sqlite3.Connection) -> None:
        made.append(add(conn).job_id)

    async with staged(tmp_path, fill) as stage:
        await stage.press("6")
        await stage.until(lambda: "docker 28.0" in stage.text() and "Memory" in stage.text())
        await stage.until(lambda: "Archives" in stage.text())
        await stage.app.client.stop(made[0])
        await stage.until(lambda: "asked to stop" in stage.text())


async def test_when_there_is_no_environment_to_remove_nobody_is_asked(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.press("6")
        await stage.press("D")
        await stage.until(lambda: stage.status.startswith("There is nothing to remove"))
        assert not isinstance(stage.app.screen, ConfirmDialog)


async def test_environments_that_no_job_uses_are_pruned_once_that_is_confirmed(
    tmp_path: Path,
) -> None:
    ready = tmp_path / "environments" / ("3f2a" * 8)
    ready.mkdir(parents=True)
    about = {
        "base": "python:3.11",
        "python": "3.11.2",
        "packages": ["numpy==2.1.0"],
        "size_bytes": 80_000_000,
        "created_at_ms": 0,
    }
    (ready / "atlas-environment.json").write_text(json.dumps(about))
    async with staged(tmp_path) as stage:
        await stage.press("6")
        await stage.until(lambda: "1, of which 0 in use" in stage.text())
        await stage.press("D")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "Remove 1 environment that no job uses?" in stage.text()
        assert "3f2a3f2a" in stage.text()
        assert "numpy==2.1.0" in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.status.startswith("Removed 1 environment, 80.0 MB"))
        assert not ready.exists()
        await stage.until(lambda: "none yet" in stage.text(), "the cache is looked at again")
