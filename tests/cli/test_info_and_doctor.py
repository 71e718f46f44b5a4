"""`foundations info` and `foundations doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foundations.errors import Unreachable
from foundations.models import StorageView, WatchedDisk
from tests.cli.conftest import Run
from tests.cli.fake_machine import disk, host
from tests.cli.fake_scheduler import FakeScheduler

REMOTE = """\
cache_config:
  end_point: /cache_end_point
container_config_root: /home/x/.foundations/config/local_docker_scheduler/worker_config
job_deployment_env: local_docker_scheduler_plugin
job_results_root: /home/x/.foundations/job_data
scheduler_url: http://127.0.0.1:9
working_dir_root: /home/x/.foundations/local_docker_scheduler/work_dir
"""


@pytest.fixture
def aws(home: Path) -> Path:
    """A config as the original's documentation has it, to a place where nothing answers."""
    path = home / "config" / "submission" / "aws.config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(REMOTE)
    return path


def test_info_tells_who_answers(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.add()

    output = run("info").stdout

    for text in ("0.1.0", "4711", "docker 27.0", "at most 1 job at once", "1 queued"):
        assert text in output
    assert run_json("info", "scheduler", "--json")["engine"]["name"] == "docker"


def test_info_env_lists_the_configs(
    run: Run, run_json: Callable[..., Any], home: Path, aws: Path, work: Path
) -> None:
    result = run("info", "--env")

    title, header, first, second = result.stdout.splitlines()
    assert title == "submission configs:"
    assert header.split() == ["env_name", "env_path", "url", "reachable", "version"]
    assert first.split() == ["aws", str(aws), "http://127.0.0.1:9", "no", "-"]
    path = home / "config" / "submission" / "scheduler.config.yaml"
    assert second.split() == [
        "scheduler",
        str(path),
        f"unix://{home}/run/atlas.sock",
        "no",
        "-",
    ]
    assert "ignored: cache_config, container_config_root, job_deployment_env" in result.stderr

    documents = run_json("info", "--env", "--json")
    assert [(one["env_name"], one["reachable"]) for one in documents] == [
        ("aws", False),
        ("scheduler", False),
    ]
    assert "does not answer" in documents[0]["problem"]


def test_info_env_shows_a_broken_config_with_its_problem(run: Run, aws: Path) -> None:
    aws.write_text("scheduler_uri: http://x\n")

    result = run("info", "--env")

    assert "Did you mean `scheduler_url`?" in result.stderr
    assert result.stdout.splitlines()[2].split()[2:] == ["-", "no", "-"]


def test_doctor_finds_nothing_wrong(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    lines = run("doctor").stdout.splitlines()

    assert not [line for line in lines if line.startswith("problem")]
    assert "ok       engine: docker 27.0" in lines
    documents = run_json("doctor", "--json")
    assert [one["check"] for one in documents] == [
        *("version", "home", "disk", "config", "scheduler", "engine", "gpus")
    ]


def test_doctor_ends_with_1_when_the_engine_is_down(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.engine_problem = "Docker does not answer. Start it with `systemctl start docker`."

    output = run("doctor", exit_code=1).stdout

    assert "problem  engine: docker 27.0: Docker does not answer." in output


def test_info_and_doctor_tell_why_nothing_starts_on_a_full_disk(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.storage = StorageView(free_bytes=5 * 10**9, stop_below_bytes=10**9)
    assert "5.0 GB free, no job starts below 1.0 GB" in run("info").stdout
    assert "ok       space: 5.0 GB free" in run("doctor").stdout

    scheduler.storage = StorageView(
        free_bytes=10**6, stop_below_bytes=10**9, problem="the disk of /x is nearly full"
    )
    assert "the disk of /x is nearly full" in run("info").stdout
    assert "problem  space: the disk of /x is nearly full" in run("doctor", exit_code=1).stdout
    assert run_json("info", "--json")["storage"]["free_bytes"] == 10**6


def test_info_tells_of_each_disk_that_is_watched(run: Run, scheduler: FakeScheduler) -> None:
    disks = [
        WatchedDisk(
            path=path,
            holds=holds,
            total_bytes=10**10,
            free_bytes=free_bytes,
            stop_below_bytes=2 * 10**8,
        )
        for path, holds, free_bytes in (
            ("/h", ["home", "bundles"], 10**9),
            ("/var/lib/docker", ["engine"], 5 * 10**9),
        )
    ]
    scheduler.storage = StorageView(free_bytes=10**9, stop_below_bytes=2 * 10**8, disks=disks)
    output = run("info").stdout
    first = "1.0 GB of 10.0 GB free at /h (home, bundles), no job starts below 200.0 MB"
    second = "5.0 GB of 10.0 GB free at /var/lib/docker (engine), no job starts below 200.0 MB"
    assert [line.split("  ")[-1].strip() for line in output.splitlines() if "GB free" in line] == [
        first,
        second,
    ]


def test_doctor_tells_when_the_scheduler_cannot_be_started(
    run: Run, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(config: object, **_: object) -> None:
        raise Unreachable("The Atlas server could not be started.")

    monkeypatch.setattr("foundations.autostart.connect", fail)

    output = run("doctor", exit_code=1).stdout

    assert output.splitlines()[-1] == "problem  scheduler: The Atlas server could not be started."


def test_doctor_warns_of_a_home_that_others_can_read_and_of_other_configs(
    run: Run, scheduler: FakeScheduler, home: Path, aws: Path
) -> None:
    home.chmod(0o755)
    aws.write_text("scheduler_url: http://<remote_address>:5000\n")

    output = run("doctor").stdout

    assert f"warning  home: others can look into {home}: chmod 700 {home}" in output
    assert "still holds a placeholder" in output


def test_info_host_tells_how_busy_the_machine_is(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    output = run("info", "--host").stdout

    fields, _, table = output.partition("\n\nGPUs\n")
    assert [line.split(maxsplit=1)[1] for line in fields.splitlines()] == [
        "gpu-box",
        "12% of 2 processors",
        "0.50 0.25 0.12 (1, 5 and 15 minutes)",
        "3.0 GB of 8.0 GB used",
        "1.0 GB of 4.0 GB used, 2.5 GB free",
        "2, see below",
    ]
    header, first, second = table.splitlines()
    assert header.split() == ["GPU", "NAME", "USE", "MEMORY", "POWER", "TEMP", "JOB"]
    assert "97%" in first
    assert first.endswith("45540b52-ffe2-44ab-9838-db467d3499c0")
    assert second.split() == ["1", "-", "-", "-", "-", "-", "-"]
    assert run_json("info", "--host", "--json")["gpus"][0]["power_watts"] == 70.4


def test_info_host_tells_of_no_gpus_and_of_a_driver_that_hangs(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.host = host(gpus=[])
    assert run("info", "--host").stdout.splitlines()[-1].split() == ["GPUs:", "none"]
    scheduler.host = host(gpus=[], gpu_problem="The NVIDIA driver does not answer.")
    assert "The NVIDIA driver does not answer." in run("info", "--host").stdout


def test_info_disk_tells_what_lies_there(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    result = run("info", "--disk")

    kinds, _, table = result.stdout.partition("\n\nProjects\n")
    assert dict(line.split(": ", 1) for line in kinds.splitlines())["Archives"].strip() == "3.0 MB"
    assert [line.split() for line in table.splitlines()][1] == [
        *("digits", "2", "3.0", "MB", "2.0", "MB")
    ]
    assert result.stderr == ""
    assert run_json("info", "--disk", "--json")["work_dirs_bytes"] == 4_096


def test_info_disk_says_when_there_was_no_time_for_everything(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.disk = disk(complete=False)
    assert "There was no time to look at every file" in run("info", "--disk").stderr


def test_info_says_whether_the_scheduler_can_work(run: Run, scheduler: FakeScheduler) -> None:
    assert run("info", "--ready").stdout == (
        "Ready:    yes\nDatabase: can be written to\nEngine:   does not answer: jobs wait\n"
    )
    scheduler.is_ready = False
    told = run("info", "--ready", exit_code=1).stdout
    assert told.startswith("Ready:    no\nDatabase: cannot be written to\n")
    assert '"ready": false' in run("info", "--ready", "--json", exit_code=1).stdout


def test_info_prints_what_is_measured_as_it_comes(run: Run, scheduler: FakeScheduler) -> None:
    assert run("info", "--metrics").stdout == "atlas_jobs 1.0\n"


def test_info_shows_one_thing_at_a_time(run: Run, scheduler: FakeScheduler) -> None:
    result = run("info", "--disk", "--host", exit_code=2)
    assert "Give one of --env, --host, --disk, --ready and --metrics." in result.stderr
