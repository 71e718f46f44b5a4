"""`foundations get logs`: when lines were written, and beginning at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from foundations.logs.times import TimeMarks
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


@pytest.fixture
def job(scheduler: FakeScheduler) -> FakeJob:
    """A job that has completed."""
    job = scheduler.add(JOB_ID)
    scheduler.start(job)
    scheduler.print(job, b"one\ntwo\nthree\n")
    scheduler.finish(job)
    return job


@pytest.fixture
def timed(scheduler: FakeScheduler, job: FakeJob) -> FakeJob:
    """The job whose lines came a minute apart, the first of them nobody knows when."""
    scheduler.print(job, b"four 10%\rfour 20%\r\n")
    job.log_marks = TimeMarks([4, 8, 14, 23], [NOON_MS + minute * 60_000 for minute in range(4)])
    return job


def local(minutes: float) -> str:
    moment = NOON + timedelta(minutes=minutes)
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000}"


def unknown() -> str:
    return f"{'-':<21}"


def test_get_logs_prints_when_lines_were_written(run: Run, timed: FakeJob) -> None:
    assert run("get", "logs", "scheduler", JOB_ID, "--timestamps").stdout_bytes.decode() == (
        f"{unknown()} one\n{local(0)} two\n{local(1)} three\n"
        f"{local(2)} four 10%\r{local(3)} four 20%\r\n"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tail", "2"], [f"{local(2)} four 10%", f"{local(3)} four 20%"]),
        (["--offset", "4", "--bytes", "4"], [f"{local(0)} two"]),
        (["--offset", "-19", "--bytes", "9"], [f"{local(2)} four 10%"]),
        (["--grep", "e$", "-E"], [f"{unknown()} one", "--", f"{local(1)} three"]),
        (["--follow", "--tail", "2"], [f"{local(2)} four 10%", f"{local(3)} four 20%"]),
    ],
)
def test_get_logs_knows_the_times_of_any_part(
    run: Run, timed: FakeJob, words: list[str], expected: list[str]
) -> None:
    lines = run("get", "logs", "scheduler", JOB_ID, "-t", *words).stdout.splitlines()
    assert lines == expected


def test_get_logs_prints_times_as_json_in_utc(run: Run, timed: FakeJob) -> None:
    words = ("get", "logs", "scheduler", JOB_ID, "-t", "--json")
    document = json.loads(run(*words).stdout)
    assert document["state"] == "completed"
    assert document["lines"][:2] == [
        {"offset": 0, "at": None, "text": "one\n"},
        {"offset": 4, "at": "2026-01-31T12:00:00Z", "text": "two\n"},
    ]
    followed = [json.loads(line) for line in run(*words, "--follow").stdout.splitlines()]
    assert followed == [{"job_id": JOB_ID, **line} for line in document["lines"]]
    found = json.loads(run(*words, "--grep", "two").stdout)
    assert [line["at"] for line in found["lines"]] == ["2026-01-31T12:00:00Z"]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-01-31T12:00:00Z", "two\nthree\nfour 10%\rfour 20%\r\n"),
        ("2026-01-31T12:01:00+00:00", "three\nfour 10%\rfour 20%\r\n"),
        ("2026-01-31T13:02:59.999+01:00", "four 10%\rfour 20%\r\n"),
        ("2026-01-31T12:03:01Z", ""),
        ("1 h ago", ""),
    ],
)
def test_get_logs_begins_at_a_time(run: Run, timed: FakeJob, since: str, expected: str) -> None:
    words = ("get", "logs", "scheduler", JOB_ID, "--since", since)
    assert run(*words).stdout_bytes.decode() == expected
    assert run(*words, "--follow").stdout_bytes.decode() == expected


def test_get_logs_says_when_no_times_were_kept(run: Run, job: FakeJob) -> None:
    result = run("get", "logs", "scheduler", JOB_ID, "--since", "10m", exit_code=1)
    assert "It is not known when the log" in result.stderr
    stamped = run("get", "logs", "scheduler", JOB_ID, "--timestamps").stdout
    assert stamped.splitlines()[0] == f"{unknown()} one"
