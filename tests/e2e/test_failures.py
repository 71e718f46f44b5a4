"""Jobs that go wrong: each ends with its own exit code and a reason that a user understands."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_docker, on_processes
from tests.e2e.images import has_image
from tests.e2e.processes import read_until
from tests.e2e.projects import until, write_project


@pytest.mark.parametrize(
    ("name", "script", "exit_code"),
    [
        ("exits", "print('said')\nraise SystemExit(4)\n", 4),
        ("exit-1", "import sys\nprint('said')\nsys.exit(1)\n", 1),
        ("raises", "print('said')\nraise ValueError('the loss is NaN')\n", 1),
        ("killed", "import os\nprint('said')\nos.kill(os.getpid(), 9)\n", 137),
        ("aborts", "import os\nprint('said')\nos.abort()\n", 134),
        ("vanishes", "import os\nprint('said', flush=True)\nos._exit(9)\n", 9),
    ],
)
def test_a_script_that_fails_fails_its_job_with_its_exit_code(
    shared: Scheduler, name: str, script: str, exit_code: int
) -> None:
    project = write_project(shared.root / f"failing-{name}", {"main.py": script})
    done = shared.cli("submit", "scheduler", str(project), code=3)
    (listed,) = (one for one in shared.listed() if one["project"] == project.name)
    assert (listed["state"], listed["exit_code"]) == ("failed", exit_code)
    assert listed["reason"] == f"exit code {exit_code}"
    assert done.lines[-2:] == [
        f"Foundations ERROR: Job '{listed['job_id']}' has failed.",
        f"Foundations ERROR: Reason: exit code {exit_code}",
    ]
    assert "said" in done.lines
    if name == "raises":
        assert "ValueError: the loss is NaN" in done.lines
    job = shared.wait(listed["job_id"])
    assert (shared.home.archive(job.job_id) / "archive.json").exists()


def test_an_output_that_only_talks_of_errors_completes(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "talks",
        {
            "main.py": "print('RuntimeError')\ntry:\n    raise RuntimeError\nexcept RuntimeError:\n"
            "    print('caught RuntimeError')\n"
        },
    )
    done = shared.cli("submit", "scheduler", str(project))
    assert done.lines[-3:-1] == ["RuntimeError", "caught RuntimeError"]
    assert done.lines[-1].endswith("has completed.")


def test_a_missing_script_is_warned_of_and_fails(shared: Scheduler) -> None:
    project = write_project(shared.root / "scriptless", {"other.py": ""})
    done = shared.cli("submit", "scheduler", str(project), "train.py", code=3)
    warning = (
        "Foundations WARNING: Hey, seems like your command 'train.py' is not an existing file in "
        "your current directory."
    )
    assert any(line.startswith(warning) for line in done.lines)
    assert "No such file or directory" in done.out
    assert done.lines[-1] == "Foundations ERROR: Reason: exit code 2"


@on_docker
def test_an_image_that_does_not_exist_fails_the_job_with_the_engines_words(
    shared: Scheduler,
) -> None:
    image = "localhost:1/no-such-image:latest"
    assert not has_image(image)
    project = write_project(
        shared.root / "imageless",
        {"main.py": "", "job.config.yaml": f"worker:\n  image: {image}\n"},
    )
    done = shared.cli("submit", "scheduler", str(project), code=3)
    (listed,) = (one for one in shared.listed() if one["project"] == project.name)
    assert listed["state"] == "failed"
    assert listed["exit_code"] is None
    log = shared.log(listed["job_id"])
    assert log.splitlines()[-1] == f"Foundations ERROR: {listed['reason']}"
    assert log.strip() in done.out
    assert done.out.count(listed["reason"]) == 1
    assert f"{image!r} is not on this machine and cannot be pulled: " in listed["reason"]
    assert "connection refused" in listed["reason"]
    assert "worker: image:" in listed["reason"]
    assert "Client Error" not in done.out


@on_docker
def test_an_image_name_with_capitals_is_explained(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "capitals",
        {"main.py": "", "job.config.yaml": "worker:\n  image: myCustomWorker:latest\n"},
    )
    done = shared.cli("submit", "scheduler", str(project), code=3)
    assert "myCustomWorker:latest" in done.out
    assert "repository name must be lowercase" in done.out


@on_docker
def test_a_job_over_its_memory_limit_is_said_to_be_out_of_memory(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "hungry",
        {"main.py": "print('begun')\nhoard = bytearray(400_000_000)\nprint('not reached')\n"},
    )
    job_id = shared.submit(project, options=["--ram", "0.1"])
    job = shared.wait(job_id)
    assert (job.state, job.exit_code, job.ram_gb) == ("failed", 137, 0.1)
    assert job.reason == "out of memory (exit code 137)"
    assert shared.log(job_id).splitlines() == ["No user requirements found.", "begun"]


@on_docker
def test_a_container_removed_behind_our_back_is_a_lost_job(own: Scheduler) -> None:
    project = write_project(
        own.root / "p", {"main.py": "import time\nprint('begun')\ntime.sleep(600)\n"}
    )
    with own.begin("foundations", "submit", "scheduler", str(project)) as streaming:
        read_until(streaming, "begun")
        own.remove_containers()
        rest, _ = streaming.communicate(timeout=60)
    assert streaming.returncode == 3
    (listed,) = own.listed()
    assert (listed["state"], listed["exit_code"]) == ("lost", None)
    assert f"Foundations ERROR: Job '{listed['job_id']}' was lost.\n" in rest
    assert listed["reason"]
    assert own.wait(listed["job_id"]).archived
    assert own.log(listed["job_id"]).splitlines()[-1] == "begun"


@on_processes
def test_a_process_killed_with_its_shim_is_a_lost_job(own: Scheduler) -> None:
    project = write_project(
        own.root / "p", {"main.py": "import time\nprint('begun')\ntime.sleep(600)\n"}
    )
    job_id = own.submit(project)
    own.wait_for_text(job_id, "begun")
    (record,) = own.home.run.glob("attempts/*/started.json")
    started = json.loads(record.read_text())
    os.kill(started["shim_pid"], signal.SIGKILL)
    job = own.wait(job_id)
    assert (job.state, job.exit_code) == ("lost", None)
    assert job.reason == "its process was killed together with its shim"
    until(lambda: not Path(f"/proc/{started['pid']}").exists(), "the job's process is ended too")


def test_requirements_that_cannot_be_installed_fail_the_job(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "uninstallable",
        {
            "main.py": "print('the script ran')\n",
            "requirements.txt": "--no-index\nno-such-package-anywhere==1\n",
        },
    )
    done = shared.cli("submit", "scheduler", str(project), code=3)
    (listed,) = (one for one in shared.listed() if one["project"] == project.name)
    assert (listed["state"], listed["exit_code"]) == ("failed", None)
    assert "no-such-package-anywhere was not found" in listed["reason"]
    log = shared.log(listed["job_id"])
    assert log.count("no-such-package-anywhere was not found") == 1
    assert log.splitlines()[-1] == "Foundations ERROR: requirements.txt cannot be installed."
    assert "the script ran" not in done.out


def test_a_job_may_leave_files_that_nobody_can_read_and_is_deleted_all_the_same(
    shared: Scheduler,
) -> None:
    project = write_project(
        shared.root / "locked",
        {
            "main.py": """\
                import os, pathlib
                deep = pathlib.Path("deep/er")
                deep.mkdir(parents=True)
                (deep / "file").write_text("x")
                deep.chmod(0)
                pathlib.Path("deep").chmod(0)
                os.mkfifo("pipe")
                os.symlink("/etc/passwd", "link")
                os.symlink("nowhere", "dangling")
                """
        },
    )
    job = shared.wait(shared.submit(project))
    assert job.state == "completed", shared.log(job.job_id)
    assert not (shared.get(job.job_id) / "changed" / "link").exists()
    shared.cli("delete", "job", "scheduler", job.job_id)
    until(lambda: not shared.home.archive(job.job_id).exists(), "the archive is gone")
    until(lambda: not shared.home.job_dir(job.job_id).exists(), "the work dir is gone")
