"""The queue is changed while jobs wait in it."""

from __future__ import annotations

from contextlib import closing

from foundations.models import NewRecords, QueueChange
from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project


def test_jobs_start_in_the_order_that_people_give_them(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": ""})
    own.cli("pause", "queue", "scheduler")
    submitted = [own.submit(project) for _ in range(3)]
    urgent = own.submit(project, options=["--priority", "10"])
    held = own.submit(project, options=["--hold"])
    first, second, third = submitted
    own.cli("move", "job", "scheduler", third, "before", second)
    own.cli("set", "job", "scheduler", first, "--priority", "-1")
    own.kill()
    own.start()
    assert "paused by" in own.cli("info").out
    assert {one["state"] for one in own.listed()} == {"queued"}

    own.cli("resume", "queue", "scheduler")
    for job_id in (urgent, third, second, first):
        assert own.wait(job_id).state == "completed"

    with own.client() as client:
        changes = client.changes(0, follow=False)
        claimed = [one.job_id for one in changes if one.event == "Claimed"]
    assert claimed == [urgent, third, second, first]
    job = own.job(held)
    assert job.waiting is not None
    assert job.waiting.reason.startswith("held by ")
    own.cli("release", "job", "scheduler", held)
    assert own.wait(held).state == "completed"


def test_followers_hear_of_the_queue_and_of_new_records(own: Scheduler) -> None:
    project = write_project(
        own.root / "p",
        {
            "main.py": """\
                import pathlib, time
                import foundations

                for step in range(500):
                    foundations.log_metric("loss", 1.0, step=step)
                while not pathlib.Path("go").exists():
                    time.sleep(0.02)
                """
        },
    )
    job_id = own.submit(project)
    with own.client() as client, closing(client.news(0)) as news:
        until(lambda: isinstance(next(news), NewRecords), "records are told")
        until(lambda: bool(client.metrics(job_id)), "they can be asked for")
        own.cli("set", "queue", "scheduler", "--max-running-jobs", "2")
        own.cli("pause", "queue", "scheduler", "--project", "p")
        told: list[QueueChange] = []
        while len(told) < 2:
            one = next(news)
            if isinstance(one, QueueChange):
                told.append(one)
    assert [(one.event, one.project) for one in told] == [
        ("QueueChanged", None),
        ("QueuePaused", "p"),
    ]
    own.cli("stop", "job", "scheduler", job_id)
