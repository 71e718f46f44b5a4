"""`foundations submit`: its texts, its exit codes and what it asks the scheduler for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from foundations.models import JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

MISSING_SCRIPT = (
    "Hey, seems like your command 'train.py' is not an existing file in your current directory. "
    "If you are using Atlas's advanced custom docker image functionality and know what you are "
    "doing, you can ignore this message."
)


def only_job(scheduler: FakeScheduler) -> FakeJob:
    (job,) = scheduler.jobs.values()
    return job


# -- texts


def test_a_submission_prints_the_documented_lines_in_order(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    result = run("submit", "scheduler", "project")

    job_id = only_job(scheduler).job_id
    assert result.stdout.splitlines() == [
        "Foundations INFO: Job submission started. Ctrl-C to cancel.",
        f"Foundations INFO: Preparing to bundle contents of {work}/project for execution. "
        "Estimating bundle size.",
        "Foundations INFO: Bundling job contents.",
        f"Foundations INFO: Job submitted with ID '{job_id}'.",
        "Foundations INFO: Job queued. Ctrl-C to stop streaming - job will not be interrupted or "
        "cancelled.",
        "Foundations INFO: Job running, streaming logs.",
        "No user requirements found.",
        f"Foundations INFO: Job '{job_id}' has completed.",
    ]
    assert result.stderr == ""


def test_a_quiet_job_is_said_to_run(run: Run, scheduler: FakeScheduler) -> None:
    def run_quietly(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.finish(job)

    scheduler.run = run_quietly

    assert (
        "Foundations INFO: Job running, streaming logs.\n"
        in run("submit", "scheduler", "project").stdout
    )


def test_output_without_a_last_newline_does_not_run_into_the_next_message(
    run: Run, scheduler: FakeScheduler
) -> None:
    def run_job(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"50%")
        scheduler.finish(job)

    scheduler.run = run_job

    assert "50%\nFoundations INFO: Job '" in run("submit", "scheduler", "project").stdout


def test_output_of_a_start_that_is_refused_is_shown_and_the_job_is_not_said_to_run(
    run: Run, scheduler: FakeScheduler
) -> None:
    def refuse(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.move(job, JobState.STARTING, "Claimed")
        scheduler.print(job, b"404 Client Error: no such image\n")
        job.reason = "no such image: nowhere:1"
        scheduler.move(job, JobState.FAILED, "StartRefused")

    scheduler.run = refuse

    output = run("submit", "scheduler", "project", exit_code=3).stdout
    assert "Job running" not in output
    assert output.splitlines()[-4:] == [
        "Foundations INFO: Job starting, streaming logs.",
        "404 Client Error: no such image",
        f"Foundations ERROR: Job '{only_job(scheduler).job_id}' has failed.",
        "Foundations ERROR: Reason: no such image: nowhere:1",
    ]


def test_why_a_job_waits_is_said_when_it_is_not_its_turn_that_it_waits_for(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.engine_problem = "the Docker engine does not answer"

    output = run("submit", "scheduler", "project").stdout

    assert "Foundations WARNING: Job is waiting: the Docker engine does not answer" in output


@pytest.mark.parametrize(
    ("state", "reason", "lines"),
    [
        (
            JobState.FAILED,
            "exit code 7",
            ["Foundations ERROR: Job '{}' has failed.", "Foundations ERROR: Reason: exit code 7"],
        ),
        (
            JobState.STOPPED,
            "stopped by me",
            [
                "Foundations WARNING: Job '{}' has been stopped.",
                "Foundations WARNING: Reason: stopped by me",
            ],
        ),
        (JobState.LOST, None, ["Foundations ERROR: Job '{}' was lost."]),
    ],
)
def test_a_job_that_does_not_complete_ends_the_command_with_exit_code_3(
    run: Run, scheduler: FakeScheduler, state: JobState, reason: str | None, lines: list[str]
) -> None:
    def run_badly(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"RuntimeError: only printed\n")
        job.reason = reason
        scheduler.move(job, state, "Exited")

    scheduler.run = run_badly

    output = run("submit", "scheduler", "project", exit_code=3).stdout

    expected = [line.format(only_job(scheduler).job_id) for line in lines]
    assert output.splitlines()[-len(lines) :] == expected


def test_a_job_that_prints_the_name_of_an_error_has_still_completed(
    run: Run, scheduler: FakeScheduler
) -> None:
    def run_job(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.print(job, b"caught a RuntimeError, going on\n")
        scheduler.finish(job)

    scheduler.run = run_job

    run("submit", "scheduler", "project", exit_code=0)


def test_log_level_of_the_project_silences_messages_and_not_the_job(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    (work / "project" / "job.config.yaml").write_text("log_level: WARNING\n")

    assert run("submit", "scheduler", "project").stdout == "No user requirements found.\n"


def test_a_large_directory_is_warned_about_with_its_largest_files(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    for number in range(6):
        with (work / "project" / f"big{number}").open("wb") as file:
            file.truncate((20 + number) * 10**6)

    output = run("submit", "scheduler", "project").stdout

    warnings = [line for line in output.splitlines() if "WARNING" in line]
    assert "The job directory holds 135.0 MB in 7 files." in warnings[0]
    assert [line.split()[-1] for line in warnings[1:]] == ["big5", "big4", "big3", "big2", "big1"]


# -- ways not to stream


def test_detach_prints_the_id_alone_on_standard_output(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.run = None

    result = run("submit", "--detach", "scheduler", "project")

    assert result.stdout == f"{only_job(scheduler).job_id}\n"
    assert "Foundations INFO: Job submitted with ID" in result.stderr


def test_detach_prints_the_job_as_json(
    run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.run = None

    document = run_json("submit", "--detach", "--json", "scheduler", "project")

    assert document["job_id"] == only_job(scheduler).job_id
    assert document["state"] == "queued"
    assert document["submitted_at"] == "2024-05-01T12:00:00Z"


def test_json_without_detach_is_wrong_usage(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "--json", "scheduler", "project", exit_code=2)

    assert not scheduler.jobs


@pytest.mark.parametrize(
    "words",
    [
        ["--stream-job-logs", "False"],
        ["--stream-job-logs=False"],
        ["--stream-job-logs", "false"],
        ["--no-stream-job-logs"],
    ],
)
def test_streaming_can_be_left_out(run: Run, scheduler: FakeScheduler, words: list[str]) -> None:
    scheduler.run = None

    output = run("submit", *words, "scheduler", "project").stdout

    last = output.splitlines()[-1]
    assert last == f"Foundations INFO: Job submitted with ID '{only_job(scheduler).job_id}'."


@pytest.mark.parametrize(
    "words", [["--stream-job-logs", "True"], ["--stream-job-logs=True"], ["--stream-job-logs"]]
)
def test_streaming_can_be_asked_for(run: Run, scheduler: FakeScheduler, words: list[str]) -> None:
    assert "has completed." in run("submit", *words, "scheduler", "project").stdout


def test_streaming_is_true_or_false(run: Run, scheduler: FakeScheduler) -> None:
    result = run("submit", "--stream-job-logs=maybe", "scheduler", "project", exit_code=2)

    assert "True or False" in result.stderr


# -- whose option it is


@pytest.mark.parametrize(
    "words",
    [
        ["--num-gpus", "2", "scheduler", "project", "main.py"],
        ["scheduler", "--num-gpus=2", "project", "main.py"],
        ["scheduler", "project", "--num-gpus", "2", "main.py"],
        ["scheduler", "project", "--num-gpus", "2"],
    ],
)
def test_options_before_the_script_are_those_of_submit(
    run: Run, scheduler: FakeScheduler, words: list[str]
) -> None:
    run("submit", *words)

    spec = only_job(scheduler).spec
    assert (spec.num_gpus, spec.command) == (2, ("main.py",))


def test_options_after_the_script_belong_to_the_script(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "scheduler", "project", "main.py", "--num-gpus=3", "-p", "x=1", "--detach")

    spec = only_job(scheduler).spec
    assert spec.num_gpus == 0
    assert spec.params == {}
    assert spec.command == ("main.py", "--num-gpus=3", "-p", "x=1", "--detach")


def test_words_after_two_dashes_are_the_command(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "--ram", "2", "scheduler", "project", "--", "-m", "training", "--", "x")

    spec = only_job(scheduler).spec
    assert (spec.ram_gb, spec.command) == (2, ("-m", "training", "--", "x"))


def test_arguments_with_spaces_and_empty_ones_arrive_whole(
    run: Run, scheduler: FakeScheduler
) -> None:
    run("submit", "scheduler", "project", "main.py", "two words", "", "*")

    assert only_job(scheduler).spec.command == ("main.py", "two words", "", "*")


def test_an_unknown_option_is_wrong_usage(run: Run, scheduler: FakeScheduler) -> None:
    assert "--num-gpu" in run("submit", "--num-gpu", "1", "scheduler", ".", exit_code=2).stderr


# -- what is asked for


def test_every_option_reaches_the_scheduler(
    run: Run, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED_ON", "here")
    monkeypatch.setenv("FOUNDATIONS_USER", "ada")
    run(
        "submit",
        *("--project-name", "p1", "--entrypoint", "python3 -u", "--image", "i:1"),
        *("--num-gpus=2", "--ram=0.5", "--cpus=1.5"),
        *("--env", "A=b=c", "--env", "PASSED_ON", "--tag", "nightly", "--tag", "kind=x"),
        *("scheduler", "project"),
    )

    spec = only_job(scheduler).spec
    assert spec.project == "p1"
    assert spec.entrypoint == ("python3", "-u")
    assert (spec.num_gpus, spec.ram_gb, spec.cpus, spec.image) == (2, 0.5, 1.5, "i:1")
    assert spec.environment == {"A": "b=c", "PASSED_ON": "here"}
    assert spec.tags == {"nightly": "", "kind": "x"}
    assert spec.user == "ada"


def test_parameters_are_json_where_they_can_be_and_text_elsewhere(
    run: Run, scheduler: FakeScheduler
) -> None:
    pairs = [
        "lr=1e-3",
        "n=3",
        "name=abc",
        "on=true",
        "layers=[1, 2]",
        "quoted='x'",
        "bad=NaN",
        "e=",
    ]
    run("submit", *(word for pair in pairs for word in ("-p", pair)), "scheduler", "project")

    assert only_job(scheduler).spec.params == {
        "lr": 0.001,
        "n": 3,
        "name": "abc",
        "on": True,
        "layers": [1, 2],
        "quoted": "'x'",
        "bad": "NaN",
        "e": "",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [("p.yaml", "lr: 0.5\nlayers: [1, 2]\n"), ("p.json", '{"lr": 5e-1,\t"layers": [1, 2]}')],
)
def test_parameters_come_from_a_file_and_single_ones_win(
    run: Run, scheduler: FakeScheduler, work: Path, name: str, text: str
) -> None:
    (work / name).write_text(text)
    (work / "project" / "job.config.yaml").write_text("params: {lr: 1, layers: [], seed: 7}\n")

    run("submit", "--params", name, "--param", "lr=0.25", "scheduler", "project")

    assert only_job(scheduler).spec.params == {"lr": 0.25, "layers": [1, 2], "seed": 7}


@pytest.mark.parametrize(
    ("option", "config", "expected"),
    [
        (None, None, "project"),
        ("opt", None, "opt"),
        (None, "project_name: conf", "conf"),
        ("opt", "project_name: conf", "opt"),
        (None, "project_name: 'conf with spaces'", "conf with spaces"),
        (None, "log_level: INFO", "project"),
        (None, "", "project"),
        ("", "project_name: conf", "conf"),
        ("", None, "project"),
        ("ünï", "project_name: conf", "ünï"),
    ],
)
def test_project_name_is_the_option_else_the_config_else_the_directory(
    run: Run,
    scheduler: FakeScheduler,
    work: Path,
    option: str | None,
    config: str | None,
    expected: str,
) -> None:
    if config is not None:
        (work / "project" / "job.config.yaml").write_text(config)
    words = [] if option is None else ["--project-name", option]

    run("submit", *words, "scheduler", "project")

    assert only_job(scheduler).spec.project == expected


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("script", ["main.py", "code/train.py"])
def test_directory_and_script_may_be_given_from_anywhere(
    run: Run,
    scheduler: FakeScheduler,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    inside: bool,
    absolute: bool,
    script: str,
) -> None:
    (work / "project" / "code").mkdir()
    (work / "project" / "code" / "train.py").write_text("")
    if inside:
        monkeypatch.chdir(work / "project")
    relative = "." if inside else "project"
    directory = str(work / "project") if absolute else relative

    output = run("submit", "scheduler", directory, script).stdout

    assert "Hey" not in output
    spec = only_job(scheduler).spec
    assert (spec.project, spec.command) == ("project", (script,))
    assert f"contents of {work}/project for" in output


def test_an_absolute_script_inside_the_directory_is_found_in_the_copy(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    output = run("submit", "scheduler", "project", str(work / "project" / "main.py"), "x").stdout

    assert "Hey" not in output
    assert only_job(scheduler).spec.command == ("main.py", "x")


def test_a_missing_script_is_warned_about_and_submitted(run: Run, scheduler: FakeScheduler) -> None:
    output = run("submit", "scheduler", "project", "train.py").stdout

    assert f"Foundations WARNING: {MISSING_SCRIPT}\n" in output
    assert only_job(scheduler).spec.command == ("train.py",)


def test_the_active_environment_runs_the_job_and_else_python3_of_the_path(
    run: Run, scheduler: FakeScheduler, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("venv", "conda", "path"):
        (work / folder / "bin").mkdir(parents=True)
        for name in ("python", "python3"):
            (work / folder / "bin" / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(work / "path" / "bin"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)

    run("submit", "scheduler", "project")
    monkeypatch.setenv("CONDA_PREFIX", str(work / "conda"))
    run("submit", "scheduler", "project")
    monkeypatch.setenv("VIRTUAL_ENV", str(work / "venv"))
    run("submit", "scheduler", "project")

    pythons = [job.spec.python for job in scheduler.jobs.values()]
    assert pythons == [
        str(work / "path" / "bin" / "python3"),
        str(work / "conda" / "bin" / "python"),
        str(work / "venv" / "bin" / "python"),
    ]


# -- sending


def test_a_directory_that_did_not_change_is_uploaded_once(
    run: Run, scheduler: FakeScheduler
) -> None:
    for _ in range(10):
        run("submit", "--detach", "scheduler", "project")

    assert len(scheduler.jobs) == 10
    assert len(scheduler.uploads) == 1


def test_a_lost_answer_does_not_queue_the_job_twice(run: Run, scheduler: FakeScheduler) -> None:
    lost: list[str] = []

    def lose_first(request: httpx.Request) -> bool:
        if request.method != "POST" or lost:
            return False
        lost.append(request.headers["Idempotency-Key"])
        return True

    scheduler.lose_answer = lose_first

    output = run("submit", "scheduler", "project").stdout

    assert lost
    assert f"Job '{only_job(scheduler).job_id}' has completed." in output


def test_a_bundle_that_vanishes_before_the_job_is_made_is_uploaded_again(
    run: Run, scheduler: FakeScheduler
) -> None:
    vanished: list[str] = []

    def forget_bundles(request: httpx.Request) -> None:
        if request.method == "POST" and not vanished:
            vanished.extend(scheduler.bundles)
            scheduler.bundles.clear()

    scheduler.on_request = forget_bundles

    run("submit", "scheduler", "project")

    assert len(scheduler.uploads) == 2


def test_a_scheduler_that_does_not_answer_is_an_error(run: Run, scheduler: FakeScheduler) -> None:
    def refuse(request: httpx.Request) -> None:
        raise httpx.ConnectError("connection refused", request=request)

    scheduler.on_request = refuse

    result = run("submit", "scheduler", "project", exit_code=1)

    assert result.stderr.startswith("Error: The scheduler at http://fake does not answer")


# -- Ctrl-C


def test_ctrl_c_while_streaming_leaves_the_job_alone_and_says_how_to_go_on(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.run = FakeScheduler.start

    def interrupt(request: httpx.Request) -> None:
        if request.url.path.endswith("/logs"):
            raise KeyboardInterrupt

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    job = only_job(scheduler)
    assert job.state is JobState.RUNNING
    assert f"foundations get logs --follow scheduler {job.job_id}\n" in output


def test_ctrl_c_before_the_job_is_queued_cancels_the_submission(
    run: Run, scheduler: FakeScheduler
) -> None:
    def interrupt(request: httpx.Request) -> None:
        if request.method == "PUT":
            raise KeyboardInterrupt

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    assert output.endswith("Foundations WARNING: Submission cancelled. No job was created.\n")
    assert not scheduler.jobs


def test_ctrl_c_while_the_job_is_being_queued_stops_it(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.run = None

    def interrupt(request: httpx.Request) -> None:
        if request.url.path.endswith("/jobs"):
            os.kill(os.getpid(), signal.SIGINT)

    scheduler.on_request = interrupt

    output = run("submit", "scheduler", "project", exit_code=130).stdout

    job = only_job(scheduler)
    assert job.state is JobState.STOPPED
    assert output.endswith(f"Submission cancelled. Job '{job.job_id}' is stopped.\n")


# -- bad input


def test_an_unknown_scheduler_is_named_with_those_that_exist(
    run: Run, scheduler: FakeScheduler, home: Path
) -> None:
    result = run("submit", "aws", "project", exit_code=1)

    assert result.stderr.startswith(
        "Error: Could not find submission configuration with name: `aws`. Known: scheduler."
    )


def test_a_config_beside_the_project_wins_over_one_of_the_same_name_in_the_home(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    local = work / "project" / "config" / "submission" / "scheduler.config.yaml"
    local.parent.mkdir(parents=True)
    local.write_text("scheduler_url: nonsense\n")

    stderr = run("submit", "scheduler", "project", exit_code=1).stderr
    assert str(local.relative_to(work)) in stderr


@pytest.mark.parametrize(
    ("directory", "text"),
    [("nowhere", "does not exist"), ("project/main.py", "is not a directory")],
)
def test_a_directory_that_is_none_is_an_error(
    run: Run, scheduler: FakeScheduler, work: Path, directory: str, text: str
) -> None:
    result = run("submit", "scheduler", directory, exit_code=1)

    assert result.stderr == f"Error: Cannot submit {work}/{directory}: it {text}.\n"


def test_an_invalid_job_config_is_an_error_with_its_line_and_nothing_is_queued(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    config = work / "project" / "job.config.yaml"
    config.write_text("project_name: x\nnum_gpu: 1\n")

    result = run("submit", "scheduler", "project", exit_code=1)

    assert f"Error: {config}, line 2: unknown key `num_gpu`. Did you mean `num_gpus`?" in (
        result.stderr
    )
    assert not scheduler.jobs


@pytest.mark.parametrize(
    "words",
    [
        ["--param", "novalue"],
        ["--param", "=1"],
        ["--params", "nowhere.yaml"],
        ["--env", "SURELY_NOT_SET_ANYWHERE"],
        ["--num-gpus", "-1"],
        ["--num-gpus", "many"],
    ],
)
def test_a_wrong_value_is_wrong_usage(run: Run, scheduler: FakeScheduler, words: list[str]) -> None:
    run("submit", *words, "scheduler", "project", exit_code=2)

    assert not scheduler.jobs


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--ram", "0"], "ram: "),
        (["--ram", "nan"], "ram: "),
        (["--project-name", "a/b"], "project name: "),
        (["--env", "not-a-name=1"], "environment."),
    ],
)
def test_a_value_that_no_job_can_have_is_an_error_that_names_it(
    run: Run, scheduler: FakeScheduler, words: list[str], text: str
) -> None:
    result = run("submit", *words, "scheduler", "project", exit_code=1)

    assert result.stderr.startswith(f"Error: {text}")
    assert not scheduler.jobs
