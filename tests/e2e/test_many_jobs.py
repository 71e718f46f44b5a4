"""Quick jobs in numbers: none is lost, and each has its turn."""

from __future__ import annotations

import itertools

from tests.e2e.driver import Scheduler
from tests.e2e.projects import config_with, until, write_project

LOOP = """\
    import foundations

    jobs = [foundations.submit(job_directory="quick", project_name="sdk") for _ in range(10)]
    for job in jobs:
        assert job.wait(60) == "completed", job.logs()
        print(job.job_id)
    """


def test_ten_jobs_by_cli_and_ten_by_sdk_run_one_after_the_other(own: Scheduler) -> None:
    project = write_project(own.root / "quick", {"main.py": "print('done')\n"})
    by_cli = [own.submit(project, options=["--project-name", "cli"]) for _ in range(10)]
    by_sdk = own.python(LOOP).lines
    with own.client() as client:
        jobs = [client.job(job_id) for job_id in (*by_cli, *by_sdk)]
        until(lambda: all(client.job(one.job_id).archived for one in jobs), "archives are complete")
    assert [job.state for job in jobs] == ["completed"] * 20
    assert [job.project for job in jobs] == ["cli"] * 10 + ["sdk"] * 10
    for earlier, later in itertools.pairwise(jobs):
        assert earlier.finished_at is not None
        assert later.started_at is not None
        assert earlier.finished_at <= later.started_at
    listed = own.listed()
    assert [job["job_id"] for job in listed] == [job.job_id for job in jobs]
    assert {job["exit_code"] for job in listed} == {0}


def test_more_slots_given_at_run_time_are_used_at_once_and_kept(own: Scheduler) -> None:
    place = own.root / "meeting"
    place.mkdir()
    project = write_project(
        own.root / "meet",
        {
            # Each waits until all three are there: they end only when they run side by side.
            "main.py": """\
                import os, pathlib, time
                place = pathlib.Path(os.environ["PLACE"])
                (place / os.environ["FOUNDATIONS_JOB_ID"]).touch()
                while len(list(place.iterdir())) < 3:
                    time.sleep(0.01)
                """,
            "job.config.yaml": config_with(place),
        },
    )
    job_ids = [own.submit(project) for _ in range(3)]
    own.wait_for(job_ids[0], "running")
    waiting = own.job(job_ids[1]).waiting
    assert waiting is not None
    assert waiting.reason == "1 running, max_running_jobs is 1"
    done = own.cli("set", "queue", "scheduler", "--max-running-jobs", "3")
    assert done.out == "At most 3 jobs at once from now on\n"
    assert [own.wait(one).state for one in job_ids] == ["completed"] * 3
    own.server("stop")
    own.start()
    with own.client() as client:
        assert client.info().queue.max_running_jobs == 3
