"""`foundations notebook`: what it asks for, and which jobs it opens."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

import foundations
from foundations.cli.__main__ import cli
from tests.cli.fake_scheduler import FakeScheduler

RUNS = "b" * 36


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["notebook", "scheduler", *arguments], prog_name="foundations")


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
