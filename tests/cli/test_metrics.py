"""`foundations metrics job`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from foundations.models import MetricSummary
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
WORDS = ("metrics", "job", "scheduler", JOB_ID)


@pytest.fixture
def scheduler(scheduler: FakeScheduler) -> FakeScheduler:
    """A scheduler with a job that measured two things."""
    scheduler.add(
        JOB_ID,
        series={
            "loss": [(float(step), 1 / (step + 1)) for step in range(3)],
            "train/acc": [(None, 0.25), (None, "NaN"), (None, True)],
        },
    )
    return scheduler


def test_points_are_shown_as_a_table(run: Run, scheduler: FakeScheduler) -> None:
    header, *rows = run(*WORDS).stdout.splitlines()

    assert header.split() == ["METRIC", "STEP", "VALUE", "LOGGED"]
    assert [row.split()[:3] for row in rows] == [
        ["loss", "0", "1"],
        ["loss", "1", "0.5"],
        ["loss", "2", "0.333333"],
        ["train/acc", "-", "0.25"],
        ["train/acc", "-", "NaN"],
        ["train/acc", "-", "true"],
    ]
    assert len(run(*WORDS, "train/acc", "train/acc").stdout.splitlines()) == 4


def test_each_metric_is_summed_up_in_a_row(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    header, loss, accuracy = run(*WORDS, "--summary").stdout.splitlines()

    assert header.split() == [
        *("NAME", "LAST", "STEP"),
        *("MIN", "AT", "STEP", "MAX", "AT", "STEP", "COUNT"),
    ]
    assert loss.split() == ["loss", "0.333333", "2", "0.333333", "2", "1", "0", "3"]
    assert accuracy.split() == ["train/acc", "true", "-", "0.25", "-", "0.25", "-", "3"]
    assert len(run(*WORDS, "loss", "--summary").stdout.splitlines()) == 2
    (one,) = run_json(*WORDS, "loss", "--summary", "--json")
    assert (one["min"], one["min_step"], one["max"], one["max_step"]) == (1 / 3, 2, 1, 0)
    assert run(*WORDS, "--summary", "--csv").stdout.splitlines() == [
        "metric,last,last_step,min,min_step,max,max_step,count",
        f"loss,{1 / 3!r},2.0,{1 / 3!r},2.0,1.0,0.0,3",
        "train/acc,true,,0.25,,0.25,,3",
    ]
    for option in (["--points", "3"], ["--chart"]):
        wrong = run(*WORDS, "--summary", *option, exit_code=2)
        assert "--summary excludes --points and --chart." in wrong.stderr


def test_a_long_series_keeps_its_extremes_in_the_table(run: Run, scheduler: FakeScheduler) -> None:
    points: list[tuple[float | None, Any]] = [(float(step), 0.0) for step in range(5_000)]
    points[1_234] = (1_234.0, 99.0)
    scheduler.jobs[JOB_ID].series["loss"] = points

    result = run(*WORDS, "loss")

    assert "1234  99" in result.stdout
    assert len(result.stdout.splitlines()) < 80
    assert "of 5000 points are shown" in result.stderr
    assert len(run(*WORDS, "loss", "--points", "2").stdout.splitlines()) < 10


def test_json_and_csv_have_every_point(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.jobs[JOB_ID].series["loss"] = [(float(step), step * 0.1) for step in range(20_001)]

    loss, accuracy = run_json(*WORDS, "--json")
    rows = list(csv.reader(io.StringIO(run(*WORDS, "--csv").stdout)))

    assert [len(loss["points"]), loss["count"]] == [20_001, 20_001]
    assert loss["points"][3] == {
        "position": 3,
        "step": 3.0,
        "value": 3 * 0.1,
        "at": "2024-05-01T12:00:30Z",
    }
    assert [point["value"] for point in accuracy["points"]] == [0.25, "NaN", True]
    assert rows[0] == ["metric", "position", "step", "value", "at"]
    assert rows[4] == ["loss", "3", "3.0", repr(3 * 0.1), "2024-05-01T12:00:30Z"]
    assert [row[3] for row in rows[-3:]] == ["0.25", "NaN", "true"]
    assert len(rows) == 1 + 20_001 + 3


def test_a_chart_has_lines_axes_and_a_legend_and_no_colour_in_a_file(
    run: Run, scheduler: FakeScheduler
) -> None:
    lines = run(*WORDS, "--chart").stdout.splitlines()

    assert max(map(len, lines)) == 80
    assert lines[-2:] == ["a loss  last 0.333333", "b train/acc  last true, has gaps"]
    assert "\x1b" not in "".join(lines)
    by_time = run(*WORDS, "loss", "--chart", "--x", "time").stdout.splitlines()
    assert by_time[-2].endswith(" 20.0s")


def test_a_chart_can_be_logarithmic(run: Run, scheduler: FakeScheduler) -> None:
    job = scheduler.jobs[JOB_ID]
    job.series = {"loss": [(float(step), 10.0**step) for step in range(7)]}
    assert "1e+06 ┤" in run(*WORDS, "--chart", "--log-y").stdout

    job.series = {"loss": [(0.0, -1.0)]}
    result = run(*WORDS, "--chart", "--log-y", exit_code=1)
    assert "nothing to draw: the chosen metrics have no numbers above zero" in result.stderr


def test_what_cannot_be_shown_is_an_error(run: Run, scheduler: FakeScheduler) -> None:
    result = run(*WORDS, "lost", exit_code=1)
    assert result.stderr == (
        f"Error: Job `{JOB_ID}` has no metric `lost`. It has: loss, train/acc\n"
    )
    result = run("metrics", "job", "scheduler", "nowhere", exit_code=1)
    assert "Job `nowhere` does not exist for environment `scheduler`" in result.stderr
    assert "Give one of --json, --csv" in run(*WORDS, "--json", "--csv", exit_code=2).stderr
    assert "belong to --chart" in run(*WORDS, "--log-y", exit_code=2).stderr


def test_a_job_without_metrics_says_so(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.jobs[JOB_ID].series = {}

    assert run(*WORDS).stdout == "No metrics.\n"
    assert run(*WORDS, "--chart").stdout == "No metrics.\n"
    assert run_json(*WORDS, "--json") == []
    assert run(*WORDS, "--csv").stdout == "metric,position,step,value,at\n"


def test_what_the_scheduler_measured_is_shown_when_asked_for(
    run: Run, scheduler: FakeScheduler
) -> None:
    job = scheduler.jobs[JOB_ID]
    job.series["system/cpu_percent"] = [(1.0, 50.0), (6.0, 70.0)]
    job.system = [MetricSummary(name="system/cpu_percent", last=70.0, count=2)]

    assert "system/" not in run(*WORDS).stdout
    for words in (("--system",), ("--system", "cpu_percent"), ("system/cpu_percent",)):
        _, *rows = run(*WORDS, *words).stdout.splitlines()
        assert [row.split()[:3] for row in rows] == [
            ["system/cpu_percent", "1", "50"],
            ["system/cpu_percent", "6", "70"],
        ]
    stderr = run(*WORDS, "--system", "gpu0/power_watts", exit_code=1).stderr
    assert "has no metric `system/gpu0/power_watts`. It has: system/cpu_percent" in stderr
