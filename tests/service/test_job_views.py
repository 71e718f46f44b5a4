"""What lists show of a job is made anew when, and only when, something in it changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from atlas_scheduler.store.job_rows import ROWS_KEPT, StoredJob
from atlas_scheduler.store.records import JobRecords
from atlas_scheduler.views import JobViews
from foundations.models import JobState, JobView, Waiting
from tests.store.samples import new_job


def _view(
    views: JobViews,
    stored: StoredJob,
    *,
    told: Waiting | None = None,
    now_ms: int = 10_000,
    **recorded: Any,
) -> JobView:
    waiting = {stored.job.job_id: told} if told else {}
    return views.of(stored, JobRecords(**recorded), waiting=waiting, now_ms=now_ms)


def _in_state(stored: StoredJob, state: JobState, **changes: Any) -> StoredJob:
    return replace(stored, job=replace(stored.job, state=state, **changes))


def test_what_did_not_change_is_not_made_again() -> None:
    views, stored, told = JobViews(), new_job(), Waiting(reason="about to start")
    recorded: dict[str, Any] = {"parameters": {"lr": 0.1}, "metrics": {"loss": float("nan")}}
    first = _view(views, stored, told=told, **recorded)
    assert _view(views, stored, told=told, **json.loads(json.dumps(recorded))) is first
    ended = _in_state(stored, JobState.COMPLETED, started_at_ms=1_000, finished_at_ms=3_000)
    assert _view(views, ended, now_ms=5_000) is _view(views, ended, now_ms=6_000)


@pytest.mark.parametrize("value", [1.0, True, "1", None, 2])
@pytest.mark.parametrize("kind", ["parameters", "metrics"])
def test_another_value_is_shown_even_where_python_takes_it_for_the_same(
    kind: str, value: object
) -> None:
    views, stored = JobViews(), new_job()
    before: dict[str, Any] = {kind: {"x": 1}}
    now: dict[str, Any] = {kind: {"x": value}}
    _view(views, stored, **before)
    shown = getattr(_view(views, stored, **now), kind)["x"]
    assert (type(shown), shown) == (type(value), value)


def test_tags_the_reason_and_the_state_are_shown_as_they_are_now() -> None:
    views, stored = JobViews(), new_job()
    assert _view(views, stored).tags == {}
    assert _view(views, stored, tags={"best": ""}).tags == {"best": ""}
    for told in (Waiting(reason="held by ada"), Waiting(reason="2 running")):
        assert _view(views, stored, told=told).waiting == told
    assert _view(views, _in_state(stored, JobState.STOPPED)).state is JobState.STOPPED


def test_the_time_of_a_running_job_goes_on() -> None:
    views, stored = JobViews(), _in_state(new_job(), JobState.RUNNING, started_at_ms=1_000)
    shown = [_view(views, stored, now_ms=ms).duration_seconds for ms in (2_000, 3_000)]
    assert shown == [1, 2]


def test_no_more_are_kept_than_rows_are() -> None:
    views, stored = JobViews(), new_job()
    first = _view(views, stored)
    for _ in range(ROWS_KEPT):
        _view(views, new_job())
    again = _view(views, stored)
    assert again == first
    assert again is not first
