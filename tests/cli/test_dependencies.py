"""`submit --after` and `--at`, and what `show job` says of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from foundations.models import After
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

OTHER = "45540b52-ffe2-44ab-9838-db467d3499c0"


def test_submit_names_what_has_to_end_first(run: Run, scheduler: FakeScheduler) -> None:
    words = ("--after", "4554", "--after=aaaa:any", "--after", "bbbb:failed")
    run("submit", "scheduler", *words, "--after=array:cccc:ok", "project", "--detach")

    submission = scheduler.only_job().submission
    assert submission is not None
    assert submission.after == (
        After(job="4554"),
        After(job="aaaa", on="any"),
        After(job="bbbb", on="failed"),
        After(job="array:cccc"),
    )


def test_an_array_without_a_word_behind_it_has_to_complete(
    run: Run, scheduler: FakeScheduler
) -> None:
    run("submit", "scheduler", "--after", "array:cccc", "project", "--detach")

    submission = scheduler.only_job().submission
    assert submission is not None
    assert submission.after == (After(job="array:cccc"),)


@pytest.mark.parametrize("text", ["4554:good", ":any", "", "4554:"])
def test_what_is_no_job_to_come_after_is_refused(
    run: Run, scheduler: FakeScheduler, text: str
) -> None:
    result = run("submit", "scheduler", f"--after={text}", "project", exit_code=1)

    assert f"after: `{text}` is no job to come after." in result.stderr
    assert scheduler.uploads == []


def test_show_job_names_what_it_comes_after(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add(OTHER)
    scheduler.run = None
    words = ("submit", "scheduler", "--after", "4554:any", "project", "--detach")
    job_id = run(*words).stdout.strip()

    assert "45540b52 (queued, any)" in run("show", "job", "scheduler", job_id).stdout


def test_a_job_may_be_submitted_for_a_time(run: Run, scheduler: FakeScheduler) -> None:
    words = ("--at", "2999-12-01T08:00+01:00", "project", "--detach")
    run("submit", "scheduler", *words)

    submission = scheduler.only_job().submission
    assert submission is not None
    assert submission.not_before == datetime(2999, 12, 1, 7, tzinfo=UTC)


def test_a_time_that_cannot_be_read_is_refused(run: Run, scheduler: FakeScheduler) -> None:
    result = run("submit", "scheduler", "--at", "soon", "project", exit_code=1)

    assert "at: write a moment such as `in 2h`" in result.stderr
    assert scheduler.uploads == []
