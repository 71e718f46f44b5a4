"""A Docker engine that is away for a while, by a proxy before its socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_scheduler.engine.daemon import Daemon
from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make, on_docker, on_processes
from tests.e2e.processes import read_until
from tests.e2e.projects import config_with, until, write_project
from tests.engine.proxy import Proxy


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    upstream = Daemon().socket_path
    assert upstream is not None, "these tests need Docker on a Unix socket"
    proxy = Proxy(tmp_path / "proxy.sock", upstream=upstream)
    yield proxy
    proxy.down()


@on_docker
def test_jobs_wait_with_the_reason_until_the_engine_is_there(make: Make, proxy: Proxy) -> None:
    proxy.down()
    scheduler = make(environment={"DOCKER_HOST": f"unix://{proxy.path}"})
    scheduler.start()
    project = write_project(scheduler.root / "p", {"main.py": "print('ran')\n"})
    with scheduler.client() as client:
        until(lambda: "Docker" in (client.info().engine.problem or ""), "the problem is known")
    with scheduler.begin("foundations", "submit", "scheduler", str(project)) as streaming:
        told = read_until(streaming, "Job is waiting").splitlines()[-1]
        (listed,) = scheduler.listed()
        job_id = listed["job_id"]
        assert listed["state"] == "queued"
        reason = listed["waiting"]["reason"]
        assert told == f"Foundations WARNING: Job is waiting: {reason}"
        assert str(proxy.path) in reason
        shown = scheduler.cli("show", "job", "scheduler", job_id).out
        assert f"{reason} (place 1)" in " ".join(shown.split())
        assert reason in " ".join(scheduler.cli("info").out.split())
        proxy.up()
        rest, _ = streaming.communicate(timeout=60)
    assert streaming.returncode == 0
    assert f"Job '{job_id}' has completed." in rest
    with scheduler.client() as client:
        assert client.info().engine.problem is None


@on_docker
def test_a_job_that_runs_through_an_outage_is_not_lost(make: Make, proxy: Proxy) -> None:
    scheduler = make(environment={"DOCKER_HOST": f"unix://{proxy.path}"}, max_running_jobs=2)
    scheduler.start()
    place = scheduler.root / "place"
    place.mkdir()
    project = write_project(
        scheduler.root / "p",
        {
            "main.py": """\
                import os, pathlib, time
                place = pathlib.Path(os.environ["PLACE"])
                number = 0
                while not (place / "enough").exists() or number < 100:
                    print("line", number)
                    number += 1
                    time.sleep(0.005)
                """,
            "job.config.yaml": config_with(place),
        },
    )
    quick = write_project(scheduler.root / "quick", {"main.py": "print('ran')\n"})
    running = scheduler.submit(project)
    scheduler.wait_for_text(running, "line 20\n")
    proxy.down()
    started_in_it, queued_in_it = scheduler.submit(quick), scheduler.submit(quick)
    with scheduler.client() as client:
        until(lambda: client.info().engine.problem is not None, "the outage is noticed")
    assert scheduler.job(running).state == "running"
    assert scheduler.job(queued_in_it).state == "queued"
    # Nothing that is asked for needs the engine.
    assert "line 20\n" in scheduler.log(running)
    (place / "enough").touch()
    until(lambda: _has_no_running_container(scheduler), "the job has ended in the outage")
    proxy.up()
    for job_id in (running, started_in_it, queued_in_it):
        job = scheduler.wait(job_id)
        assert (job.state, job.attempt) == ("completed", 1), job.reason
    log = scheduler.log(running).splitlines()[1:]
    assert log == [f"line {number}" for number in range(len(log))]
    assert len(log) >= 100
    until(lambda: scheduler.containers() == [], "the containers are removed")


def _has_no_running_container(scheduler: Scheduler) -> bool:
    return not scheduler.containers(status="running")


@on_docker
def test_a_stop_asked_for_in_an_outage_is_carried_out_after_it(make: Make, proxy: Proxy) -> None:
    scheduler = make(environment={"DOCKER_HOST": f"unix://{proxy.path}"})
    scheduler.start()
    project = write_project(
        scheduler.root / "p", {"main.py": "import time\nprint('begun')\ntime.sleep(600)\n"}
    )
    job_id = scheduler.submit(project)
    scheduler.wait_for_text(job_id, "begun")
    proxy.down()
    scheduler.cli("stop", "job", "--no-wait", "scheduler", job_id)
    assert scheduler.job(job_id).state == "stopping"
    proxy.up()
    job = scheduler.wait(job_id)
    assert (job.state, job.exit_code) == ("stopped", 143)


@on_processes
def test_without_an_engine_jobs_run_as_processes_and_it_is_said(make: Make, tmp_path: Path) -> None:
    scheduler = make(environment={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    scheduler.write_settings(engine="auto")
    project = write_project(scheduler.root / "p", {"main.py": "print('ran')\n"})
    # The first command starts the server.
    assert scheduler.cli("submit", "scheduler", str(project)).lines[-2] == "ran"
    (listed,) = scheduler.listed()
    assert listed["engine"] == "process"
    info = scheduler.cli("info").out
    assert "they are not isolated from each other or from this machine" in " ".join(info.split())
