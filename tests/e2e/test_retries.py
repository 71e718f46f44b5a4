"""Jobs that are tried again: what is fresh, what goes on, and when it is over."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_docker, on_processes
from tests.e2e.projects import until, write_project

FAILS_TWICE = """\
    import os, pathlib
    import foundations
    attempt = int(os.environ["FOUNDATIONS_ATTEMPT"])
    print("attempt", attempt, "finds", sorted(os.listdir()), flush=True)
    foundations.log_metric("loss", 1 / attempt, step=attempt)
    pathlib.Path("left.txt").write_text(str(attempt))
    pathlib.Path("checkpoint").write_text(str(attempt))
    foundations.save_artifact("checkpoint", f"checkpoint-{attempt}")
    earlier = sorted(os.listdir(os.environ["ATLAS_ARTIFACTS"]))
    print("artifacts", len(earlier), flush=True)
    with open(os.environ["ATLAS_EVENTS"], "a") as events:
        if attempt == 1:
            events.write('{"event": "metric", "key": "torn')
    raise SystemExit(0 if attempt == 3 else attempt)
    """


def test_a_job_fails_twice_and_then_completes(shared: Scheduler) -> None:
    project = write_project(shared.root / "fails-twice", {"main.py": FAILS_TWICE})
    job_id = shared.submit(project, options=["--retries", "2", "--retry-delay", "0s"])
    job = shared.wait(job_id)
    log = shared.log(job_id).splitlines()
    assert (job.state, job.exit_code, job.attempt, job.reason) == ("completed", 0, 3, None), log
    assert [line for line in log if line.startswith(("attempt", "artifacts", "Foundations"))] == [
        "attempt 1 finds ['main.py']",
        "artifacts 1",
        "Foundations INFO: Attempt 2: retry 1 of 2, because its program failed",
        "attempt 2 finds ['main.py']",
        "artifacts 2",
        "Foundations INFO: Attempt 3: retry 2 of 2, because its program failed",
        "attempt 3 finds ['main.py']",
        "artifacts 3",
    ]
    with shared.client() as client:
        assert [point.step for point in client.metric(job_id, "loss").points] == [1, 2, 3]
    assert job.skipped_records == 1
    told = [one.detail.get("retry") for one in job.history if one.event == "Exited"]
    assert told == ["retry 1 of 2 after exit code 1", "retry 2 of 2 after exit code 2", None]
    archive = shared.get(job_id)
    assert (archive / "changed" / "left.txt").read_text() == "3"
    assert len(list((archive / "artifacts").iterdir())) == 3
    if shared.is_docker:
        until(lambda: not any(job_id in name for name in shared.containers()), "none is left")
    else:
        until(lambda: not list(shared.home.run.glob(f"attempts/*{job_id}*")), "none is left")


def test_a_job_that_uses_its_retries_fails_and_says_how_often(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "fails-always",
        {
            "main.py": "raise SystemExit(7)\n",
            "job.config.yaml": "retries: {exit: 1, lost: 3}\nretry_delay: 0s\n",
        },
    )
    done = shared.cli("submit", "scheduler", str(project), code=3)
    assert done.lines[-1] == "Foundations ERROR: Reason: exit code 7"
    told = "Foundations WARNING: Job runs again in 0 seconds: retry 1 of 1 after exit code 7."
    assert told in done.lines
    (listed,) = (one for one in shared.listed() if one["project"] == project.name)
    assert (listed["state"], listed["exit_code"], listed["attempt"]) == ("failed", 7, 2)


def test_a_retry_that_waits_frees_its_slot_survives_a_restart_and_is_stopped_for_good(
    own: Scheduler,
) -> None:
    project = write_project(own.root / "p", {"main.py": "raise SystemExit(4)\n"})
    job_id = own.submit(project, options=["--retries", "1", "--retry-delay", "1h"])
    own.wait_for(job_id, "running")
    until(lambda: own.job(job_id).not_before is not None, "it waits for its retry")
    other = own.wait(own.submit(write_project(own.root / "q", {"main.py": ""})))
    assert other.state == "completed"
    before = own.job(job_id)
    assert (before.state, before.reason) == ("queued", "retry 1 of 1 after exit code 4")
    assert before.waiting is not None
    assert before.waiting.reason.startswith("retry 1 of 1 after exit code 4, at ")
    assert (before.started_at, before.gpus, before.archived) == (None, [], False)
    own.kill()
    own.start()
    after = own.job(job_id)
    assert (after.state, after.not_before) == ("queued", before.not_before)
    own.cli("stop", "job", "scheduler", job_id)
    job = own.wait(job_id)
    assert (job.state, job.attempt) == ("stopped", 1)
    assert job.reason is not None
    assert job.reason.startswith("stopped by ")


def test_a_restart_during_a_retry_loses_and_repeats_no_line_of_its_log(own: Scheduler) -> None:
    script = """\
        import os, time
        attempt = int(os.environ["FOUNDATIONS_ATTEMPT"])
        for number in range(60):
            print("attempt", attempt, "line", number, flush=True)
            time.sleep(0.05 if attempt == 2 else 0)
        raise SystemExit(2 - attempt)
        """
    project = write_project(own.root / "p", {"main.py": script})
    job_id = own.submit(project, options=["--retries", "1", "--retry-delay", "0s"])
    own.wait_for_text(job_id, "attempt 2 line 5")
    own.kill()
    own.start()
    job = own.wait(job_id)
    assert (job.state, job.attempt) == ("completed", 2)
    said = "Foundations INFO: Attempt 2: retry 1 of 1, because its program failed"
    lines = [[f"attempt {one} line {number}" for number in range(60)] for one in (1, 2)]
    begun = "No user requirements found."
    assert own.log(job_id).splitlines() == [begun, *lines[0], said, begun, *lines[1]]


@on_processes
def test_a_server_that_is_killed_again_and_again_starts_each_attempt_once(own: Scheduler) -> None:
    starts = own.root / "starts"
    starts.touch()
    script = f"""\
        import os
        attempt = os.environ["FOUNDATIONS_ATTEMPT"]
        with open({str(starts)!r}, "a") as file:
            file.write(attempt + "\\n")
        raise SystemExit(attempt != "5")
        """
    project = write_project(own.root / "p", {"main.py": script})
    job_id = own.submit(project, options=["--retries", "4", "--retry-delay", "0s"])

    def has_started(attempt: int) -> bool:
        return str(attempt) in starts.read_text().split()

    for attempt in range(1, 5):
        until(partial(has_started, attempt), f"attempt {attempt} has started")
        own.kill()
        own.start()
    job = own.wait(job_id)
    assert (job.state, job.attempt) == ("completed", 5)
    assert starts.read_text().split() == ["1", "2", "3", "4", "5"]
    assert [one.event for one in job.history].count("Exited") == 5


@on_docker
def test_a_job_that_runs_out_of_memory_is_tried_again_for_that(shared: Scheduler) -> None:
    script = """\
        import os
        if os.environ["FOUNDATIONS_ATTEMPT"] == "1":
            hoard = bytearray(400_000_000)
        print("it fits")
        """
    project = write_project(shared.root / "hungry-once", {"main.py": script})
    options = ["--ram", "0.1", "--retries", "oom=1", "--retry-delay", "0s"]
    job = shared.wait(shared.submit(project, options=options))
    assert (job.state, job.attempt) == ("completed", 2)
    assert "retry 1 of 1 after out of memory (exit code 137)" in [
        one.detail.get("retry") for one in job.history
    ]


@on_docker
def test_a_lost_container_is_replaced_by_another_attempt(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": WAITS_ONCE})
    options = ["--retries", "lost=1", "--retry-delay", "0s"]
    job_id = own.submit(project, options=options)
    own.wait_for_text(job_id, "begun")
    own.remove_containers()
    job = own.wait(job_id)
    assert (job.state, job.attempt) == ("completed", 2)


@on_processes
def test_a_lost_process_is_replaced_by_another_attempt(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": WAITS_ONCE})
    options = ["--retries", "lost=1", "--retry-delay", "0s"]
    job_id = own.submit(project, options=options)
    own.wait_for_text(job_id, "begun")
    (record,) = own.home.run.glob("attempts/*/started.json")
    started = json.loads(record.read_text())
    os.kill(started["shim_pid"], signal.SIGKILL)
    job = own.wait(job_id)
    assert (job.state, job.attempt) == ("completed", 2)
    until(lambda: not Path(f"/proc/{started['pid']}").exists(), "the first process is ended")


WAITS_ONCE = """\
    import os, time
    print("begun", flush=True)
    if os.environ["FOUNDATIONS_ATTEMPT"] == "1":
        time.sleep(600)
    """
