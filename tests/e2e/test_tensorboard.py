"""TensorBoard on the logs of jobs of the real server."""

from __future__ import annotations

import signal
from pathlib import Path

from foundations.submitted_job import SubmittedJob
from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_processes
from tests.e2e.processes import read_until
from tests.e2e.projects import write_project
from tests.foundations.event_files import EventFile, shown_runs, shown_steps

MAIN = """
    import os
    import shutil
    import sys
    import time

    import foundations

    where = sys.argv[1]
    foundations.set_tensorboard_logdir(where)
    os.makedirs(where)
    for number in ("1", "2"):
        if number == "2":
            while not os.path.exists("go on"):
                time.sleep(0.02)
        shutil.copyfile("events." + number, os.path.join(where, "x.tfevents.0"))
        print("wrote", number)
    """


@on_processes
def test_jobs_are_shown_live_and_from_the_archive(shared: Scheduler) -> None:
    project = _project(shared.root / "boards")
    (project / "go on").touch()
    ended = shared.submit(project, "main.py", "../artifacts/runs")
    assert shared.wait(ended).state == "completed", shared.log(ended)
    (project / "go on").unlink()
    live = shared.submit(project, "main.py", "runs/train")
    shared.wait_for_text(live, "wrote 1")

    with shared.begin("foundations", "tensorboard", "scheduler", ended, live, "--port", "0") as cli:
        url = read_until(cli, "Ctrl-C ends it").partition(" at ")[2].partition(" ")[0]
        names = [f"boards/{one[:8]}" for one in (ended, live)]
        shown_runs(url, *names)
        assert shown_steps(url, names[0], "loss", 2) == [1, 2]
        assert shown_steps(url, names[1], "loss", 1) == [1]

        (shared.home.job_dir(live) / "job_source" / "go on").touch()
        assert shown_steps(url, names[1], "loss", 2) == [1, 2]
        assert shared.wait(live).state == "completed"

        copy = _copy(cli.pid)
        cli.send_signal(signal.SIGINT)
        assert cli.wait(30) == 0
    assert not copy.exists()


@on_processes
def test_a_command_that_is_terminated_leaves_nothing_behind(shared: Scheduler) -> None:
    project = _project(shared.root / "terminated")
    (project / "go on").touch()
    job_id = shared.submit(project, "main.py", "runs")
    shared.wait(job_id)

    with shared.begin("foundations", "tensorboard", "scheduler", job_id, "--port", "0") as cli:
        read_until(cli, "Ctrl-C ends it")
        (board,) = _children(cli.pid)
        copy = _copy(cli.pid)
        cli.send_signal(signal.SIGTERM)
        assert cli.wait(30) == 0
    assert not copy.exists()
    assert not Path(f"/proc/{board}").exists()


@on_processes
def test_a_job_without_logs_is_named(shared: Scheduler) -> None:
    project = write_project(shared.root / "silent", {"main.py": "print('hello')\n"})
    job_id = shared.submit(project)
    shared.wait(job_id)

    refused = shared.cli("tensorboard", "scheduler", job_id, code=1)

    assert refused.err == (
        f"Error: Job {job_id} has no TensorBoard logs: it has not called set_tensorboard_logdir.\n"
    )
    unknown = shared.cli("tensorboard", "scheduler", "0123abcd", code=1)
    assert "Job `0123abcd` does not exist for environment `scheduler`" in unknown.err


def test_a_submitted_job_opens_its_own_tensorboard(shared: Scheduler) -> None:
    project = _project(shared.root / "own_board")
    (project / "go on").touch()
    job_id = shared.submit(project, "main.py", "runs")
    shared.wait(job_id)

    with shared.client() as client, SubmittedJob(client, job_id).tensorboard(port=0) as board:
        assert shown_steps(board.url, f"own_board/{job_id[:8]}", "loss", 2) == [1, 2]


def _project(directory: Path) -> Path:
    """A project whose job writes an event file with one point, then with two."""
    project = write_project(directory, {"main.py": MAIN})
    events = EventFile(directory.parent / f"{directory.name}-events")
    for step in (1, 2):
        events.add(step, loss=1 / step)
        (project / f"events.{step}").write_bytes(events.read()[1])
    events.close()
    return project


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _copy(pid: int) -> Path:
    """The directory that the TensorBoard of a command shows."""
    (board,) = _children(pid)
    command = Path(f"/proc/{board}/cmdline").read_bytes().decode().split("\0")
    return Path(command[command.index("--logdir") + 1])
