"""`foundations.get_metrics_for_all_jobs`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas
import pytest

import foundations
from foundations import autostart
from foundations.errors import AtlasError
from foundations.models import JobSpec, JobState
from tests.cli.fake_scheduler import BEGIN, FakeScheduler

FIELDS = [
    "project_name",
    "job_id",
    "user",
    "status",
    "start_time",
    "completed_time",
    "creation_time",
    "tags",
]


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeScheduler]:
    monkeypatch.setenv("FOUNDATIONS_HOME", str(tmp_path / "home"))
    fake = FakeScheduler()
    monkeypatch.setattr(autostart, "connect", lambda config, **_: fake.client())
    yield fake
    fake.close()


def test_each_job_of_the_project_is_a_row_with_what_it_recorded(scheduler: FakeScheduler) -> None:
    scheduler.add(
        "a" * 36,
        spec=JobSpec(project="demo", user="ada"),
        state=JobState.COMPLETED,
        started_at=BEGIN + timedelta(seconds=1),
        finished_at=BEGIN + timedelta(seconds=2.5),
        parameters={"lr": 0.1, "layers": [3, 4]},
        metrics={"loss": 0.25, "acc": "NaN"},
        tags={"good": "", "run": "7"},
    )
    scheduler.add("b" * 36, metrics={"loss": "-Infinity"})
    scheduler.add(project="another", parameters={"unseen": 1})

    table = foundations.get_metrics_for_all_jobs("demo")

    assert list(table.columns) == [*FIELDS, "layers", "lr", "acc", "loss", "tag_good", "tag_run"]
    second, first = (table.loc[row] for row in range(2))
    assert (first.job_id, first.user, first.status) == ("a" * 36, "ada", "completed")
    assert first.creation_time == pandas.Timestamp(BEGIN)
    assert first.completed_time - first.start_time == timedelta(seconds=1.5)
    assert first.tags == {"good": "", "run": "7"}
    assert (first.layers, first.lr, first.loss, first.tag_run) == ([3, 4], 0.1, 0.25, "7")
    assert math.isnan(first.acc)
    assert second.loss == -math.inf
    assert pandas.isna(second.start_time)
    assert pandas.isna(second.lr)
    assert str(table.dtypes["loss"]) == "float64"


def test_a_name_that_is_taken_gets_a_prefix_and_nothing_is_lost(scheduler: FakeScheduler) -> None:
    scheduler.add(parameters={"status": "fast", "x": 1}, metrics={"x": 2, "user": 3})

    table = foundations.get_metrics_for_all_jobs("demo")

    row = table.loc[0]
    assert row[["status", "param_status", "x", "metric_x", "metric_user"]].tolist() == [
        *("queued", "fast", 1, 2, 3)
    ]


def test_large_integers_stay_exact_where_other_jobs_have_none(scheduler: FakeScheduler) -> None:
    scheduler.add(parameters={"seed": 2**60 + 1})
    scheduler.add(parameters={"seed": 0.5})
    scheduler.add()

    assert foundations.get_metrics_for_all_jobs("demo")["seed"][2] == 2**60 + 1


def test_more_jobs_than_a_page_holds_are_all_there(scheduler: FakeScheduler) -> None:
    for number in range(450):
        scheduler.add(parameters={"number": number})

    table = foundations.get_metrics_for_all_jobs("demo", scheduler_config="scheduler")

    assert table["number"].tolist() == list(reversed(range(450)))


def test_an_unknown_project_is_a_value_error(scheduler: FakeScheduler) -> None:
    scheduler.add()

    with pytest.raises(ValueError, match=r"^Project `dmeo` does not exist!$"):
        foundations.get_metrics_for_all_jobs("dmeo")


def test_without_pandas_the_error_says_what_to_install(
    scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.add()
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ImportError, match=r"pip install 'foundations-atlas\[tables\]'") as caught:
        foundations.get_metrics_for_all_jobs("demo")
    assert isinstance(caught.value, AtlasError)


def test_more_than_one_scheduler_config_can_be_used(
    scheduler: FakeScheduler, tmp_path: Path
) -> None:
    scheduler.add()
    config = tmp_path / "home" / "config" / "submission" / "lab.config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("scheduler_url: http://lab:5000\n")

    assert len(foundations.get_metrics_for_all_jobs("demo", "lab")) == 1
    with pytest.raises(AtlasError, match="`nowhere`"):
        foundations.get_metrics_for_all_jobs("demo", "nowhere")
