"""`foundations submit`: whose option it is, and what it asks the scheduler for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler

MISSING_SCRIPT = (
    "Hey, seems like your command 'train.py' is not an existing file in your current directory. "
    "If you are using Atlas's advanced custom docker image functionality and know what you are "
    "doing, you can ignore this message."
)


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

    spec = scheduler.only_job().spec
    assert (spec.num_gpus, spec.command) == (2, ("main.py",))


def test_options_after_the_script_belong_to_the_script(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "scheduler", "project", "main.py", "--num-gpus=3", "-p", "x=1", "--detach")

    spec = scheduler.only_job().spec
    assert spec.num_gpus == 0
    assert spec.params == {}
    assert spec.command == ("main.py", "--num-gpus=3", "-p", "x=1", "--detach")


def test_words_after_two_dashes_are_the_command(run: Run, scheduler: FakeScheduler) -> None:
    run("submit", "--ram", "2", "scheduler", "project", "--", "-m", "training", "--", "x")

    spec = scheduler.only_job().spec
    assert (spec.ram_gb, spec.command) == (2, ("-m", "training", "--", "x"))


def test_arguments_with_spaces_and_empty_ones_arrive_whole(
    run: Run, scheduler: FakeScheduler
) -> None:
    run("submit", "scheduler", "project", "main.py", "two words", "", "*")

    assert scheduler.only_job().spec.command == ("main.py", "two words", "", "*")


def test_an_unknown_option_is_wrong_usage(run: Run, scheduler: FakeScheduler) -> None:
    assert "--num-gpu" in run("submit", "--num-gpu", "1", "scheduler", ".", exit_code=2).stderr


@pytest.mark.parametrize("option", ["--ram", "--shm"])
def test_memory_is_a_number_of_gigabytes(run: Run, scheduler: FakeScheduler, option: str) -> None:
    told = run("submit", option, "4G", "scheduler", "project", exit_code=2).stderr

    assert told.endswith(
        f"Error: Invalid value for '{option}': write a number of GB, such as 16 or 0.5, not '4G'.\n"
    )


# -- what is asked for


def test_every_option_reaches_the_scheduler(
    run: Run, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED_ON", "here")
    monkeypatch.setenv("FOUNDATIONS_USER", "ada")
    run(
        "submit",
        *("--project-name", "p1", "--entrypoint", "python3 -u", "--image", "i:1"),
        *("--num-gpus=0.25", "--ram=0.5", "--cpus=1.5", "--shm=4"),
        *("--env", "A=b=c", "--env", "PASSED_ON", "--tag", "nightly", "--tag", "kind=x"),
        *("scheduler", "project"),
    )

    spec = scheduler.only_job().spec
    assert spec.project == "p1"
    assert spec.entrypoint == ("python3", "-u")
    assert (spec.num_gpus, spec.ram_gb, spec.cpus, spec.image) == (0.25, 0.5, 1.5, "i:1")
    assert spec.shm_gb == 4
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

    assert scheduler.only_job().spec.params == {
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
    [("p.yaml", "lr: 5e-1\nlayers: [1, 2]\n"), ("p.json", '{"lr": 5e-1,\t"layers": [1, 2]}')],
)
def test_parameters_come_from_a_file_and_single_ones_win(
    run: Run, scheduler: FakeScheduler, work: Path, name: str, text: str
) -> None:
    (work / name).write_text(text)
    (work / "project" / "job.config.yaml").write_text("params: {lr: 1, layers: [], seed: 7}\n")

    run("submit", "--params", name, "--param", "lr=0.25", "scheduler", "project")

    assert scheduler.only_job().spec.params == {"lr": 0.25, "layers": [1, 2], "seed": 7}


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

    assert scheduler.only_job().spec.project == expected


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
    spec = scheduler.only_job().spec
    assert (spec.project, spec.command) == ("project", (script,))
    assert f"contents of {work}/project for" in output


def test_an_absolute_script_inside_the_directory_is_found_in_the_copy(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    output = run("submit", "scheduler", "project", str(work / "project" / "main.py"), "x").stdout

    assert "Hey" not in output
    assert scheduler.only_job().spec.command == ("main.py", "x")


def test_a_missing_script_is_warned_about_and_submitted(run: Run, scheduler: FakeScheduler) -> None:
    output = run("submit", "scheduler", "project", "train.py").stdout

    assert f"Foundations WARNING: {MISSING_SCRIPT}\n" in output
    assert scheduler.only_job().spec.command == ("train.py",)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (
            ["project", "python", "main.py"],
            "runs a command with Python: leave 'python' away.",
        ),
        (["project", "python3.11", "main.py"], "leave 'python3.11' away."),
        (["project", "torchrun", "main.py"], "Another program is given as the entry point, as in "),
        (["project", "run.sh"], "'run.sh' is a shell script: give --entrypoint bash."),
        (["--entrypoint", "main.py", "project"], "foundations submit SCHEDULER JOB_DIR main.py"),
    ],
)
def test_who_names_a_program_where_a_script_belongs_is_told_how_to(
    run: Run, scheduler: FakeScheduler, work: Path, words: list[str], advice: str
) -> None:
    (work / "project" / "run.sh").write_text("echo hello\n")

    output = run("submit", "scheduler", *words).stdout

    assert "Foundations WARNING: " in output
    assert advice in output


@pytest.mark.parametrize(
    "words",
    [
        ["--entrypoint", "bash", "project", "run.sh"],
        ["--entrypoint", "./main.py", "project", "main.py"],
        ["--image", "mine:1", "project", "run.sh"],
        ["project", "main.py"],
    ],
)
def test_a_program_that_is_named_as_one_is_not_warned_about(
    run: Run, scheduler: FakeScheduler, work: Path, words: list[str]
) -> None:
    (work / "project" / "run.sh").write_text("echo hello\n")

    assert "WARNING" not in run("submit", "scheduler", *words).stdout


def test_what_runs_without_a_command_is_named_where_it_is_not_there(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    (work / "elsewhere").mkdir()

    output = run("submit", "scheduler", "elsewhere").stdout

    assert "you can ignore this message. Where no command is given it is 'main.py'.\n" in output


def test_a_program_of_an_image_gets_no_advice_about_the_standard_worker(
    run: Run, scheduler: FakeScheduler
) -> None:
    output = run("submit", "--image", "mine:1", "scheduler", "project", "python", "main.py").stdout

    assert "Hey, seems like your command 'python'" in output
    assert "standard worker" not in output


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
