"""The standard entry point: requirements first, then the command in its place."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.worker.interpreters import INTERPRETERS, LIBRARY, job_environment, make_job_dir
from tests.worker.wheels import make_wheel

TELL = "import os, sys; print(sys.argv[1:], os.getpid(), sys.path[0])"
SYSTEM_PYTHON = "/usr/bin/python3"
NONE_FOUND = "No user requirements found.\n"


class Job:
    """A job's directory, and the entry point run in it."""

    def __init__(self, directory: Path, python: str) -> None:
        self.path = make_job_dir(directory)
        self.source = self.path / "job_source"
        self.environment = job_environment(self.path)
        self.python = python

    def write(self, name: str, text: str) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def begin(self, *command: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "-m", "atlas_worker", *command],
            cwd=cwd or self.source,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, cwd: Path | None = None) -> tuple[int, str]:
        """Run a command to its end; return its exit status and what is in the log."""
        with self.begin(*command, cwd=cwd) as process:
            said, _ = process.communicate(timeout=100)
        return process.returncode, said

    def require(self, text: str) -> None:
        """Write a requirements.txt that is met by the packages of `make_package` alone."""
        self.write("requirements.txt", f"--no-index\n--find-links ./wheels\n{text}\n")


def make_package(job: Job, name: str, version: str) -> None:
    """Make a package where `require` looks for it."""
    folder = job.source / "wheels"
    folder.mkdir(exist_ok=True)
    make_wheel(folder, name, version)


@pytest.fixture(params=INTERPRETERS)
def job(tmp_path: Path, request: pytest.FixtureRequest) -> Job:
    return Job(tmp_path, request.param)


@pytest.mark.parametrize(
    "content", [None, "", "\n \n", "# numpy\n\n  # pandas\n", "\ufeff# utf-8\r\n"]
)
def test_without_requirements_the_command_just_runs(job: Job, content: str | None) -> None:
    if content is not None:
        job.write("requirements.txt", content)
    job.write("main.py", "print('ran')")

    assert job.run("main.py") == (0, NONE_FOUND + "ran\n")
    assert not (job.path / "environment").exists()


def test_the_command_takes_the_place_of_the_entry_point(job: Job) -> None:
    job.write("scripts/main.py", TELL)
    arguments = ["", "two words", "--flag=1", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a\nb", "*"]
    with job.begin("scripts/main.py", *arguments) as process:
        said, _ = process.communicate(timeout=100)

    assert said == f"{NONE_FOUND}{arguments} {process.pid} {job.source / 'scripts'}\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(job: Job, code: int) -> None:
    job.write("main.py", f"raise SystemExit({code})")

    assert job.run("main.py") == (code, NONE_FOUND)


def test_what_python_understands_is_a_command(job: Job) -> None:
    assert job.run("-c", "print('given')") == (0, NONE_FOUND + "given\n")
    assert job.run("-m", "json.tool", "--help")[0] == 0


def test_python_itself_tells_of_a_missing_file(job: Job) -> None:
    code, said = job.run("nope.py")

    assert code == 2
    assert "can't open file" in said
    assert "nope.py" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_reaches_the_command(job: Job, number: signal.Signals) -> None:
    job.write(
        "main.py",
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: exit(9))\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1000)\n",
    )
    with job.begin("main.py") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == NONE_FOUND
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        code = process.wait(30)

    assert code == (9 if number is signal.SIGTERM else -number)


