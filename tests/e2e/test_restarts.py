"""Servers that end while jobs run: nothing is lost, nothing runs twice, nothing is told twice."""

from __future__ import annotations

import collections
import os
import random
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from foundations.errors import AtlasError
from foundations.models import Submission
from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make, on_processes
from tests.e2e.projects import config_with, until, write_project

STEADY = """\
    import os, pathlib, time
    import foundations

    place = pathlib.Path(os.environ["PLACE"])
    with (place / "starts").open("a") as starts:
        starts.write(os.environ["FOUNDATIONS_JOB_ID"] + "\\n")
    for number in range(10_000):
        print(f"line {number}")
        if number % 100 == 0:
            foundations.log_metric("number", number, step=number)
        stop = number >= int(os.environ["LEAST"]) and (place / "enough").exists()
        if stop:
            break
        time.sleep(0.002)
    foundations.log_metric("last", number)
    raise SystemExit(7)
    """


def steady_project(scheduler: Scheduler, *, least: int = 300) -> tuple[Path, Path]:
    """A project whose job counts until it is told that it is enough; and the place to tell it."""
    place = scheduler.root / "place"
    place.mkdir()
    project = write_project(
        scheduler.root / "steady",
        {
            "main.py": STEADY,
            "job.config.yaml": config_with(place, LEAST=least),
        },
    )
    return project, place


def assert_one_whole_run(scheduler: Scheduler, job_id: str, place: Path) -> None:
    """One start, the exit code, every line of output once, every metric once."""
    job = scheduler.wait(job_id)
    assert (job.state, job.exit_code, job.attempt) == ("failed", 7, 1)
    assert (place / "starts").read_text() == f"{job_id}\n"
    last = int(job.metrics["last"])  # type: ignore[arg-type]  # the job logs a number
    expected = "".join(f"line {number}\n" for number in range(last + 1))
    assert scheduler.log(job_id) == "No user requirements found.\n" + expected
    series = {one.name: one for one in job.metric_series}
    assert series["number"].count == last // 100 + 1
    assert series["last"].count == 1
    events = (scheduler.home.archive(job_id) / "events.jsonl").read_text()
    assert events.count('"metric"') == last // 100 + 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_running_job_outlives_two_servers(own: Scheduler, number: signal.Signals) -> None:
    project, place = steady_project(own)
    with own.begin("foundations", "submit", "scheduler", str(project)) as streaming:
        starts = place / "starts"
        until(lambda: starts.exists() and starts.read_text().endswith("\n"), "the job runs")
        job_id = starts.read_text().strip()
        for _ in range(2):
            own.signal_server(number)
            own.start()
            until(
                lambda: own.job(job_id).state == "running",
                "the new server knows that the job runs",
            )
        (place / "enough").touch()
        streamed, _ = streaming.communicate(timeout=60)
    assert_one_whole_run(own, job_id, place)
    # The command that streamed all the while saw the same, once.
    assert streaming.returncode == 3
    told = [line for line in streamed.splitlines() if not line.startswith("Foundations ")]
    assert told == own.log(job_id).splitlines()
    assert f"Foundations ERROR: Job '{job_id}' has failed." in streamed
    if own.is_docker:
        until(lambda: own.containers() == [], "the container is removed")


def test_a_job_that_ends_while_no_server_runs_keeps_its_exit_code(own: Scheduler) -> None:
    project, place = steady_project(own)
    job_id = own.submit(project)
    until(lambda: (place / "starts").exists(), "the job runs")
    own.kill()
    (place / "enough").touch()
    until(lambda: _has_ended(own), "the job has ended")
    own.start()
    assert_one_whole_run(own, job_id, place)


def _has_ended(scheduler: Scheduler) -> bool:
    if scheduler.is_docker:
        return len(scheduler.containers(status="exited")) == 1
    return any(scheduler.home.run.glob("attempts/*/exit.json"))


