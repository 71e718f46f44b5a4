"""`foundations tag`, `untag` and `note`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from foundations.cli.__main__ import cli
from foundations.models import JobSpec
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


@pytest.fixture
def job(scheduler: FakeScheduler) -> FakeJob:
    return scheduler.add(JOB_ID, spec=JobSpec(project="demo", tags={"nightly": ""}))


def test_tags_are_set_and_told(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, job: FakeJob
) -> None:
    output = run("tag", "job", "scheduler", JOB_ID[:8], "best", "eq=a=b", "kind=").stdout

    assert output == f"Tags of job {JOB_ID}: nightly best eq=a=b kind\n"
    assert job.tags == {"nightly": "", "best": "", "eq": "a=b", "kind": ""}
    document = run_json("tag", "job", "scheduler", JOB_ID, "best=yes", "--json")
    assert document == {"job_id": JOB_ID, "tags": {**job.tags, "best": "yes"}}


def test_tags_are_removed(run: Run, scheduler: FakeScheduler, job: FakeJob) -> None:
    output = run("untag", "job", "scheduler", JOB_ID, "nightly").stdout

    assert output == f"Job {JOB_ID} has no tags\n"
    assert job.tags == {}


def test_a_tag_or_a_job_that_is_not_there_is_an_error(
    run: Run, scheduler: FakeScheduler, job: FakeJob
) -> None:
    result = run("untag", "job", "scheduler", JOB_ID, "best", exit_code=1)
    assert result.stderr == f"Error: Job `{JOB_ID}` has no tag `best`. It has: nightly\n"
    for words in (("tag", "job"), ("untag", "job"), ("note", "job")):
        result = run(*words, "scheduler", "nowhere", "x", exit_code=1)
        assert "Job `nowhere` does not exist for environment `scheduler`" in result.stderr


@pytest.mark.parametrize("words", [["=x"], [""], []])
def test_a_tag_needs_a_key(
    run: Run, scheduler: FakeScheduler, job: FakeJob, words: list[str]
) -> None:
    run("tag", "job", "scheduler", JOB_ID, *words, exit_code=2)


def test_notes_are_added_and_shown(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, job: FakeJob
) -> None:
    assert run("note", "job", "scheduler", JOB_ID, "--list").stdout == "No notes.\n"

    output = run("note", "job", "scheduler", JOB_ID, "# Odd\n\x1b[2Jloss rises").stdout

    assert output == f"Added note 1 to job {JOB_ID}\n"
    document = run_json("note", "job", "scheduler", JOB_ID, "again", "--json")
    assert (document["number"], document["author"], document["text"]) == (2, "ada", "again")
    for words in (
        ("note", "job", "scheduler", JOB_ID, "--list"),
        ("show", "job", "scheduler", JOB_ID),
    ):
        shown = run(*words).stdout
        assert "  ada\n    # Odd\n    ␛[2Jloss rises\n" in shown
        assert "    again\n" in shown
    listed = run_json("note", "job", "scheduler", JOB_ID, "--list", "--json")
    assert [one["text"] for one in listed] == ["# Odd\n\x1b[2Jloss rises", "again"]


def test_a_note_can_come_from_standard_input(scheduler: FakeScheduler, job: FakeJob) -> None:
    words = ["note", "job", "scheduler", JOB_ID, "-"]
    result = CliRunner().invoke(cli, words, input="* one\n* two\n")

    assert result.exit_code == 0, result.output
    assert [note.text for note in job.notes] == ["* one\n* two"]


@pytest.mark.parametrize("words", [[], ["text", "--list"], [" \n"], [""]])
def test_a_note_says_something(
    run: Run, scheduler: FakeScheduler, job: FakeJob, words: list[str]
) -> None:
    run("note", "job", "scheduler", JOB_ID, *words, exit_code=2)
    assert job.notes == []
