"""Programs that no scheduler starts, and that record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project

TRAIN = """
import sys
import foundations

foundations.log_param("rate", 0.1)
for step in range(3):
    foundations.log_metric("loss", 1 / (step + 1), step)
with open("model.txt", "w") as file:
    file.write("weights")
foundations.save_artifact("model.txt")
sys.exit(int(sys.argv[1]))
"""
SLEEP = """
import sys, time
import foundations

foundations.log_metric("loss", 1.0)
print("recorded", flush=True)
time.sleep(600)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return write_project(tmp_path / "digits", {"main.py": TRAIN, "sleep.py": SLEEP})


def listed(scheduler: Scheduler, *options: str) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads(
        scheduler.cli("list", "jobs", "scheduler", "--json", *options).out
    )
    return jobs


def states(scheduler: Scheduler) -> list[str]:
    return [job["state"] for job in listed(scheduler)]


def begin(scheduler: Scheduler, program: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "sleep.py"],
        cwd=program,
        env=scheduler.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "recorded\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_program_that_records_is_a_job_like_any_other(own: Scheduler, program: Path) -> None:
    own.run("python", "main.py", "0", cwd=program)
    own.run("python", "main.py", "3", cwd=program, code=3)
    until(lambda: states(own) == ["failed", "completed"], "both have ended")

    failed, completed = listed(own)
    assert completed["local"]
    assert completed["engine"] == "local"
    assert (completed["project"], completed["command"]) == ("digits", ["main.py", "0"])
    assert completed["parameters"] == {"rate": 0.1}
    assert completed["metrics"] == {"loss": pytest.approx(1 / 3)}
    assert (failed["exit_code"], failed["reason"]) == (3, "exit code 3")
    assert {job["job_id"] for job in listed(own, "--filter", "engine:local")} == {
        job["job_id"] for job in (failed, completed)
    }

    job_id = completed["job_id"]
    until(lambda: own.job(job_id).archived, "the archive is complete")
    shown = own.cli("show", "job", "scheduler", job_id).out
    assert "Local run" in shown
    assert "none: it ran where it lay" in shown
    got = own.cli("get", "job", "scheduler", job_id, "--save-dir", str(program.parent / "got"))
    assert "local run: there is no `source`" in got.err
    kept = program.parent / "got" / job_id
    assert (kept / "artifacts" / "model.txt").read_text() == "weights"
    assert len((kept / "events.jsonl").read_text().splitlines()) == 5
    assert not (kept / "source").exists()

    refused = own.cli("rerun", "job", "scheduler", job_id, code=1)
    assert "is a local run" in refused.err
    assert "submit it instead" in refused.err
    refused = own.cli("diff", "jobs", "scheduler", "--source", job_id, failed["job_id"], code=1)
    assert "no copy of its files was kept" in refused.err

    own.cli("delete", "job", "scheduler", job_id)
    assert [job["job_id"] for job in listed(own)] == [failed["job_id"]]


def test_a_killed_one_is_lost_and_takes_no_slot(make: Any, program: Path) -> None:
    scheduler = make(max_running_jobs=1)
    scheduler.start()
    process = begin(scheduler, program)
    try:
        until(lambda: states(scheduler) == ["running"], "it is found")
        project = write_project(program.parent / "small", {"main.py": "print('hello')\n"})
        scheduler.cli("submit", "scheduler", str(project))
        assert states(scheduler) == ["completed", "running"]

        scheduler.kill()
        scheduler.start()
        assert states(scheduler) == ["completed", "running"]
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: states(scheduler) == ["completed", "lost"], "it is lost")
    finally:
        end(process)

    (lost,) = listed(scheduler, "--filter", "state:lost")
    assert lost["reason"] == "its process ended without saying how: it was killed, or it crashed"
    assert lost["metrics"] == {"loss": 1.0}


def test_a_running_one_can_be_stopped(own: Scheduler, program: Path) -> None:
    process = begin(own, program)
    try:
        until(lambda: states(own) == ["running"], "it is found")
        own.cli("stop", "job", "scheduler", listed(own)[0]["job_id"])
        assert process.wait(20) == -signal.SIGTERM
        until(lambda: states(own) == ["stopped"], "it is stopped")
    finally:
        end(process)


def test_what_ended_while_no_server_ran_is_taken_in_later(make: Any, program: Path) -> None:
    scheduler = make()
    scheduler.run("python", "main.py", "0", cwd=program)
    process = begin(scheduler, program)
    os.kill(process.pid, signal.SIGKILL)
    end(process)

    scheduler.start()
    until(lambda: sorted(states(scheduler)) == ["completed", "lost"], "both are taken in")
    (completed,) = listed(scheduler, "--filter", "state:completed")
    assert completed["metrics"] == {"loss": pytest.approx(1 / 3)}
    assert completed["duration_seconds"] < 60
