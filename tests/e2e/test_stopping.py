"""Jobs that are stopped, in every state that a job can be stopped in."""

from __future__ import annotations

import json
import socket
import uuid

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make, on_docker
from tests.e2e.processes import read_until
from tests.e2e.projects import config_with, until, write_project

GRACEFUL = """\
    import signal, sys, time

    def end(number, frame):
        print("saved a checkpoint")
        sys.exit(5)

    signal.signal(signal.SIGTERM, end)
    print("begun")
    time.sleep(600)
    """
STUBBORN = """\
    import signal, time

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("begun")
    while True:
        time.sleep(600)
    """


RACE = """\
    import json, sys, time
    import foundations

    states = {}
    for number in range(8):
        job = foundations.submit(job_directory=sys.argv[1])
        time.sleep(number * 0.05)
        job.stop()
        states[job.job_id] = job.wait(60)
    print(json.dumps(states))
    """


@pytest.mark.parametrize(
    ("script", "exit_code", "log"),
    [(GRACEFUL, 5, "begun\nsaved a checkpoint\n"), (STUBBORN, 137, "begun\n")],
    ids=["graceful", "stubborn"],
)
def test_a_running_job_is_stopped_and_its_last_words_are_kept(
    shared: Scheduler, script: str, exit_code: int, log: str
) -> None:
    project = write_project(shared.root / f"stopped-{exit_code}", {"main.py": script})
    with shared.begin("foundations", "submit", "scheduler", str(project)) as streaming:
        read_until(streaming, "begun")
        (job_id,) = (one["job_id"] for one in shared.listed() if one["project"] == project.name)
        done = shared.cli("stop", "job", "scheduler", job_id)
        assert done.out == f"Stopped running job {job_id}\n"
        rest, _ = streaming.communicate(timeout=60)
    assert streaming.returncode == 3
    assert f"Foundations WARNING: Job '{job_id}' has been stopped.\n" in rest
    job = shared.wait(job_id)
    assert (job.state, job.exit_code) == ("stopped", exit_code)
    assert shared.log(job_id) == "No user requirements found.\n" + log
    again = shared.cli("stop", "job", "scheduler", job_id, code=1)
    assert again.err == f"Error: Job `{job_id}` is stopped already\n"


def test_a_queued_job_is_stopped_at_once_and_never_runs(own: Scheduler) -> None:
    place = own.root / "place"
    place.mkdir()
    project = write_project(
        own.root / "p",
        {
            "main.py": """\
                import os, time
                open(os.environ["PLACE"] + "/starts", "a").write("x")
                time.sleep(600)
                """,
            "job.config.yaml": config_with(place),
        },
    )
    running = own.submit(project)
    until(lambda: (place / "starts").exists(), "the first job runs")
    queued = own.submit(project)
    # The form of the original, without the noun.
    assert own.cli("stop", "scheduler", queued).out == f"Stopped queued job {queued}\n"
    job = own.wait(queued)
    assert (job.state, job.exit_code, job.started_at) == ("stopped", None, None)
    assert own.cli("wait", "job", "scheduler", queued, code=3).out.startswith(
        f"Job {queued} is stopped"
    )
    own.cli("stop", "job", "scheduler", running)
    assert own.wait(running).state == "stopped"
    assert (place / "starts").read_text() == "x"
    assert {job["state"] for job in own.listed()} == {"stopped"}


def test_a_job_is_stopped_while_it_installs_its_requirements(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "installing",
        {
            "main.py": "print('the script ran')\n",
            "requirements.txt": "./slow\n",
            # What pip runs to build the package tells that it has begun, and takes long.
            "slow/pyproject.toml": """\
                [build-system]
                requires = []
                build-backend = "backend"
                backend-path = ["."]
                """,
            "slow/backend.py": """\
                import pathlib, time
                pathlib.Path("../begun").touch()
                time.sleep(600)
                """,
        },
    )
    job_id = shared.submit(project)
    begun = shared.home.job_dir(job_id) / "job_source" / "begun"
    until(begun.exists, "pip builds the package")
    shared.cli("stop", "job", "scheduler", job_id)
    assert shared.wait(job_id).state == "stopped"
    assert "the script ran" not in shared.log(job_id)


@on_docker
def test_a_job_that_is_starting_is_stopped_and_leaves_no_container(make: Make) -> None:
    # A registry that takes the connection and then says nothing: the pull lasts.
    with socket.create_server(("127.0.0.1", 0)) as registry:
        registry.settimeout(30)
        image = f"127.0.0.1:{registry.getsockname()[1]}/slow:latest"
        scheduler = make()
        scheduler.start()
        project = write_project(scheduler.root / "p", {"main.py": "print('ran')\n"})
        job_id = scheduler.submit(project, options=["--image", image])
        connection, _ = registry.accept()
        with connection:
            assert scheduler.job(job_id).state == "starting"
            done = scheduler.cli("stop", "job", "scheduler", job_id)
            assert done.out == f"Stopped running job {job_id}\n"
    job = scheduler.wait(job_id)
    assert (job.state, job.exit_code, job.started_at) == ("stopped", None, None)
    assert scheduler.containers() == []
    after = scheduler.wait(scheduler.submit(project))
    assert after.state == "completed"


def test_a_stop_that_comes_at_any_moment_of_a_start_ends_in_stopped(shared: Scheduler) -> None:
    project = write_project(shared.root / "race", {"main.py": "import time\ntime.sleep(600)\n"})
    done = shared.python(RACE, cwd=shared.root, arguments=[str(project)])
    states: dict[str, str] = json.loads(done.out)
    assert len(states) == 8
    assert set(states.values()) == {"stopped"}
    if shared.is_docker:
        until(
            lambda: not any(one in " ".join(shared.containers()) for one in states),
            "the containers are removed",
        )


def test_unknown_and_ambiguous_ids_are_told_apart(shared: Scheduler) -> None:
    unknown = str(uuid.uuid4())
    for command in (["stop", "job"], ["show", "job"], ["get", "logs"], ["delete", "job"]):
        done = shared.cli(*command, "scheduler", unknown, code=1)
        assert done.err == (
            f"Error: Job `{unknown}` does not exist for environment `scheduler`\n"
            "`foundations list jobs scheduler` shows the jobs there are.\n"
        )
    short = shared.cli("stop", "job", "scheduler", "abc", code=1)
    assert "abc" in short.err


def test_a_stop_asked_for_while_no_server_runs_starts_one(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": "import time\ntime.sleep(600)\n"})
    job_id = own.submit(project)
    own.wait_for(job_id, "running")
    own.kill()
    assert own.cli("stop", "job", "scheduler", job_id[:8]).out == f"Stopped running job {job_id}\n"
    assert own.wait(job_id).state == "stopped"


def test_a_stop_survives_a_crash_of_the_server(make: Make) -> None:
    scheduler = make(stop_grace_seconds=3)
    scheduler.start()
    project = write_project(scheduler.root / "p", {"main.py": STUBBORN})
    job_id = scheduler.submit(project)
    scheduler.wait_for_text(job_id, "begun")
    scheduler.cli("stop", "job", "--no-wait", "scheduler", job_id)
    assert scheduler.job(job_id).state == "stopping"
    scheduler.kill()
    scheduler.start()
    job = scheduler.wait(job_id)
    assert (job.state, job.exit_code) == ("stopped", 137)
