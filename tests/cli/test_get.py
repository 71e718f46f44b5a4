"""`foundations get`: archives, logs, artifacts and files."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from foundations.errors import NotFound
from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


@pytest.fixture
def job(scheduler: FakeScheduler) -> FakeJob:
    """A job that has completed, with output and an artifact."""
    job = scheduler.add(JOB_ID, artifacts={"model": b"weights"})
    scheduler.start(job)
    scheduler.print(job, b"one\ntwo\nthree\n")
    scheduler.finish(job)
    return job


# -- get job


def test_get_job_makes_a_directory_named_by_the_job(run: Run, work: Path, job: FakeJob) -> None:
    output = run("get", "job", "scheduler", JOB_ID).output

    assert output == f"Successfully retrieved Job {JOB_ID} from archive store\n"
    assert (work / JOB_ID / "source" / "main.py").read_bytes() == b"print(1)\n"
    assert (work / JOB_ID / "artifacts" / "model").read_bytes() == b"weights"
    assert (work / JOB_ID / "job.log").read_bytes() == job.log
    assert {path.name for path in work.iterdir()} == {"project", JOB_ID}


@pytest.mark.parametrize("option", ["--save_dir", "--save-dir"])
def test_get_job_saves_where_it_is_told(run: Run, work: Path, job: FakeJob, option: str) -> None:
    run("get", "job", "scheduler", JOB_ID[:4], option, "new/place")

    assert (work / "new" / "place" / JOB_ID / "job.log").is_file()


def test_get_job_writes_one_file_when_asked(run: Run, work: Path, job: FakeJob) -> None:
    run("get", "job", "scheduler", JOB_ID, "--archive")

    with tarfile.open(work / f"{JOB_ID}.tgz") as archive:
        assert f"{JOB_ID}/job.log" in archive.getnames()
    assert {path.name for path in work.iterdir()} == {"project", f"{JOB_ID}.tgz"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("artifacts", ["artifacts/model"]),
        ("source/data", ["source/data/x.csv"]),
        ("data", ["source/data/x.csv"]),
        ("job.log", ["job.log"]),
    ],
)
@pytest.mark.parametrize("option", ["--source_dir", "--source-dir"])
def test_get_job_retrieves_only_a_part(
    run: Run, work: Path, job: FakeJob, part: str, expected: list[str], option: str
) -> None:
    run("get", "job", "scheduler", JOB_ID, option, part)

    top = work / JOB_ID
    files = [str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()]
    assert files == expected


def test_get_job_names_what_there_is_when_a_part_is_missing(
    run: Run, work: Path, job: FakeJob
) -> None:
    result = run("get", "job", "scheduler", JOB_ID, "--source-dir", "nothing", exit_code=1)

    assert "has no `nothing`. It has: artifacts, job.json, job.log, source" in result.stderr
    assert {path.name for path in work.iterdir()} == {"project"}


@pytest.mark.parametrize("part", ["/etc", "../x", "a/../../x"])
def test_get_job_takes_no_part_from_outside_the_archive(run: Run, job: FakeJob, part: str) -> None:
    run("get", "job", "scheduler", JOB_ID, "--source-dir", part, exit_code=2)


@pytest.mark.parametrize("option", [(), ("--archive",)])
def test_get_job_does_not_overwrite_unless_forced(
    run: Run, work: Path, job: FakeJob, option: tuple[str, ...]
) -> None:
    run("get", "job", "scheduler", JOB_ID, *option)
    job.log = b"other"

    result = run("get", "job", "scheduler", JOB_ID, *option, exit_code=1)
    assert "already exists. Give --force to replace it." in result.stderr

    run("get", "job", "scheduler", JOB_ID, *option, "--force")
    if not option:
        assert (work / JOB_ID / "job.log").read_bytes() == b"other"
    assert len(list(work.iterdir())) == 2


@pytest.mark.parametrize("option", [(), ("--archive",)])
def test_get_job_of_one_that_waits_says_that_there_is_no_archive_yet(
    run: Run, scheduler: FakeScheduler, work: Path, option: tuple[str, ...]
) -> None:
    scheduler.add(JOB_ID)

    result = run("get", "job", "scheduler", JOB_ID, *option, exit_code=1)

    assert result.stderr == (
        f"Error: Job `{JOB_ID}` is queued and has no archive yet: it gets one when it starts.\n"
    )
    assert {path.name for path in work.iterdir()} == {"project"}


def test_get_job_of_one_that_has_just_ended_says_that_its_files_are_being_kept(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.add(JOB_ID).state = JobState.FAILED

    def have_none(request: httpx.Request) -> None:
        if request.url.path.endswith("/archive"):
            raise NotFound("There is no archive.")

    scheduler.on_request = have_none

    result = run("get", "job", "scheduler", JOB_ID, exit_code=1)

    assert result.stderr == (
        f"Error: Job `{JOB_ID}` is failed and has no archive yet: its files are still being kept.\n"
    )


def test_get_job_prints_json(run_json: Callable[..., Any], work: Path, job: FakeJob) -> None:
    document = run_json("get", "job", "scheduler", JOB_ID, "--json")

    assert document == {"job_id": JOB_ID, "path": str(work / JOB_ID)}


@pytest.mark.parametrize("what", ["job", "logs", "artifact"])
def test_get_of_an_unknown_job_says_so(run: Run, scheduler: FakeScheduler, what: str) -> None:
    result = run("get", what, "scheduler", JOB_ID, exit_code=1)

    assert result.stderr == (
        f"Error: Job `{JOB_ID}` does not exist for environment `scheduler`\n"
        "`foundations list jobs scheduler` shows the jobs there are.\n"
    )


def test_a_job_that_is_not_there_is_told_with_those_whose_ids_begin_alike(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    meant = scheduler.add("45540b52-ffe2-44ab-9838-db467d3499c0").job_id
    scheduler.add("f5540b52-4554-44ab-9838-db467d3499c0")

    expected = (
        "Error: Job `45540b53` does not exist for environment `scheduler`\n"
        f"Did you mean `{meant}`? `foundations list jobs scheduler` shows all jobs.\n"
    )
    assert run("show", "job", "scheduler", "45540b53", exit_code=1).stderr == expected
    assert run("stop", "job", "scheduler", "45540b53", exit_code=1).stderr == expected
    (told,) = run_json("stop", "job", "scheduler", "45540b53", "--json", exit_code=1)
    assert told["message"] == "Job `45540b53` does not exist for environment `scheduler`"


# -- get logs


def test_get_logs_prints_the_bytes_as_they_are_when_nobody_watches(
    run: Run, scheduler: FakeScheduler
) -> None:
    log = b"\x1b]0;title\x07 50%\r\xff\n"
    job = scheduler.add(log=log, state=JobState.COMPLETED)

    assert run("get", "logs", "scheduler", job.job_id).stdout_bytes == log


def test_get_logs_of_a_queued_job_says_that_there_are_none(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.add(JOB_ID)

    result = run("get", "logs", "scheduler", JOB_ID, exit_code=1)

    assert result.stderr == f"Error: Job `{JOB_ID}` is queued and has not produced any logs\n"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ""), (1, "three\n"), (2, "two\nthree\n"), (9, "one\ntwo\nthree\n")]
)
def test_get_logs_prints_the_last_lines(run: Run, job: FakeJob, count: int, expected: str) -> None:
    assert run("get", "logs", "scheduler", JOB_ID, "--tail", str(count)).stdout == expected


def test_get_logs_finds_the_last_lines_of_a_long_log(run: Run, scheduler: FakeScheduler) -> None:
    lines = [f"{number} {'x' * 50_000}\n" for number in range(10)] + ["the end"]
    job = scheduler.add(log="".join(lines).encode(), state=JobState.COMPLETED)

    assert run("get", "logs", "scheduler", job.job_id, "-n", "4").stdout == "".join(lines[-4:])


@pytest.mark.parametrize(
    ("words", "expected"), [([], "one\ntwo\nthree\n"), (["--tail", "1"], "three\n")]
)
def test_get_logs_follows_to_the_end(
    run: Run, job: FakeJob, words: list[str], expected: str
) -> None:
    assert run("get", "logs", "scheduler", JOB_ID, "--follow", *words).stdout == expected


def test_get_logs_prints_json(run: Run, job: FakeJob) -> None:
    document = json.loads(run("get", "logs", "scheduler", JOB_ID, "--json").stdout)
    assert document == {"job_id": JOB_ID, "state": "completed", "text": "one\ntwo\nthree\n"}

    lines = run("get", "logs", "scheduler", JOB_ID, "--json", "--follow").stdout.splitlines()
    assert "".join(json.loads(line)["text"] for line in lines) == "one\ntwo\nthree\n"


@pytest.mark.parametrize("words", [[], ["--follow"]])
def test_json_tells_of_a_character_that_the_log_ends_within(
    run: Run, scheduler: FakeScheduler, words: list[str]
) -> None:
    job = scheduler.add(log="prix: 3 €".encode()[:-1], state=JobState.COMPLETED)
    out = run("get", "logs", "scheduler", job.job_id, "--json", *words).stdout
    lines = out.splitlines() if words else [out]
    assert "".join(json.loads(line)["text"] for line in lines) == "prix: 3 \ufffd"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--offset", "4"], "two\nthree\n"),
        (["--offset", "4", "--bytes", "3"], "two"),
        (["--offset", "-6", "--bytes", "2", "--follow"], "th"),
        (["--bytes", "0"], ""),
    ],
)
def test_get_logs_prints_a_part(run: Run, job: FakeJob, words: list[str], expected: str) -> None:
    assert run("get", "logs", "scheduler", JOB_ID, *words).stdout == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--grep", "t"], "two\nthree\n"),
        (["--grep", "O", "-i"], "one\ntwo\n"),
        (["--grep", "^o", "-E"], "one\n"),
        (["--grep", "one", "-C", "1"], "one\ntwo\n"),
        (["--grep", "e$", "--regex"], "one\n--\nthree\n"),
        (["--grep", "missing"], ""),
    ],
)
def test_get_logs_finds_lines(run: Run, job: FakeJob, words: list[str], expected: str) -> None:
    assert run("get", "logs", "scheduler", JOB_ID, *words).stdout == expected


def test_get_logs_prints_what_it_found_as_json(run: Run, job: FakeJob) -> None:
    words = ("--grep", "two", "--context", "1", "--json")
    document = json.loads(run("get", "logs", "scheduler", JOB_ID, *words).stdout)
    assert (document["job_id"], document["matches"]) == (JOB_ID, 1)
    assert [line["text"] for line in document["lines"]] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--since", "10m", "--tail", "3"], "--since cannot be used with --offset or --tail"),
        (["--since", "10m", "--grep", "a"], "--grep searches the whole log"),
        (["--since", "soon"], "--since takes a time such as 14:05"),
        (["--grep", "a", "--follow"], "--grep searches the whole log"),
        (["--grep", ""], "--grep takes 1 to 1000 characters"),
        (["--tail", "3", "--bytes", "4"], "--tail cannot be used with --offset or --bytes"),
    ],
)
def test_get_logs_refuses_what_contradicts_itself(
    run: Run, job: FakeJob, words: list[str], message: str
) -> None:
    assert message in run("get", "logs", "scheduler", JOB_ID, *words, exit_code=2).stderr


def test_get_logs_says_what_is_wrong_with_a_pattern(run: Run, job: FakeJob) -> None:
    result = run("get", "logs", "scheduler", JOB_ID, "--grep", "(", "-E", exit_code=1)
    assert "The pattern cannot be used" in result.stderr


# -- get artifact


def test_get_artifact_lists_them_without_a_key(
    run: Run, run_json: Callable[..., Any], job: FakeJob
) -> None:
    assert "model" in run("get", "artifact", "scheduler", JOB_ID).stdout
    (document,) = run_json("get", "artifact", "scheduler", JOB_ID, "--json")
    assert (document["key"], document["size_bytes"]) == ("model", 7)


def test_get_artifact_saves_it_and_does_not_overwrite(run: Run, work: Path, job: FakeJob) -> None:
    run("get", "artifact", "scheduler", JOB_ID, "model")
    assert (work / "model").read_bytes() == b"weights"

    run("get", "artifact", "scheduler", JOB_ID, "model", exit_code=1)
    run("get", "artifact", "scheduler", JOB_ID, "model", "--force", "-o", "other/file")
    assert (work / "other" / "file").read_bytes() == b"weights"
    assert {path.name for path in work.iterdir()} == {"project", "model", "other"}


def test_get_artifact_writes_to_standard_output(run: Run, job: FakeJob) -> None:
    output = run("get", "artifact", "scheduler", JOB_ID, "model", "-o", "-").stdout_bytes

    assert output == b"weights"


def test_get_artifact_names_those_that_exist(run: Run, job: FakeJob) -> None:
    result = run("get", "artifact", "scheduler", JOB_ID, "modell", exit_code=1)

    assert "has no artifact `modell`. It has: model" in result.stderr


# -- get file, list files


def test_a_file_is_listed_and_saved_by_its_path(
    run: Run, run_json: Callable[..., Any], work: Path, job: FakeJob
) -> None:
    listed = run("list", "files", "scheduler", JOB_ID).stdout
    assert listed.split() == ["KIND", "SIZE", "FILE", "artifact", "7", "bytes", "artifacts/model"]
    (entry,) = run_json("list", "files", "scheduler", JOB_ID[:4], "--json")["files"]

    output = run("get", "file", "scheduler", JOB_ID[:4], entry["path"]).output

    assert output == "Saved file artifacts/model to model\n"
    assert (work / "model").read_bytes() == b"weights"
    refused = run("get", "file", "scheduler", JOB_ID, entry["path"], exit_code=1)
    assert "model already exists. Give --force to replace it." in refused.stderr
    piped = run("get", "file", "scheduler", JOB_ID, entry["path"], "-o", "-")
    assert piped.stdout_bytes == b"weights"


def test_a_file_that_is_not_there_is_told(run: Run, work: Path, job: FakeJob) -> None:
    result = run("get", "file", "scheduler", JOB_ID, "source/none.py", exit_code=1)

    assert result.stderr == (
        f"Error: Job {JOB_ID} has no file 'source/none.py'.\n"
        f"`foundations list files scheduler {JOB_ID[:8]}` shows those that it has.\n"
    )
    assert {path.name for path in work.iterdir()} == {"project"}
