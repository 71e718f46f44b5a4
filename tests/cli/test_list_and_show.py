"""`foundations list` and `foundations show`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from foundations.cli.list import STATES
from foundations.models import JobSpec, JobState, MetricSummary, Volume
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"


@pytest.fixture
def scheduler(scheduler: FakeScheduler) -> FakeScheduler:
    """A scheduler with a job of three kinds."""
    done = scheduler.add(
        JOB_ID,
        spec=JobSpec(project="alpha", params={"lr": 0.1}, tags={"nightly": ""}, ram_gb=2),
        parameters={"lr": 0.1},
        metrics={"loss": 0.123456789},
        artifacts={"model": b"weights"},
    )
    scheduler.start(done)
    scheduler.finish(done, exit_code=2)
    scheduler.start(scheduler.add(project="beta"))
    scheduler.add(project="beta")
    return scheduler


def test_list_jobs_shows_the_newest_first(run: Run, scheduler: FakeScheduler) -> None:
    header, *rows = run("list", "jobs", "scheduler").stdout.splitlines()

    assert header.split() == [
        *("JOB", "ID", "PROJECT", "STATE", "SUBMITTED", "DURATION"),
        *("METRICS", "PARAMETERS", "REASON"),
    ]
    assert [row.split()[1:3] for row in rows] == [
        ["beta", "queued"],
        ["beta", "running"],
        ["alpha", "failed"],
    ]
    assert "loss=0.123457" in rows[2]
    assert "lr=0.1" in rows[2]
    assert rows[2].endswith("exit code 2")
    assert rows[0].endswith("1 running, max_running_jobs is 1")


def test_list_jobs_needs_no_scheduler_name_for_this_machine(
    run: Run, scheduler: FakeScheduler
) -> None:
    assert run("list", "jobs").stdout == run("list", "jobs", "scheduler").stdout


def test_list_jobs_as_json_is_an_array_of_jobs_with_times_in_utc(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    documents = run_json("list", "jobs", "scheduler", "--json")

    assert [one["state"] for one in documents] == ["queued", "running", "failed"]
    failed = documents[2]
    assert failed["job_id"] == JOB_ID
    assert failed["project"] == "alpha"
    assert (failed["exit_code"], failed["reason"]) == (2, "exit code 2")
    assert failed["submitted_at"] == "2024-05-01T12:00:00Z"
    assert failed["started_at"].endswith("Z")
    assert failed["finished_at"].endswith("Z")
    assert failed["parameters"] == {"lr": 0.1}
    assert failed["metrics"] == {"loss": 0.123456789}
    assert failed["tags"] == {"nightly": ""}


def test_list_jobs_narrows_by_project_and_state(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    def states(*words: str) -> list[str]:
        return [one["state"] for one in run_json("list", "jobs", "--json", *words)]

    assert states("--project", "beta") == ["queued", "running"]
    assert states("--state", "failed", "--state", "queued") == ["queued", "failed"]
    assert states("--project", "nobody") == []


def test_list_jobs_reads_as_many_pages_as_it_takes(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    for _ in range(450):
        scheduler.add(project="many")

    assert len(run_json("list", "jobs", "--json")) == 453
    assert len(run_json("list", "jobs", "--json", "--limit", "250")) == 250
    result = run("list", "jobs")
    assert len(result.stdout.splitlines()) == 51
    assert "--limit shows more" in result.stderr


def test_list_jobs_begins_at_a_place_of_the_list(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    for _ in range(450):
        scheduler.add(project="many")
    every = [job["job_id"] for job in run_json("list", "jobs", "--json")]

    def listed(*words: str) -> list[str]:
        return [job["job_id"] for job in run_json("list", "jobs", "--json", *words)]

    assert listed("--offset", "0") == every
    assert listed("--offset", "7") == every[7:]
    assert listed("--offset", "7", "--limit", "250") == every[7:257]
    assert listed("--offset", "440", "--limit", "50") == every[440:]
    assert listed("--offset", "9999") == []

    middle = run("list", "jobs", "--offset", "50", "--columns", "id")
    assert middle.stdout.split()[2:] == every[50:100]
    assert middle.stderr == "Jobs 51 to 100 of 453; --offset 100 shows the next.\n"
    assert run("list", "jobs", "--offset", "450").stderr == "Jobs 451 to 453 of 453.\n"
    behind = run("list", "jobs", "--offset", "453")
    assert (behind.stdout, behind.stderr) == ("No jobs.\n", "The list has 453 jobs.\n")


def test_list_jobs_takes_a_filter(run_json: Callable[..., Any], scheduler: FakeScheduler) -> None:
    def states(*words: str) -> list[str]:
        return [one["state"] for one in run_json("list", "jobs", "--json", *words)]

    assert states("--filter", "project:beta or metric.loss < 1") == ["queued", "running", "failed"]
    assert states("-f", "metric.loss < 1") == ["failed"]
    assert states("-f", "not has:param.lr", "--state", "queued") == ["queued"]
    assert states("-f", "tag:nowhere") == []


def test_list_jobs_sorts(run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler) -> None:
    for loss in (3, 1, 2):
        scheduler.add(metrics={"loss": loss, "a b": 1})

    def losses(*words: str) -> list[Any]:
        found = run_json("list", "jobs", "--json", *words)
        return [one["metrics"].get("loss") for one in found]

    assert losses("--sort", "metric.loss", "--limit", "3") == [0.123456789, 1, 2]
    assert losses("--sort", "-metric.loss") == [3, 2, 1, 0.123456789, None, None]
    assert losses("--sort", 'metric."a b"', "--sort", "metric.loss", "--limit", "2") == [1, 2]
    assert losses("-f", "metric.loss >= 2 sort:metric.loss") == [2, 3]
    result = run("list", "jobs", "--sort", "metric.loss", "--limit", "2")
    assert result.stderr == "The first 2 are shown; --limit shows more.\n"
    one = run("list", "jobs", "--limit", "1")
    assert one.stderr == "The newest is shown; --limit shows more.\n"


def test_an_error_in_a_filter_is_shown_with_its_place(run: Run, scheduler: FakeScheduler) -> None:
    result = run(
        "list", "jobs", "-f", "metric.loss < 1 and stat:failed", "--sort", "x", exit_code=1
    )

    message, shown, mark = result.stderr.splitlines()
    assert message == (
        "Error: The filter is not valid at column 21: There is no field `stat`. "
        "Did you mean `state`?"
    )
    assert shown == "  metric.loss < 1 and stat:failed sort:x"
    assert mark.index("^") == shown.index("stat")
    assert result.stdout == ""


def test_list_jobs_shows_the_columns_that_are_asked_for(run: Run, scheduler: FakeScheduler) -> None:
    columns = "id, state, metric.loss, param.lr, tag.nightly, finished, command, duration"
    header, *rows = run("list", "jobs", "--columns", columns).stdout.splitlines()

    assert header.split() == [
        *("JOB", "ID", "state", "metric.loss", "param.lr", "tag.nightly", "finished", "command"),
        "duration",
    ]
    assert rows[0].split()[1:5] == ["queued", "-", "-", "-"]
    assert rows[2].split()[:4] == [JOB_ID, "failed", "0.123457", "0.1"]


def test_columns_of_json_are_exact(run_json: Callable[..., Any], scheduler: FakeScheduler) -> None:
    scheduler.add(metrics={"a,b": [1]})
    words = ("--columns", 'state,metric.loss,"metric.a,b",reason,gpus', "--json")

    assert run_json("list", "jobs", *words, "--filter", "has:metric.loss") == [
        {
            "state": "failed",
            "metric.loss": 0.123456789,
            "metric.a,b": None,
            "reason": "exit code 2",
            "gpus": 0,
        }
    ]
    assert run_json("list", "jobs", *words)[0]["metric.a,b"] == [1]


def test_csv_has_exact_values_and_everything_recorded(run: Run, scheduler: FakeScheduler) -> None:
    text = 'evil"\n,\x1b[2J=1+1'
    scheduler.add(parameters={"lr": 1e-05, "opt": text, "flag": True}, metrics={text: 2**53 + 1})

    rows = list(csv.DictReader(io.StringIO(run("list", "jobs", "--csv").stdout, newline="")))

    assert list(rows[0]) == [
        *("id", "project", "user", "state", "reason", "exit_code"),
        *("submitted", "started", "finished", "duration"),
        *("param.flag", "param.lr", "param.opt", f"metric.{text}", "metric.loss", "tag.nightly"),
    ]
    assert (rows[0]["param.lr"], rows[0]["param.opt"], rows[0]["param.flag"]) == (
        *("1e-05", text),
        "true",
    )
    assert rows[0][f"metric.{text}"] == "9007199254740993"
    assert rows[3]["metric.loss"] == "0.123456789"
    assert rows[3]["submitted"] == "2024-05-01T12:00:00Z"
    assert (rows[3]["param.opt"], rows[1]["exit_code"]) == ("", "")


def test_csv_of_chosen_columns(run: Run, scheduler: FakeScheduler) -> None:
    words = ("--columns", "state,command,metric.loss", "--csv", "--limit", "3")
    assert run("list", "jobs", *words).stdout == (
        "state,command,metric.loss\nqueued,main.py,\nrunning,main.py,\nfailed,main.py,0.123456789\n"
    )
    assert run("list", "jobs", *words, "--project", "none").stdout == "state,command,metric.loss\n"


def test_a_job_waits_for_jobs_or_for_none(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.jobs.clear()
    first = scheduler.add("a" * 36, state=JobState.RUNNING)
    second = scheduler.add("b" * 36, state=JobState.RUNNING)
    scheduler.add("c" * 36)
    scheduler.add("d" * 36, held_by="ada")
    words = ("list", "jobs", "--columns", "id,waits_for", "--filter", "state:queued")

    assert [row.split()[1:] for row in run(*words).stdout.splitlines()[1:]] == [
        ["-"],
        [first.job_id, second.job_id],
    ]
    assert run(*words, "--csv").stdout.splitlines()[1:] == [
        f"{'d' * 36},",
        f"{'c' * 36},{first.job_id} {second.job_id}",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--json", "--csv"), "exclude each other"),
        (("--offset", "-1"), "-1 is not in the range"),
        (("--columns", "stat"), "Did you mean `state`?"),
        (("--columns", "metric."), "there is no column"),
        (("--columns", ""), "there is no column"),
        (("--columns", 'id,"x'), "cannot be read"),
        (("--columns", "id\nstate"), "cannot be read"),
    ],
)
def test_wrong_usage_of_lists_is_said(
    run: Run, scheduler: FakeScheduler, words: tuple[str, ...], said: str
) -> None:
    assert said in run("list", "jobs", *words, exit_code=2).stderr


def test_list_jobs_knows_every_state(run: Run) -> None:
    assert set(STATES) == set(JobState)


def test_lists_of_nothing_say_so(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.jobs.clear()

    assert run("list", "jobs").stdout == "No jobs.\n"
    assert run_json("list", "jobs", "--json") == []
    assert run("list", "projects").stdout == "No projects.\n"
    assert run_json("list", "projects", "--json") == []


def test_what_a_job_is_called_cannot_control_the_terminal(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.add(metrics={"evil\x1b[2J\nname": "\u202ereversed\x9b1m"})

    for output in (run("list", "jobs").stdout, run("list", "jobs", "--json").stdout):
        assert not any(char in output for char in "\x1b\x9b\u202e")
    assert len(run("list", "jobs").stdout.splitlines()) == 5


def test_list_projects(run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler) -> None:
    _, first, second = run("list", "projects").stdout.splitlines()

    assert first.split()[:2] == ["alpha", "1"]
    assert second.endswith("1 running, 1 queued")
    assert [one["name"] for one in run_json("list", "projects", "--json")] == ["alpha", "beta"]


def test_show_job_prints_everything(run: Run, scheduler: FakeScheduler) -> None:
    output = run("show", "job", "scheduler", JOB_ID[:8]).stdout

    for text in (JOB_ID, "alpha", "failed", "exit code 2", "main.py", "lr=0.1", "nightly", "loss"):
        assert text in output
    assert "ram (GB)=2" in output
    assert "model" in output
    assert "Exited" in output
    assert "AT STEP" in output


def test_show_job_tells_how_many_records_could_not_be_read(
    run: Run, scheduler: FakeScheduler
) -> None:
    assert "Skipped records" not in run("show", "job", "scheduler", JOB_ID).stdout

    scheduler.jobs[JOB_ID].skipped_records = 2

    lines = run("show", "job", "scheduler", JOB_ID).stdout.splitlines()
    (told,) = (line.partition(":")[2].strip() for line in lines if "Skipped records" in line)
    assert told == "2 lines of its event file could not be read (see docs/records.md)"


def test_show_job_prints_all_that_was_submitted(run: Run, scheduler: FakeScheduler) -> None:
    spec = JobSpec(
        project="alpha",
        params={"lr": 0.1, "deep": {"n": 1}},
        environment={"MODE": "fast"},
        volumes=(Volume(host="/data", bind="/in", mode="ro"),),
        working_dir="src",
        python="/opt/python",
        log_level="DEBUG",
    )
    job = scheduler.add(spec=spec, parameters={"lr": 0.1, "deep_n": 1})

    output = run("show", "job", "scheduler", job.job_id).stdout

    for text in ("deep_n=1", "MODE=fast", "/data:/in:ro", "src", "/opt/python", "DEBUG"):
        assert text in output
    assert "Submitted with" in output


def test_show_job_as_json_is_one_object_with_everything(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    document = run_json("show", "job", "scheduler", JOB_ID, "--json")

    assert document["job_id"] == JOB_ID
    assert document["spec"]["params"] == {"lr": 0.1}
    assert document["artifacts"][0]["key"] == "model"
    assert [change["event"] for change in document["history"]] == [
        "Submitted",
        "Claimed",
        "Started",
        "Exited",
    ]


def test_show_job_of_an_ambiguous_or_short_id_is_an_error(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.add(JOB_ID[:-1] + "1")

    assert "fits 2 jobs" in run("show", "job", "scheduler", JOB_ID[:8], exit_code=1).stderr
    assert "too short" in run("show", "job", "scheduler", "45", exit_code=1).stderr


def test_show_queue_says_why_each_job_waits(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    lines = run("show", "queue").stdout.splitlines()
    assert lines[0] == "1 of at most 1 running, 1 queued"
    assert lines[2].startswith("1  ")
    assert lines[2].endswith("1 running, max_running_jobs is 1")

    document = run_json("show", "queue", "--json")
    assert (document["max_running_jobs"], document["running"], document["queued"]) == (1, 1, 1)
    assert document["jobs"][0]["waiting"]["position"] == 1


def test_show_job_tells_in_a_line_what_it_used(run: Run, scheduler: FakeScheduler) -> None:
    job = scheduler.add()
    assert "Used:" not in run("show", "job", "scheduler", job.job_id).stdout
    job.system = [
        MetricSummary(name="system/cpu_seconds", last=30.0, last_step=20.0, count=4),
        MetricSummary(name="system/memory_peak_bytes", last=5, max=1_500_000_000.0, count=4),
    ]

    output = run("show", "job", "scheduler", job.job_id).stdout

    (line,) = [line for line in output.splitlines() if line.startswith("Used:")]
    assert line.split(maxsplit=1)[1] == ("at most 1.5 GB of memory, 150% of a processor on average")
    assert "system/" not in output


def test_a_start_that_a_restarted_scheduler_saw_again_is_told_once(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    job = scheduler.add()
    scheduler.start(job)
    scheduler.move(job, JobState.RUNNING, "Started")
    scheduler.move(job, JobState.QUEUED, "Exited")
    scheduler.start(job)

    told = run("show", "job", "scheduler", job.job_id).stdout.partition("\nHistory\n")[2]

    events = [line.split()[2] for line in told.splitlines()[1:]]
    assert events == ["Submitted", "Claimed", "Started", "Exited", "Claimed", "Started"]
    found = run_json("show", "job", "scheduler", job.job_id, "--json")["history"]
    assert [one["event"] for one in found].count("Started") == 3
