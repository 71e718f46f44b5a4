"""Time limits on running and on waiting, also over a restart of the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project

STUBBORN = """\
    import signal, time
    signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
    print("begun", flush=True)
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        time.sleep(0.1)
    """


def test_a_job_over_its_time_limit_is_asked_to_end_then_killed_and_fails(shared: Scheduler) -> None:
    project = write_project(shared.root / "slow", {"main.py": STUBBORN})
    job_id = shared.submit(project, options=["--time-limit", "3s", "--retries", "5"])
    job = shared.wait(job_id)
    assert (job.state, job.reason, job.exit_code) == ("failed", "time limit of 3s", 137)
    assert job.attempt == 1
    assert shared.log(job_id).splitlines()[-2:] == ["begun", "asked to end"]
    assert "TimedOut" in [one.event for one in job.history]


def test_a_time_limit_that_passes_while_the_server_is_down_is_kept_at_its_next_start(
    own: Scheduler,
) -> None:
    project = write_project(own.root / "p", {"main.py": STUBBORN})
    job_id = own.submit(project, options=["--time-limit", "3s"])
    own.wait_for_text(job_id, "begun")
    started_at = own.job(job_id).started_at
    assert started_at is not None
    own.kill()
    deadline = started_at + timedelta(seconds=3)
    until(lambda: datetime.now(UTC) > deadline, "its time is over")
    own.start()
    job = own.wait(job_id)
    assert (job.state, job.reason) == ("failed", "time limit of 3s")
    assert job.started_at is not None
    assert job.started_at <= started_at, "the restart began nothing anew"


def test_a_job_that_waits_too_long_is_stopped_also_while_it_is_held(own: Scheduler) -> None:
    busy = write_project(own.root / "busy", {"main.py": STUBBORN})
    own.wait_for_text(own.submit(busy), "begun")
    project = write_project(own.root / "p", {"main.py": ""})
    patient = own.submit(project)
    for options in ([], ["--hold"]):
        job = own.wait(own.submit(project, options=["--queue-ttl", "1s", *options]))
        assert (job.state, job.reason, job.attempt) == ("stopped", "waited longer than 1s", 0)
    assert own.job(patient).state == "queued"
    until(lambda: own.job(patient).waiting is not None, "the other one waits on")
