"""Time limits and retries on the command line."""

from __future__ import annotations

import pytest

from foundations.models import JobSpec, Retries
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler


def limits(spec: JobSpec) -> tuple[object, ...]:
    return (
        spec.time_limit_seconds,
        spec.queue_ttl_seconds,
        spec.retries,
        spec.retry_delay_seconds,
    )


def test_limits_reach_the_scheduler(run: Run, scheduler: FakeScheduler) -> None:
    words = ["--time-limit", "1d12h", "--queue-ttl=1h", "--retries", "exit=2,lost=3"]
    run("submit", *words, "--retry-delay=30s", "scheduler", "project")
    spec = scheduler.only_job().spec
    assert limits(spec) == (129_600, 3_600, Retries(exit=2, lost=3), 30)


def test_a_number_of_retries_is_for_programs_that_fail(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "--retries", "2", "scheduler", "project")
    assert limits(scheduler.only_job().spec) == (None, None, Retries(exit=2), None)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--time-limit", "90", "write a duration such as 90s, 30m, 2h or 1d12h, not '90'."),
        ("--queue-ttl", "soon", "write a duration such as 90s, 30m, 2h or 1d12h, not 'soon'."),
        ("--retry-delay", "-1s", "write a duration such as 90s, 30m, 2h or 1d12h, not '-1s'."),
        ("--retries", "often", "one for each of exit, oom and lost, not 'often'."),
    ],
)
def test_a_limit_that_cannot_be_read_is_wrong_usage(
    run: Run, scheduler: FakeScheduler, option: str, value: str, said: str
) -> None:
    result = run("submit", f"{option}={value}", "scheduler", "project", exit_code=2)
    assert f"Invalid value for '{option}'" in result.stderr
    assert said in " ".join(result.stderr.split())
    assert scheduler.jobs == {}


def test_a_rerun_keeps_limits_except_for_those_that_are_changed(
    run: Run, scheduler: FakeScheduler
) -> None:
    spec = JobSpec(
        project="demo",
        time_limit_seconds=60,
        retries=Retries(oom=1),
        retry_delay_seconds=5,
    )
    old = scheduler.add(spec=spec)
    scheduler.bundles[old.bundle] = b"packed"
    run("rerun", "job", "scheduler", old.job_id, "--time-limit", "2m", "--detach")
    new = list(scheduler.jobs.values())[-1].spec
    assert limits(new) == (120, None, Retries(oom=1), 5)


def test_limits_are_shown(run: Run, scheduler: FakeScheduler) -> None:
    spec = JobSpec(
        project="demo", time_limit_seconds=7_200, queue_ttl_seconds=60, retries=Retries(exit=2)
    )
    job = scheduler.add(spec=spec)
    shown = " ".join(run("show", "job", "scheduler", job.job_id).stdout.split())
    assert "Time limit: 2h Queue TTL: 1m Retries: 2 after a failure" in shown
