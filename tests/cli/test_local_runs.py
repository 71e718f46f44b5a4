"""Local runs on the command line: marked, and what they do not have is said."""

from __future__ import annotations

import json

import pytest

from foundations.models import JobSpec, LocalRunView
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
WHERE = LocalRunView(host="lab", pid=417, working_dir="/home/ada/digits", python="3.8.18")


@pytest.fixture
def local(scheduler: FakeScheduler) -> FakeJob:
    job = scheduler.add(JOB_ID, spec=JobSpec(project="digits"), local_run=WHERE)
    scheduler.start(job)
    return job


def test_a_table_with_local_runs_has_a_column_for_them(
    run: Run, scheduler: FakeScheduler, local: FakeJob
) -> None:
    scheduler.add()
    header, *rows = run("list", "jobs", "scheduler").stdout.splitlines()

    assert header.split()[3:6] == ["STATE", "LOCAL", "SUBMITTED"]
    assert [row.split()[3] == "local" for row in rows] == [False, True]


def test_other_tables_have_none(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add()

    assert "LOCAL" not in run("list", "jobs", "scheduler").stdout


def test_json_and_columns_say_it_too(run: Run, local: FakeJob) -> None:
    (job,) = json.loads(run("list", "jobs", "scheduler", "--json").stdout)
    assert job["local"] is True
    table = run("list", "jobs", "scheduler", "--columns", "id,local", "--csv").stdout
    assert table.splitlines() == ["id,local", f"{JOB_ID},true"]


def test_show_says_where_it_goes(run: Run, local: FakeJob) -> None:
    shown = run("show", "job", "scheduler", JOB_ID).stdout

    assert "process 417 on lab, Python 3.8.18, in /home/ada/digits" in shown
    assert "none: it ran where it lay" in shown


def test_it_has_no_logs(run: Run, local: FakeJob) -> None:
    result = run("get", "logs", "scheduler", JOB_ID, exit_code=1)

    assert "is a local run: what it writes goes where it was started" in result.stderr


def test_it_cannot_be_repeated(run: Run, scheduler: FakeScheduler, local: FakeJob) -> None:
    scheduler.finish(local)
    result = run("rerun", "job", "scheduler", JOB_ID, exit_code=1)

    assert f"Job `{JOB_ID}` is a local run: it ran where it lay" in result.stderr
    assert "submit it instead: `foundations submit scheduler DIR`" in result.stderr
    assert list(scheduler.jobs) == [JOB_ID]


def test_one_that_is_still_stopping_says_what_it_waits_for(
    run: Run, scheduler: FakeScheduler, local: FakeJob
) -> None:
    local.local_run = WHERE.model_copy(update={"interactive": True})
    result = run("stop", "job", "scheduler", JOB_ID, "--no-wait")

    assert result.stdout.splitlines() == [
        f"Job {JOB_ID} is stopping: a local run in a notebook or on another machine ends when it "
        "looks at should_stop()"
    ]
