"""`list events`: who did what, and from where."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from foundations.client import Client
from foundations.models import Change, JobState, NewRecords, QueueChange
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = "a" * 36


def change(seq: int, event: str, **detail: Any) -> Change:
    return Change(
        seq=seq,
        at=AT,
        job_id=JOB,
        project="cats",
        event=event,
        state=JobState.QUEUED,
        detail=detail,
    )


NEWS: list[Change | QueueChange | NewRecords] = [
    change(1, "Submitted", user="ada", source="unix socket"),
    change(2, "Claimed", gpus=["0"]),
    NewRecords(job_ids=[JOB]),
    QueueChange(
        seq=3,
        at=AT,
        event="QueuePaused",
        project=None,
        detail={"by": "bob", "source": "10.0.0.2", "token": "01234567"},
    ),
    change(4, "StopRequested", by="bob (clear-queue)", source="10.0.0.2", token="01234567"),
    change(5, "Tagged", by="eve\x1b[2J", tags={"a": "b"}),
]


@pytest.fixture(autouse=True)
def news(monkeypatch: pytest.MonkeyPatch, scheduler: FakeScheduler) -> list[dict[str, Any]]:
    """Let the scheduler tell of these, and note what was asked for."""
    asked: list[dict[str, Any]] = []

    def tell(self: Client, since: int, **options: Any) -> Any:
        asked.append({"since": since, **options})
        return (one for one in NEWS if isinstance(one, NewRecords) or one.seq > since)

    monkeypatch.setattr(Client, "news", tell)
    return asked


def test_each_line_says_who_and_from_where(run: Run) -> None:
    header, *rows = run("list", "events").stdout.splitlines()

    assert header.split() == ["AT", "BY", "FROM", "EVENT", "OF", "DETAIL"]
    assert cells(rows[0])[1:5] == ["ada", "unix socket", "Submitted", "aaaaaaaa"]
    assert cells(rows[2])[1:5] == ["bob", "10.0.0.2 01234567", "QueuePaused", "all"]
    assert cells(rows[3])[1] == "bob"
    assert len(rows) == 5
    assert "\x1b" not in rows[4]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("  ") if cell.strip()]


def test_events_of_one_user_are_searched_from_the_beginning(
    run_json: Callable[..., Any], news: list[dict[str, Any]]
) -> None:
    found = run_json("list", "events", "--by", "bob", "--json")
    assert [one["seq"] for one in found] == [3, 4]
    assert news[-1]["since"] == 0


def test_the_last_ones_are_shown(run_json: Callable[..., Any]) -> None:
    assert [one["seq"] for one in run_json("list", "events", "--limit", "2", "--json")] == [4, 5]


def test_following_prints_a_document_a_line_and_none_twice(
    run: Run, news: list[dict[str, Any]]
) -> None:
    lines = run("list", "events", "--follow", "--json").stdout.splitlines()

    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert news[-1] == {"since": 5, "job": None, "follow": True}
