"""`foundations notebook`: what it asks for, and which jobs it opens."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import httpx
import pytest
from click.testing import CliRunner, Result

import foundations
from foundations.cli.__main__ import cli
from tests.cli.fake_scheduler import FakeScheduler

RUNS = "b" * 36


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["notebook", "scheduler", *arguments], prog_name="foundations")


def asks_for(job_id: str, request: httpx.Request) -> bool:
    """Tell whether the command itself asks how a job stands; a thread reads the log beside it."""
    is_command = threading.current_thread() is threading.main_thread()
    return is_command and request.url.path.endswith(job_id)


def test_it_asks_for_a_job_that_installs_and_runs_jupyterlab(scheduler: FakeScheduler) -> None:
    options = ["--num-gpus", "2", "--ram", "8", "--env", "A=b", "--image", "mine"]
    done = run("project", *options, "--env", "ATLAS_ALSO_INSTALL=pandas", "--detach")
    assert done.exit_code == 0, done.stderr
    (job,) = scheduler.jobs.values()
    assert done.stdout == f"{job.job_id}\n"
    spec = job.spec
    assert spec.command == ("-m", "atlas_worker.notebook")
    assert (spec.num_gpus, spec.ram_gb, spec.image) == (2, 8, "mine")
    assert spec.environment == {"A": "b", "ATLAS_ALSO_INSTALL": "pandas jupyterlab"}


def test_a_job_that_ends_or_runs_something_else_is_refused(scheduler: FakeScheduler) -> None:
    scheduler.start(scheduler.add(RUNS))
    assert f"Error: Job `{RUNS}` runs no notebook.\n" in run("--job", RUNS).stderr
    (job_id,) = run("project", "--detach").stdout.split()
    scheduler.finish(scheduler.jobs[job_id], exit_code=1)
    done = run("--job", job_id)
    assert done.exit_code == 1
    assert f"Error: Job `{job_id}` is failed: exit code 1\n" in done.stderr


def test_a_notebook_takes_no_command() -> None:
    with pytest.raises(TypeError, match="A notebook has no command"):
        foundations.notebook(command=["main.py"])


def test_a_port_here_that_cannot_be_had_is_told_before_anything_is_queued(
    scheduler: FakeScheduler,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("project", "--port", str(port))
        assert done.exit_code == 1
        assert done.stderr == (
            f"Error: Cannot listen at port {port} of 127.0.0.1: Address already in use. "
            "Choose another port of this machine, or 0 for any that is free.\n"
        )
    done = run("project", "--address", "203.0.113.7")
    assert done.stderr == (
        "Error: Cannot listen at 203.0.113.7, which is no address of this machine.\n"
    )
    assert not scheduler.jobs


def test_a_scheduler_that_is_away_meanwhile_is_waited_for(scheduler: FakeScheduler) -> None:
    scheduler.run = None
    (job_id,) = run("project", "--detach").stdout.split()
    asked = 0

    def be_away(request: httpx.Request) -> None:
        nonlocal asked
        if not asks_for(job_id, request):
            return
        asked += 1
        if 1 < asked < 5:
            raise httpx.ConnectError("away", request=request)
        if asked == 5:
            scheduler.finish(scheduler.jobs[job_id], exit_code=1)

    scheduler.on_request = be_away
    assert f"Error: Job `{job_id}` is failed: exit code 1\n" in run("--job", job_id).stderr
    assert asked == 5


def test_a_scheduler_that_does_not_come_back_leaves_the_job_and_the_ways_to_it(
    scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.run = None
    (job_id,) = run("project", "--detach").stdout.split()
    patience = replace(scheduler.patience, give_up_seconds=0.01)
    monkeypatch.setattr(scheduler, "patience", patience)
    asked = 0

    def go_away(request: httpx.Request) -> None:
        nonlocal asked
        asked += asks_for(job_id, request)
        if asked > 1:
            raise httpx.ConnectError("away", request=request)

    scheduler.on_request = go_away
    done = run("--job", job_id)
    assert done.exit_code == 1
    assert f"To open it again: foundations notebook scheduler --job {job_id}\n" in done.stderr
    assert "does not answer" in done.stderr.splitlines()[-1]


def test_who_opens_a_notebook_is_not_told_its_old_log(scheduler: FakeScheduler) -> None:
    scheduler.run = None
    (job_id,) = run("project", "--detach").stdout.split()
    scheduler.start(scheduler.jobs[job_id])
    scheduler.print(scheduler.jobs[job_id], b"old words\n")
    assert "cannot be asked where it is: err" in (done := run("--job", job_id)).stderr
    assert "old words" not in done.output
