"""What differs between two jobs, as data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from foundations.job_differences import compare, differences
from foundations.models import JobDetail, JobSpec, JobState


def job(*, params: dict[str, Any] | None = None, **fields: Any) -> JobDetail:
    return JobDetail(
        job_id="45540b52-ffe2-44ab-9838-db467d3499c0",
        project="cats",
        user="ada",
        state=JobState.COMPLETED,
        command=["main.py"],
        submitted_at=datetime(2024, 5, 1, tzinfo=UTC),
        spec=JobSpec(project="cats", params=params or {}),
        bundle="sha256:0",
        bundle_size_bytes=1,
        **fields,
    )


@pytest.mark.parametrize(
    ("left", "right", "delta"),
    [
        (1, 3.5, 2.5),
        (1, True, None),
        (0.5, "NaN", None),
        (10**400, 0.5, None),
        (0, 10**400, None),
        (-1e308, 1e308, None),
        ([1], [2], None),
        (None, 2, None),
    ],
)
def test_a_delta_is_for_numbers_alone(left: Any, right: Any, delta: float | None) -> None:
    (found,) = differences(job(metrics={"loss": left}), job(metrics={"loss": right}))

    assert (found.name, found.left, found.right, found.delta) == ("metric.loss", left, right, delta)


def test_given_parameters_are_compared_with_recorded_ones() -> None:
    given = job(params={"layers": [{"n": 5}], "lr": 1})
    recorded = job(params={"layers": [{"n": 5}]}, parameters={"layers_0_n": 5, "lr": 2})

    assert [one.name for one in differences(given, recorded)] == ["param.lr"]


def test_in_containers_the_python_of_the_submitter_is_no_difference() -> None:
    ours = JobSpec(project="cats", python="/opt/a/bin/python")
    theirs = JobSpec(project="cats", python="/opt/b/bin/python")

    def names(engine: str) -> list[str]:
        jobs = [job(engine=engine).model_copy(update={"spec": spec}) for spec in (ours, theirs)]
        return [one.name for one in differences(*jobs)]

    assert names("docker") == []
    assert names("process") == ["interpreter"]


def test_jobs_that_are_the_same_have_no_columns() -> None:
    assert compare([job(), job(), job()]) == ([], [[], [], []])