def test_requirements_are_installed_before_the_command(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo==1.5")
    job.write("main.py", "import atlasdemo, sys\nprint(atlasdemo.version)\nsys.exit(7)")
    code, said = job.run("main.py")

    assert code == 7
    assert said.endswith("\n1.5\n")
    assert "Successfully installed atlasdemo-1.5" in said
    assert NONE_FOUND not in said


def test_the_interpreters_own_packages_stay_in_reach(job: Job) -> None:
    """`pip` stands for them; what the requirements ask for comes before it."""
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo")
    job.write(
        "main.py", "import pip, foundations, atlasdemo\nprint(pip.__file__, foundations.__file__)"
    )
    code, said = job.run("main.py")

    assert code == 0, said


def test_programs_of_the_environment_come_first(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo")
    job.write(
        "main.py",
        "import os, shutil, sys\n"
        "print(sys.executable, shutil.which('python'), os.environ['VIRTUAL_ENV'], sep='\\n')",
    )
    _, said = job.run("main.py")

    environment = job.path / "environment"
    python = str(environment / "bin" / "python")
    assert said.splitlines()[-3:] == [python, python, str(environment)]


def test_requirements_that_cannot_be_met_keep_the_job_from_starting(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo==2.0")
    job.write("main.py", "print('ran')")
    code, said = job.run("main.py")

    assert code == 1
    assert "No matching distribution found for atlasdemo==2.0" in said
    assert said.splitlines()[-1] == (
        "Installing requirements.txt failed (exit code 1); the job was not started."
    )


def test_an_environment_that_cannot_be_made_keeps_the_job_from_starting(job: Job) -> None:
    job.require("atlasdemo")
    job.environment["ATLAS_JOB_DIR"] = str(job.write("a_file", ""))
    code, said = job.run("-c", "print('ran')")

    assert code == 1
    first, last = said.splitlines()
    assert first.startswith("Cannot make an environment in ")
    assert last == "Installing requirements.txt failed (exit code 1); the job was not started."


def test_half_an_environment_of_an_earlier_attempt_is_replaced(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo")
    broken = job.path / "environment"
    (broken / "bin").mkdir(parents=True)
    (broken / "bin" / "python").write_text("half")
    (broken / "lib" / "python0.0" / "site-packages").mkdir(parents=True)

    assert job.run("-c", "import atlasdemo")[0] == 0


def test_files_of_the_job_do_not_shadow_what_the_entry_point_needs(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo")
    for name in ("subprocess", "venv", "site", "queue", "tempfile", "pip", "glob", "shutil"):
        job.write(f"{name}.py", "raise SystemExit('shadowed')")
    job.write("scripts/main.py", "import atlasdemo\nprint(atlasdemo.version)")
    code, said = job.run("scripts/main.py")

    assert (code, said.splitlines()[-1]) == (0, "1.5")


def test_in_a_subfolder_the_requirements_of_the_project_count(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    make_package(job, "atlasother", "2.5")
    job.require("atlasdemo")
    folder = job.write("sub/main.py", "import atlasdemo\nprint(atlasdemo.version)").parent
    assert job.run("main.py", cwd=folder)[1].splitlines()[-1] == "1.5"

    job.write("sub/requirements.txt", "--no-index\n--find-links ../wheels\natlasother\n")
    code, said = job.run("-c", "import atlasother", cwd=folder)
    assert code == 0, said


def test_settings_of_pip_that_do_not_fit_an_environment_do_no_harm(job: Job) -> None:
    make_package(job, "atlasdemo", "1.5")
    job.require("atlasdemo")
    job.environment.update(PIP_USER="1", PYTHONNOUSERSITE="1")

    assert job.run("-c", "import atlasdemo")[0] == 0
    assert not (job.path / "home" / ".cache").exists(), "a second copy of every package"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become an unknown user")
@pytest.mark.skipif(not os.access(SYSTEM_PYTHON, os.X_OK), reason="no Python that all may run")
def test_a_user_without_a_name_or_home_can_run_it() -> None:
    with tempfile.TemporaryDirectory() as place:  # tmp_path is closed to others
        Path(place).chmod(0o755)
        job = Job(Path(place), SYSTEM_PYTHON)
        for package in LIBRARY.split(os.pathsep):
            shutil.copytree(package, job.path / "lib", dirs_exist_ok=True)
        job.environment.update(HOME="/nonexistent", PYTHONPATH=str(job.path / "lib"))
        job.write("main.py", "import os, foundations; foundations.log_metric('uid', os.getuid())")
        for path in (job.path, *job.path.rglob("*")):
            os.chown(path, 54321, 54321)
        ended = subprocess.run(
            [SYSTEM_PYTHON, "-m", "atlas_worker", "main.py"],
            cwd=job.source,
            env=job.environment,
            user=54321,
            group=54321,
            extra_groups=[],
            capture_output=True,
            text=True,
        )

        assert (ended.returncode, ended.stdout, ended.stderr) == (0, NONE_FOUND, "")
        events = job.path / "records" / "events.jsonl"
        assert '"value":54321' in events.read_text()
        assert events.stat().st_uid == 54321
