"""`foundations init`, and the project it makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundations.job_config import JobConfig, load_job_config
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler


def test_init_makes_a_project(run: Run, work: Path) -> None:
    output = run("init", "my_project").stdout

    assert output == "Success: New Foundations project `my_project` created!\n"
    files = {
        str(path.relative_to(work / "my_project")) for path in (work / "my_project").rglob("*")
    }
    assert files == {"README.txt", "main.py", "job.config.yaml", "data", "data/.keep"}


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_init_leaves_what_is_there_alone(run: Run, work: Path, make: object) -> None:
    assert callable(make)
    make(work / "taken")

    result = run("init", "taken", exit_code=1)

    assert result.stderr == "Error: project directory for `taken` already exists\n"


def test_the_sample_config_is_valid_with_and_without_its_comments(run: Run, work: Path) -> None:
    run("init", "sample")
    path = work / "sample" / "job.config.yaml"
    assert load_job_config(work / "sample") == JobConfig.model_validate(
        {"num_gpus": 0, "worker": {"environment": {"PYTHONHASHSEED": "0"}}}
    )

    lines = path.read_text().splitlines()
    settings = [
        line.replace("# ", "", 1) if ": " in line[2:] or line.endswith(":") else line
        for line in lines
    ]
    path.write_text("\n".join(line for line in settings if not line.endswith(".")))

    config = load_job_config(work / "sample")
    assert config.project_name == "my-atlas-project"
    assert config.params == {"epochs": 8, "learning_rate": 0.3}
    assert config.worker.image == "my-custom-worker:latest"
    assert config.worker.volumes["/my/data"].bind == "/data"


def test_the_sample_can_be_submitted(run: Run, scheduler: FakeScheduler) -> None:
    run("init", "sample")

    output = run("submit", "scheduler", "sample").stdout

    assert "WARNING" not in output
    (job,) = scheduler.jobs.values()
    assert (job.spec.project, job.spec.command) == ("sample", ("main.py",))


def test_the_sample_runs_without_a_scheduler_and_inside_a_job(run: Run, work: Path) -> None:
    run("init", "sample")
    (work / "job" / "records").mkdir(parents=True)
    events = work / "job" / "records" / "events.jsonl"
    environment = {
        **os.environ,
        "FOUNDATIONS_JOB_ID": "45540b52-ffe2-44ab-9838-db467d3499c0",
        "ATLAS_JOB_DIR": str(work / "job"),
        "ATLAS_EVENTS": str(events),
        "ATLAS_ARTIFACTS": str(work / "job" / "artifacts"),
    }
    command = [sys.executable, "main.py"]

    alone = subprocess.run(command, cwd=work / "sample", capture_output=True, text=True, check=True)
    assert alone.stdout == ""
    job = subprocess.run(
        command, cwd=work / "sample", capture_output=True, text=True, check=True, env=environment
    )

    # As in the documentation, whose sample prints nothing.
    assert (job.stdout, job.stderr) == ("", "")
    records = [json.loads(line) for line in events.read_text().splitlines()]
    assert {record["event"] for record in records} == {"param", "metric", "tag", "artifact"}
    (artifact,) = [record for record in records if record["event"] == "artifact"]
    assert (work / "job" / "artifacts" / artifact["path"]).is_file()
