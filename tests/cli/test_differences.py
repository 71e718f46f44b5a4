"""`foundations diff jobs` and `foundations compare jobs`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from foundations.models import FileDiff, JobSpec, JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import BEGIN, FakeJob, FakeScheduler

FIRST = "45540b52-ffe2-44ab-9838-db467d3499c0"
SECOND = "8d6b8056-1c40-40bb-bbb5-1925f2da6c34"


def add(scheduler: FakeScheduler, job_id: str, *, seconds: int = 10, **fields: Any) -> FakeJob:
    spec = {"project": "cats", "num_gpus": 1, "image": "mine:1", **fields.pop("spec", {})}
    return scheduler.add(
        job_id,
        spec=JobSpec.model_validate(spec),
        started_at=BEGIN,
        finished_at=BEGIN + timedelta(seconds=seconds),
        **{"state": JobState.COMPLETED, **fields},
    )


@pytest.fixture
def pair(scheduler: FakeScheduler) -> tuple[FakeJob, FakeJob]:
    return (
        add(
            scheduler,
            FIRST,
            spec={"params": {"lr": 0.1, "layers": [{"n": 5}]}, "environment": {"MODE": "a"}},
            parameters={"lr": 0.1, "layers_0_n": 5},
            metrics={"loss": 0.5, "same": 1, "flag": True},
        ),
        add(
            scheduler,
            SECOND,
            seconds=15,
            state=JobState.FAILED,
            spec={
                "params": {"lr": 0.01, "layers": [{"n": 5}]},
                "environment": {"MODE": "b"},
                "image": "mine:2",
                "command": ["eval.py", "a b"],
            },
            metrics={"loss": 0.25, "same": 1.0, "flag": 1, "acc": 0.9},
            tags={"new": ""},
        ),
    )


def test_diff_shows_only_what_differs(run: Run, pair: tuple[FakeJob, FakeJob]) -> None:
    lines = run("diff", "jobs", "scheduler", FIRST[:6], SECOND).stdout.splitlines()

    assert [line.split() for line in lines] == [
        ["NAME", FIRST[:8], SECOND[:8], "DELTA"],
        ["state", "completed", "failed"],
        ["duration", "10.0s", "15.0s", "+5"],
        ["command", "main.py", "eval.py", "'a", "b'"],
        ["image", "mine:1", "mine:2"],
        ["param.lr", "0.1", "0.01", "-0.09"],
        ["metric.acc", "-", "0.9"],
        ["metric.flag", "true", "1"],
        ["metric.loss", "0.5", "0.25", "-0.25"],
        ["env.MODE", "a", "b"],
        ["tag.new", "-"],
    ]


def test_diff_as_json(run_json: Callable[..., Any], pair: tuple[FakeJob, FakeJob]) -> None:
    document = run_json("diff", "jobs", "scheduler", FIRST, SECOND, "--json")

    assert document["jobs"] == [FIRST, SECOND]
    assert {"name": "metric.loss", "left": 0.5, "right": 0.25, "delta": -0.25} in document[
        "differences"
    ]
    assert "source" not in document


def test_diff_of_a_job_with_itself(run: Run, pair: tuple[FakeJob, FakeJob]) -> None:
    output = run("diff", "jobs", "scheduler", FIRST, FIRST, "--source").stdout

    assert output == (
        "Nothing differs in what is known of the jobs.\n\nThe files of the jobs are the same.\n"
    )


def test_diff_of_the_source(
    run: Run,
    run_json: Callable[..., Any],
    scheduler: FakeScheduler,
    pair: tuple[FakeJob, FakeJob],
) -> None:
    text = "--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-\x1b[2J\n+2\n"
    scheduler.file_diffs = [
        FileDiff(path="data.bin", change="added", omitted="binary"),
        FileDiff(path="m.py", change="changed", diff=text),
    ]

    output = run("diff", "jobs", "scheduler", FIRST, SECOND, "--source").stdout

    assert output.partition("\nFiles\n")[2] == (
        "A data.bin (binary)\nM m.py\n\n--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-␛[2J\n+2\n"
    )
    document = run_json("diff", "jobs", "scheduler", FIRST, SECOND, "--source", "--json")
    assert document["source"]["files"][1]["diff"] == text


def test_a_job_that_is_not_there_is_named(run: Run, pair: tuple[FakeJob, FakeJob]) -> None:
    for verb in ("diff", "compare"):
        result = run(verb, "jobs", "scheduler", FIRST, "nowhere", exit_code=1)
        expected = (
            "Error: Job `nowhere` does not exist for environment `scheduler`\n"
            "`foundations list jobs scheduler` shows the jobs there are.\n"
        )
        assert result.stderr == expected


def test_compare_has_a_row_for_each_job(
    run: Run, scheduler: FakeScheduler, pair: tuple[FakeJob, FakeJob]
) -> None:
    third = add(scheduler, "11111111-1c40-40bb-bbb5-1925f2da6c34", spec={"params": {"lr": 0.1}})

    output = run("compare", "jobs", "scheduler", FIRST, SECOND, third.job_id).stdout

    titles, first, _, last = (line.split() for line in output.splitlines())
    assert titles[:6] == ["JOB", "ID", "state", "duration", "command", "image"]
    assert "metric.same" in titles
    assert "project" not in titles
    assert first[:5] == [FIRST, "completed", "10.0s", "main.py", "mine:1"]
    assert last[0] == third.job_id


def test_compare_as_json_and_csv(
    run: Run, run_json: Callable[..., Any], pair: tuple[FakeJob, FakeJob]
) -> None:
    words = ["compare", "jobs", "scheduler", FIRST, SECOND]

    first, second = run_json(*words, "--json")
    assert (first["job_id"], first["metric.loss"], first["metric.acc"]) == (FIRST, 0.5, None)
    assert second["command"] == ["eval.py", "a b"]
    titles, row, _ = run(*words, "--csv").stdout.splitlines()
    assert titles == (
        "id,state,duration,command,image,param.lr,metric.acc,metric.flag,metric.loss,env.MODE,"
        "tag.new"
    )
    assert row == f"{FIRST},completed,10.0,main.py,mine:1,0.1,,true,0.5,a,"
    run(*words, "--csv", "--json", exit_code=2)


def test_compare_needs_two_jobs_that_differ(run: Run, pair: tuple[FakeJob, FakeJob]) -> None:
    run("compare", "jobs", "scheduler", FIRST, exit_code=2)
    output = run("compare", "jobs", "scheduler", FIRST, FIRST).stdout
    assert output == "Nothing differs in what is known of the jobs.\n"
