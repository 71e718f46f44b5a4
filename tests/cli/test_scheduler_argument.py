"""SCHEDULER may be left out where the words tell that it was; the default one is meant then."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundations import autostart
from foundations.client import Client
from foundations.configs import SchedulerConfig
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

JOB = "45540b52-ffe2-44ab-9838-db467d3499c0"
OTHER = "cafe0b52-ffe2-44ab-9838-db467d3499c0"


@pytest.fixture
def asked(scheduler: FakeScheduler, home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the scheduler configs that were used."""
    names: list[str] = []

    def connect(config: SchedulerConfig, **_: object) -> Client:
        names.append(config.name)
        return scheduler.client()

    monkeypatch.setattr(autostart, "connect", connect)
    directory = home / "config" / "submission"
    directory.mkdir(parents=True)
    for name in ("lab", "cafe"):
        (directory / f"{name}.config.yaml").write_text(f"scheduler_url: http://{name}:5000\n")
    for job_id in (JOB, OTHER):
        job = scheduler.add(job_id)
        scheduler.start(job)
        scheduler.print(job, b"output\n")
    return names


@pytest.mark.parametrize(
    "line",
    [
        f"get logs {JOB}",
        f"get logs {JOB[:4]}",
        f"get logs --tail 1 {JOB}",
        f"get job {JOB}",
        f"show job {JOB}",
        f"stop job {JOB} {OTHER} --no-wait",
        f"stop {JOB} --no-wait",
        f"diff jobs {JOB} {OTHER}",
        f"note job {JOB} fine",
        f"note job {JOB} --list",
        f"get artifact {JOB}",
        f"stop {JOB},{OTHER} --no-wait",
        f"tag job {JOB} best",
        f"tag job {JOB},{OTHER} best",
        "list jobs",
        "info",
        "submit project --detach",
        "submit ./project --detach",
        "submit --detach project main.py --lr 0.1",
        "rename project demo digits",
        "describe project demo about",
    ],
)
def test_the_default_scheduler_is_meant_where_none_is_named(
    run: Run, asked: list[str], line: str
) -> None:
    run("config", "default", "lab")
    run(*line.split())
    assert asked == ["lab"]


def test_without_a_default_that_is_this_machines_own(run: Run, asked: list[str]) -> None:
    run("get", "logs", JOB)
    run("list", "jobs")
    assert asked == ["scheduler", "scheduler"]


@pytest.mark.parametrize(
    "line",
    [
        f"get logs lab {JOB}",
        f"stop job lab {JOB} --no-wait",
        "list jobs lab",
        "submit lab project -d",
    ],
)
def test_whoever_names_a_scheduler_means_it(run: Run, asked: list[str], line: str) -> None:
    run("config", "default", "cafe")
    run(*line.split())
    assert asked == ["lab"]


def test_the_name_of_a_config_is_never_a_job(run: Run, asked: list[str]) -> None:
    told = run("get", "logs", "cafe", exit_code=2).stderr
    assert "Missing argument 'JOB_ID'" in told
    assert asked == []


@pytest.mark.parametrize("word", ["nosuch", "45x", "logs"])
def test_what_can_be_no_job_is_no_reason_to_leave_the_scheduler_out(
    run: Run, asked: list[str], word: str
) -> None:
    assert "Missing argument" in run("get", "logs", word, exit_code=2).stderr
    told = run("stop", "job", word, JOB, exit_code=1).stderr
    assert f"Could not find submission configuration with name: `{word}`" in told
    assert asked == []


@pytest.mark.parametrize("line", ["clear-queue", "set queue --max-running-jobs 2", "pause queue"])
def test_what_acts_on_a_whole_scheduler_needs_its_name(
    run: Run, asked: list[str], line: str
) -> None:
    assert "Missing argument 'SCHEDULER'" in run(*line.split(), exit_code=2).stderr
    assert asked == []


def test_a_directory_named_like_a_config_is_meant_by_its_path(
    run: Run, asked: list[str], work: Path
) -> None:
    (work / "lab").mkdir()
    (work / "lab" / "main.py").touch()

    told = run("submit", "lab", exit_code=2).stderr
    assert "Missing argument 'JOB_DIR'" in told
    run("submit", "./lab", "--detach")
    assert asked == ["scheduler"]


def test_a_config_in_the_project_is_known_as_one(run: Run, asked: list[str], work: Path) -> None:
    near = work / "project" / "config" / "submission"
    near.mkdir(parents=True)
    (near / "near.config.yaml").write_text("scheduler_url: http://near:5000\n")
    (work / "near").mkdir()

    run("submit", "near", "project", "--detach")

    assert asked == ["near"]
