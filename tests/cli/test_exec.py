"""`foundations exec`: a command beside a job, with its outputs and its exit code."""

from __future__ import annotations

from click.testing import CliRunner

from foundations.cli.__main__ import cli
from tests.cli.fake_scheduler import FakeScheduler

RUNS = "b" * 36


def test_both_outputs_and_the_exit_code_are_the_command_s(scheduler: FakeScheduler) -> None:
    scheduler.start(scheduler.add(RUNS))
    done = CliRunner().invoke(
        cli, ["exec", "job", "scheduler", RUNS, "--", "ls", "--all"], prog_name="foundations"
    )
    assert (done.stdout_bytes, done.stderr_bytes, done.exit_code) == (b"out\xff\n", b"err\n", 4)


def test_a_job_that_waits_is_refused_with_its_state(scheduler: FakeScheduler) -> None:
    scheduler.add(RUNS)
    done = CliRunner().invoke(
        cli, ["exec", "job", "scheduler", RUNS, "true"], prog_name="foundations"
    )
    assert done.exit_code == 1
    assert "is queued: only a job that runs" in done.stderr