def test_a_job_that_was_queued_or_starting_at_a_kill_runs_once(own: Scheduler) -> None:
    place = own.root / "place"
    place.mkdir()
    project = write_project(
        own.root / "counted",
        {
            "main.py": """\
                import os
                with open(os.environ["PLACE"] + "/starts", "a") as starts:
                    starts.write("started\\n")
                """,
            "job.config.yaml": config_with(place),
        },
    )
    for count in range(1, 4):
        job_id = own.submit(project)
        own.kill()  # at once: the job is queued, starting or running
        own.start()
        job = own.wait(job_id)
        assert (job.state, job.attempt, job.reason) == ("completed", 1, None), own.log(job_id)
        assert (place / "starts").read_text() == "started\n" * count


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_acknowledged_job_of_a_crash_loop_completes_exactly_once(make: Make) -> None:
    scheduler = make(max_running_jobs=3)
    scheduler.start()
    place = scheduler.root / "place"
    place.mkdir()
    project = write_project(
        scheduler.root / "tally",
        {
            "main.py": """\
                import os
                with open(os.environ["PLACE"] + "/starts", "a") as starts:
                    starts.write(os.environ["FOUNDATIONS_JOB_ID"] + "\\n")
                print("whole")
                """,
            "job.config.yaml": config_with(place),
        },
    )
    acknowledged = [scheduler.submit(project)]
    over = threading.Event()
    stream = threading.Thread(target=_submit_until, args=(scheduler, acknowledged, over))
    stream.start()
    try:
        draw = random.Random(11)
        for _ in range(20):
            over.wait(draw.uniform(0, 0.5))  # no sleep: a moment of chance within a job's life
            scheduler.kill()
            scheduler.start()
    finally:
        over.set()
        stream.join()
    assert len(acknowledged) >= 5
    for job_id in acknowledged:
        job = scheduler.wait(job_id)
        assert (job.state, job.exit_code) == ("completed", 0), scheduler.log(job_id)
    starts = collections.Counter((place / "starts").read_text().split())
    # A submission whose answer was lost may have left a job too; it must not run twice either.
    assert set(starts.values()) == {1}
    assert set(acknowledged) <= set(starts)
    listed = scheduler.listed()
    assert {job["job_id"] for job in listed} == set(starts)
    assert {job["state"] for job in listed} == {"completed"}
    for job_id in starts:
        scheduler.wait(job_id)
        log = (scheduler.home.archive(job_id) / "job.log").read_text()
        assert log == "No user requirements found.\nwhole\n"
    if scheduler.is_docker:
        until(lambda: scheduler.containers() == [], "the containers are removed")


def _submit_until(scheduler: Scheduler, job_ids: list[str], over: threading.Event) -> None:
    """Submit the same bundle again and again, as a search does; count what is acknowledged."""
    with scheduler.client() as client:
        first = client.job(job_ids[0])
        submission = Submission(spec=first.spec, bundle=first.bundle)
        while not over.is_set() and len(job_ids) < 60:
            with suppress(AtlasError):
                job_ids.append(client.submit(submission).job_id)
            over.wait(0.05)


def test_a_second_server_on_a_home_exits_and_names_the_first(own: Scheduler) -> None:
    done = own.server("start", code=1)
    assert done.err == (
        f"Error: An Atlas server (process {own.pid}) already serves {own.home.root}. "
        "Use it, or stop it with `atlas-server stop`.\n"
    )
    done = own.server("start", "--detach")
    assert done.out == f"The Atlas server is already running (process {own.pid}).\n"
    assert own.server("status").lines[0].startswith("Atlas server ")
    pid = own.pid
    assert own.server("stop").out == (
        f"Stopped the Atlas server (process {pid}). Running jobs go on.\n"
    )
    assert not own.home.socket.exists()
    assert own.server("stop").out == f"No Atlas server is running for {own.home.root}.\n"
    own.server("status", code=1)


def test_two_first_commands_at_once_start_one_server(make: Make) -> None:
    scheduler = make()
    with (
        scheduler.begin("foundations", "list", "jobs") as one,
        scheduler.begin("foundations", "list", "jobs") as other,
    ):
        answers = [process.communicate(timeout=60)[0] for process in (one, other)]
    assert answers == ["No jobs.\n", "No jobs.\n"]
    assert (one.returncode, other.returncode) == (0, 0)
    log = scheduler.home.server_log.read_text()
    assert log.count("listening") == 1, log


def test_two_servers_started_at_once_leave_one(make: Make) -> None:
    scheduler = make()
    with (
        scheduler.begin("atlas-server", "start") as one,
        scheduler.begin("atlas-server", "start") as other,
    ):
        both = (one, other)
        until(lambda: any(server.poll() is not None for server in both), "one has given way")
        (loser,) = (server for server in both if server.poll() is not None)
        told, _ = loser.communicate()
        assert loser.returncode == 1
        assert f"already serves {scheduler.home.root}" in told
        assert scheduler.cli("list", "jobs").out == "No jobs.\n"
        scheduler.server("stop")
        assert (one if loser is other else other).wait(timeout=20) == 0


@on_processes
def test_a_server_ends_although_a_disk_does_not_answer_and_the_next_one_goes_on(
    own: Scheduler,
) -> None:
    project = write_project(own.root / "counted", {"main.py": "print('ran')"})
    own.wait(own.submit(project))
    (file,) = own.home.bundles.glob("*/tree/main.py")
    content, times = file.read_bytes(), file.stat()
    file.unlink()
    os.mkfifo(file)  # who opens it waits for ever, as for a disk that hangs
    job_id = own.submit(project)
    until(lambda: own.home.job_dir(job_id).exists(), "the work dir is being made")

    own.server("stop")

    file.unlink()
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    own.start()
    job = own.wait(job_id)
    assert (job.state, job.attempt) == ("completed", 1)
    assert own.log(job_id).endswith("ran\n")
