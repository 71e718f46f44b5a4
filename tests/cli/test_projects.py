"""`foundations rename`, `describe` and `delete project`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from foundations.cli.__main__ import cli
from foundations.models import ExpiredJob, GarbageView, JobState, Leftover
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler


@pytest.fixture
def scheduler(scheduler: FakeScheduler) -> FakeScheduler:
    """A scheduler with a project of two jobs that have ended."""
    for _ in range(2):
        scheduler.add(project="cats", state=JobState.COMPLETED)
    return scheduler


def test_a_project_is_renamed(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    output = run("rename", "project", "scheduler", "cats", "lions").stdout

    assert output == "Project cats is called lions now\n"
    assert {job.spec.project for job in scheduler.jobs.values()} == {"lions"}
    document = run_json("rename", "project", "scheduler", "lions", "cats", "--json")
    assert (document["name"], document["jobs"]) == ("cats", 2)


def test_a_description_is_shown_by_its_first_line(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    output = run("describe", "project", "scheduler", "cats", "All cats.\n\nMore.").stdout

    assert output == "Project cats is described now\n"
    header, row = run("list", "projects").stdout.splitlines()
    assert header.endswith("DESCRIPTION")
    assert row.endswith("All cats.")
    (document,) = run_json("list", "projects", "--json")
    assert document["description"] == "All cats.\n\nMore."
    words = ["describe", "project", "scheduler", "cats", "-"]
    assert CliRunner().invoke(cli, words, input="from a file\n").exit_code == 0
    assert scheduler.descriptions == {"cats": "from a file"}
    assert "no description now" in run(*words[:-1], "").stdout
    assert "DESCRIPTION" not in run("list", "projects").stdout


def test_a_project_is_deleted_without_a_question_where_yes_is_given(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.add(project="dogs", state=JobState.FAILED)

    output = run("delete", "project", "scheduler", "cats", "--yes").stdout

    assert output == "Deleted project cats with 2 jobs\n"
    document = run_json("delete", "project", "scheduler", "dogs", "--yes", "--json")
    assert document == {"name": "dogs", "jobs": 1}
    assert scheduler.jobs == {}


def test_where_nobody_can_answer_nothing_is_deleted(run: Run, scheduler: FakeScheduler) -> None:
    result = run("delete", "project", "scheduler", "cats", exit_code=1)

    assert result.stderr == (
        "Error: This deletes project cats, its 2 jobs and all archives. "
        "Give --yes to do it without being asked.\n"
    )
    assert len(scheduler.jobs) == 2


def test_who_is_asked_decides(scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("foundations.cli.confirmation")
    monkeypatch.setattr(module, "is_answered", lambda: True)

    def answer(text: str) -> Result:
        words = ["delete", "project", "scheduler", "cats"]
        return CliRunner().invoke(cli, words, input=f"{text}\n")

    refused = answer("")
    assert refused.exit_code == 1
    second, first = scheduler.jobs.values()
    assert refused.stderr.startswith(
        "This deletes project cats, its 2 jobs and all archives:\n"
        f"  {first.job_id}  {first.state:9}  cats\n"
        f"  {second.job_id}  {second.state:9}  cats\n"
        "Go on? [y/N]"
    )
    assert len(scheduler.jobs) == 2
    assert answer("y").stdout.endswith("Deleted project cats with 2 jobs\n")
    assert scheduler.jobs == {}


def test_a_deleted_project_comes_back(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    run("delete", "project", "scheduler", "cats", "--yes")

    output = run("restore", "project", "scheduler", "cats").stdout

    assert output == "Project cats is back with 2 jobs\n"
    assert len(scheduler.jobs) == 2
    run("delete", "project", "scheduler", "cats", "--yes")
    document = run_json("restore", "project", "scheduler", "cats", "--json")
    assert document == {"name": "cats", "jobs": 2}
    refused = run("restore", "project", "scheduler", "cats", exit_code=1)
    assert refused.stderr == (
        "Error: There is no deleted project `cats` that can still be restored.\n"
    )


def test_a_project_with_an_active_job_is_left_alone(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.start(scheduler.add(project="cats"))

    result = run("delete", "project", "scheduler", "cats", "--yes", exit_code=1)

    assert result.stderr == (
        "Error: Project `cats` has jobs that have not ended (1 running). Stop them first.\n"
    )
    assert len(scheduler.jobs) == 3


@pytest.mark.parametrize(
    "words", [("rename", "dogs", "cats"), ("describe", "dogs", "x"), ("delete", "dogs", "--yes")]
)
def test_a_project_that_is_not_there_is_an_error(
    run: Run, scheduler: FakeScheduler, words: tuple[str, ...]
) -> None:
    verb, *rest = words
    result = run(verb, "project", "scheduler", *rest, exit_code=1)
    assert "There is no project `dogs`" in result.stderr


def test_what_a_project_keeps_is_set_and_shown(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    assert "KEEPS" not in run("list", "projects").stdout
    output = run("set", "project", "scheduler", "cats", "--keep-last", "20", "--keep-days", "1.5")
    assert output.stdout == "Project cats keeps of its jobs now: last 20 and 1.5 days\n"
    header, row = run("list", "projects").stdout.splitlines()
    assert "KEEPS" in header
    assert "last 20 and 1.5 days" in row
    document = run_json("set", "project", "scheduler", "cats", "--keep-all", "--json")
    assert document["retention"] is None
    output = run("set", "project", "scheduler", "cats", "--default")
    assert output.stdout == "Project cats keeps of its jobs now: all\n"


@pytest.mark.parametrize(
    "options", [[], ["--keep-all", "--default"], ["--keep-last=1", "--default"]]
)
def test_a_rule_must_be_told_in_one_way(
    run: Run, scheduler: FakeScheduler, options: list[str]
) -> None:
    result = run("set", "project", "scheduler", "cats", *options, exit_code=2)
    assert "--keep-last or --keep-days or both" in result.stderr


def test_gc_shows_and_then_deletes(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    assert run("gc", "scheduler").stdout == "There is nothing to let go of.\n"
    reason = "project cats keeps the last 1 of its jobs"
    scheduler.garbage = GarbageView(
        at=scheduler.begin,
        jobs=[
            ExpiredJob(
                job_id=f"{number:08}" + "-0" * 14,
                project="cats",
                finished_at=scheduler.begin,
                reason=reason,
                archive_bytes=10**6,
            )
            for number in range(25)
        ],
        bundle_bytes=5 * 10**6,
        leftovers=[Leftover(kind="upload", name="ab.part", size_bytes=2 * 10**6)],
    )
    assert run_json("gc", "scheduler", "--dry-run", "--json")["size_bytes"] == 32 * 10**6

    for options, verb in (("--dry-run",), "would go"), ((), "are deleted"):
        lines = run("gc", "scheduler", *options).stdout.splitlines()
        assert lines[-1] == f"25 jobs and 1 leftover {verb}: 32.0 MB"
        assert lines[-2] == "5 more are not shown; --json names all."
        assert any("00000003" in line and reason in line for line in lines)
        assert "With them go bundles of 5.0 MB." in lines
        assert any(line.split() == ["upload", "2.0", "MB", "ab.part"] for line in lines)
    assert run("gc", "scheduler").stdout == "There is nothing to let go of.\n"
