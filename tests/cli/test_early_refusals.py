"""A large directory is neither read nor sent for a submission that would be refused."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import foundations
from foundations.bundles.delivery import LISTED_ABOVE_BYTES
from foundations.errors import InvalidRequest
from foundations.models import JobSpec, Plan, SubmissionCheck
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

NO_GPU = "The job asks for 1 GPU and this scheduler has no GPU."


@pytest.fixture(autouse=True)
def large(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(work / "cache"))
    with (work / "project" / "zeros").open("wb") as file:
        file.truncate(LISTED_ABOVE_BYTES + 1)


def asked(scheduler: FakeScheduler) -> list[str]:
    """Notes every request from now on."""
    lines: list[str] = []

    def note(request: httpx.Request) -> None:
        lines.append(f"{request.method} {request.url.path.removeprefix('/api/v1')[:9]}")

    scheduler.on_request = note
    return lines


def refusing(request: httpx.Request) -> None:
    if request.url.path.endswith("/check"):
        raise InvalidRequest(NO_GPU)


def test_what_would_be_refused_is_refused_before_the_directory_is_read(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    scheduler.on_request = refusing

    result = run("submit", "scheduler", "--num-gpus", "1", "project", exit_code=1)

    assert f"Error: {NO_GPU}\n" in result.stderr
    assert not (work / "cache").exists()
    assert not scheduler.files_sent
    assert not scheduler.jobs


def test_an_unchanged_directory_costs_no_more_than_this_one_question(
    run: Run, scheduler: FakeScheduler
) -> None:
    run("submit", "scheduler", "--detach", "project")
    lines = asked(scheduler)

    run("submit", "scheduler", "--detach", "project")

    assert lines == ["POST /jobs/che", "HEAD /bundles/", "POST /jobs"]


def test_a_small_directory_is_sent_without_a_question(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    (work / "project" / "zeros").unlink()
    lines = asked(scheduler)

    run("submit", "scheduler", "--detach", "project")

    assert lines == ["HEAD /bundles/", "PUT /bundles/", "POST /jobs"]


def test_a_scheduler_that_does_not_know_the_question_gets_the_directory(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.knows_checks = False

    run("submit", "scheduler", "--detach", "project")

    assert scheduler.only_job().bundle in scheduler.bundles


def test_the_question_says_what_will_be_submitted(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.run = None
    run("submit", "scheduler", "--detach", "--hold", "--num-gpus", "2", "--unique", "k", "project")

    (check,) = scheduler.checked
    submission = scheduler.only_job().submission
    assert submission is not None
    assert submission.spec.num_gpus == 2
    known = submission.model_dump(exclude={"bundle", "origin"})
    assert check.plan == Plan.model_validate(known)
    assert check.bundle_bytes > LISTED_ABOVE_BYTES


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--array", "0-9%2"], {"indices": "0-9"}),
        (["--cron", "@hourly"], {"cron": "@hourly"}),
    ],
)
def test_an_array_and_a_schedule_are_asked_about_once(
    run: Run, scheduler: FakeScheduler, words: list[str], wanted: dict[str, str]
) -> None:
    run("submit", "scheduler", "--detach", *words, "project")

    (check,) = scheduler.checked
    assert check.model_dump(include={"indices", "cron"}, exclude_none=True) == wanted


def test_a_rerun_of_this_directory_asks_first_too(
    run: Run, scheduler: FakeScheduler, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("submit", "scheduler", "--detach", "project")
    first = scheduler.only_job()
    scheduler.on_request = refusing
    monkeypatch.chdir(work / "project")
    (work / "project" / "main.py").write_text("print('changed')\n")
    sent = len(scheduler.files_sent)

    result = run("rerun", "job", "scheduler", first.job_id, "--here", exit_code=1)

    assert f"Error: {NO_GPU}\n" in result.stderr
    assert len(scheduler.files_sent) == sent


def test_python_is_refused_early_too(scheduler: FakeScheduler, work: Path, home: Path) -> None:
    scheduler.on_request = refusing

    with pytest.raises(InvalidRequest, match="has no GPU"):
        foundations.submit(job_directory=work / "project", num_gpus=1)

    assert not scheduler.files_sent


def test_the_client_tells_whether_the_scheduler_knows_the_question(
    scheduler: FakeScheduler,
) -> None:
    wanted = SubmissionCheck(plan=Plan(spec=JobSpec(project="cats")))
    with scheduler.client() as client:
        assert client.check_submission(wanted) is True
        scheduler.knows_checks = False
        assert client.check_submission(wanted) is False
