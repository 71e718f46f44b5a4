"""Local runs on the server: found once, followed to their end, never called lost wrongly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.core.events import Exited, Gone, NotStarted
from atlas_scheduler.core.lifecycle import InvalidTransition
from atlas_scheduler.intake import Intake
from atlas_scheduler.local_runs import LocalRuns
from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.run_dirs import Life, Machine, life
from foundations.errors import InvalidRequest, NotFound
from foundations.local_machine import process_start
from foundations.models import JobState

pytestmark = pytest.mark.anyio

JOB_ID = "0b7c1d2e-0000-4000-8000-00000000000a"
HERE = Machine(host="here", machine_id="m1", boot_id="b1")
BEGAN_MS = 1_700_000_000_000
DEAD_PID = 2**22 + 1  # beyond what a kernel gives


class Clock:
    """Goes on by a step at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def describe(**changed: Any) -> dict[str, Any]:
    return {
        "job_id": JOB_ID,
        "project": "digits",
        "command": ["main.py"],
        "working_dir": "/home/ada/digits",
        "python": "3.8.18",
        "interpreter": "/usr/bin/python3",
        "interactive": False,
        "started_at": BEGAN_MS / 1000,
        "user": "ada",
        "host": "here",
        "machine_id": "m1",
        "boot_id": "b1",
        "pid": DEAD_PID,
        "process_start": 1,
        "beats": True,
        **changed,
    }


def make_run(service: Service, name: str = JOB_ID, **changed: Any) -> Path:
    path = service.home.job_dir(name)
    for folder in ("records", "artifacts"):
        (path / folder).mkdir(parents=True)
    for file in ("run.lock", "heartbeat"):
        (path / file).touch()
    (path / "run.json").write_text(json.dumps(describe(**changed)))
    return path


def say_end(path: Path, **changed: Any) -> None:
    end = {"exit_code": 0, "error": None, "interrupted": False, "at": BEGAN_MS / 1000 + 5}
    (path / "ended.json").write_text(json.dumps({**end, **changed}))


@pytest.fixture
def follow(service: Service) -> Callable[..., LocalRuns]:
    def make(clock: Clock | None = None, here: Machine = HERE) -> LocalRuns:
        return LocalRuns(service, seconds=clock or Clock(), here=here, look_seconds=0.001)

    return make


Follow = Callable[..., LocalRuns]


async def enter(service: Service, runs: LocalRuns) -> Any:
    await runs.look()
    return (await service.load(JOB_ID)).job


async def test_a_run_becomes_a_job_that_runs_since_it_began(
    service: Service, follow: Follow
) -> None:
    make_run(service)
    await follow().look()

    job = await service.job(JOB_ID)
    assert (job.state, job.local, job.engine) == (JobState.RUNNING, True, "local")
    assert (job.project, job.user, job.command) == ("digits", "ada", ["main.py"])
    assert job.started_at == job.submitted_at
    assert job.bundle is None
    assert job.container is None
    assert job.local_run is not None
    assert (job.local_run.host, job.local_run.python) == ("here", "3.8.18")
    assert [change.event for change in job.history] == ["RunFound"]


async def test_a_run_is_found_once(service: Service, follow: Follow) -> None:
    make_run(service)
    runs = follow()
    await runs.look()
    await runs.look()
    await follow().look()  # as after a restart

    assert [change.event for change in (await service.job(JOB_ID)).history] == ["RunFound"]


async def test_runs_that_are_found_together_come_in_the_order_they_began(
    service: Service, follow: Follow
) -> None:
    names = [JOB_ID.replace("0b7c", f"{number:04d}") for number in range(8)]
    for number, name in enumerate(names):
        make_run(service, name, job_id=name, started_at=BEGAN_MS / 1000 + number * 5 % 8)
    await follow().look()

    found = [job.submitted_at for job in (await service.jobs()).jobs]
    assert len(found) == len(names)
    assert found == sorted(found, reverse=True)


async def test_local_runs_are_counted_apart_from_slots(service: Service, follow: Follow) -> None:
    make_run(service)
    await follow().look()
    info = await service.info()

    assert info.states == {JobState.RUNNING: 1}
    assert info.slots_taken == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (path / "run.json").unlink(),
        lambda path: (path / "run.json").write_text("{"),
        lambda path: (path / "run.json").write_text(json.dumps(describe(project="a/b"))),
        lambda path: (path / "run.json").write_text(json.dumps(describe(pid=-1))),
        lambda path: (path / "run.json").write_text(json.dumps(describe(started_at=1e300))),
        lambda path: (path / "run.json").write_text(
            json.dumps(describe(job_id=JOB_ID.replace("a", "b")))
        ),
        lambda path: (path / "run.json").rename(path / "x") and (path / "run.json").symlink_to("x"),
    ],
)
async def test_what_is_no_run_is_left_alone(
    service: Service, follow: Follow, spoil: Callable[[Path], object]
) -> None:
    spoil(make_run(service))
    await follow().look()

    with pytest.raises(NotFound):
        await service.resolve(JOB_ID)


async def test_it_takes_no_slot_and_the_engine_has_no_say(
    service: Service, database: Database, follow: Follow
) -> None:
    make_run(service)
    await follow().look()

    assert await service.holding() == []
    assert [job.job_id for job in await service.running_locally()] == [JOB_ID]
    assert await database.read(jobs.queued) == []


@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ({}, JobState.COMPLETED, None),
        ({"exit_code": 3}, JobState.FAILED, "exit code 3"),
        (
            {"exit_code": 1, "error": "ValueError: bad rate"},
            JobState.FAILED,
            "ValueError: bad rate",
        ),
        ({"exit_code": None, "error": "not seen"}, JobState.FAILED, "not seen"),
        ({"exit_code": 130, "interrupted": True}, JobState.STOPPED, "stopped by Ctrl-C"),
    ],
)
async def test_it_ends_as_it_says(
    service: Service, follow: Follow, said: dict[str, Any], state: JobState, reason: str | None
) -> None:
    path, runs = make_run(service), follow()
    job = await enter(service, runs)
    say_end(path, **said)
    event = await runs.end(job)
    await service.apply(JOB_ID, event)

    ended = await service.job(JOB_ID)
    assert (ended.state, ended.reason) == (state, reason)
    assert ended.exit_code == said.get("exit_code", 0)
    assert ended.duration_seconds == 5
    with pytest.raises(InvalidTransition):
        await service.apply(JOB_ID, NotStarted(1))


async def test_an_end_before_its_beginning_is_at_its_beginning(
    service: Service, follow: Follow
) -> None:
    path, runs = make_run(service), follow()
    job = await enter(service, runs)
    say_end(path, at=1)

    assert await runs.end(job) == Exited(BEGAN_MS, exit_code=0)


async def test_a_dead_process_without_an_end_is_lost_at_its_last_sign(
    service: Service, follow: Follow
) -> None:
    path, runs = make_run(service), follow()
    for name in ("heartbeat", "records/events.jsonl"):
        (path / name).touch()
        os.utime(path / name, ns=(1, (BEGAN_MS + 7_000) * 1_000_000))
    job = await enter(service, runs)

    event = await runs.end(job)
    assert event == Gone(
        BEGAN_MS + 7_000, "its process ended without saying how: it was killed, or it crashed"
    )


async def test_a_directory_that_is_gone_is_the_end(service: Service, follow: Follow) -> None:
    path, runs = make_run(service), follow()
    job = await enter(service, runs)
    shutil.rmtree(path)

    assert await runs.end(job) == Gone(BEGAN_MS, "its directory was removed")


async def test_a_restart_of_the_machine_is_the_end(service: Service, follow: Follow) -> None:
    make_run(service, pid=os.getpid(), process_start=process_start(os.getpid()))
    runs = follow(here=HERE.model_copy(update={"boot_id": "b2"}))
    event = await runs.end(await enter(service, runs))

    assert isinstance(event, Gone)
    assert event.reason == "the machine was restarted while it ran"


@pytest.mark.parametrize(("beats", "minutes"), [(True, 10), (False, 1440)])
async def test_a_run_elsewhere_is_lost_only_after_a_long_silence(
    service: Service, follow: Follow, beats: bool, minutes: int
) -> None:
    make_run(service, host="there", machine_id="m2", boot_id="b9", beats=beats)
    clock = Clock(step=60)
    runs = follow(clock)
    event = await runs.end(await enter(service, runs))

    assert isinstance(event, Gone)
    assert event.reason == f"it runs on there, and gave no sign of life for {minutes} minutes"
    assert clock.now >= minutes * 60


async def test_signs_of_life_from_elsewhere_keep_it_running(
    service: Service, follow: Follow
) -> None:
    path = make_run(service, host="there", machine_id="m2", boot_id="b9")
    beats = iter(range(2, 40))

    class Beating(Clock):
        def __call__(self) -> float:
            beat = next(beats, None)
            if beat is None:
                say_end(path)
            else:
                os.utime(path / "heartbeat", ns=(beat, beat))
            return super().__call__()

    runs = follow(Beating(step=500))
    assert isinstance(await runs.end(await enter(service, runs)), Exited)


@contextmanager
def sleeper(first: str = "pass") -> Iterator[subprocess.Popen[bytes]]:
    text = f"import signal, time; {first}; print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_a_process_that_lost_its_lock_lives(service: Service, follow: Follow) -> None:
    with sleeper() as process:
        path = make_run(service, pid=process.pid, process_start=process_start(process.pid))
        await follow().look()
        run = (await service.load(JOB_ID)).local_run

        assert run is not None
        assert life(path, run, HERE) is Life.ALIVE
    assert life(path, run, HERE) is Life.DEAD


async def test_a_process_that_was_given_the_same_id_is_another(
    service: Service, follow: Follow
) -> None:
    with sleeper() as process:
        make_run(service, pid=process.pid, process_start=1)
        runs = follow()
        assert isinstance(await runs.end(await enter(service, runs)), Gone)


@pytest.mark.parametrize(
    ("changed", "signal_number"),
    [
        ({}, signal.SIGTERM),
        ({"interactive": True}, None),
        ({"boot_id": "b9", "host": "there"}, None),
        ({"process_start": 1}, None),
    ],
)
async def test_only_its_own_process_is_signalled(
    service: Service, follow: Follow, changed: dict[str, Any], signal_number: int | None
) -> None:
    with sleeper() as process:
        start = process_start(process.pid)
        path = make_run(service, **{"pid": process.pid, "process_start": start, **changed})
        runs = follow()
        job = await enter(service, runs)
        await runs.stop(job, grace_seconds=20)

        assert (path / "stop_requested").exists()
        assert process.poll() == (None if signal_number is None else -signal_number)


async def test_what_ignores_sigterm_is_killed(service: Service, follow: Follow) -> None:
    with sleeper("signal.signal(signal.SIGTERM, signal.SIG_IGN)") as process:
        make_run(service, pid=process.pid, process_start=process_start(process.pid))
        runs = follow()
        await runs.stop(await enter(service, runs), grace_seconds=0.1)
        assert process.wait(20) == -signal.SIGKILL


async def test_its_records_are_taken_in_and_its_files_are_kept(
    service: Service, database: Database, follow: Follow
) -> None:
    path, runs = make_run(service), follow()
    (path / "records" / "events.jsonl").write_text(
        '{"event":"metric","key":"loss","value":0.5}\n'
        '{"event":"artifact","key":"m","path":"m.pt","size_bytes":1}\n'
    )
    (path / "artifacts" / "m.pt").write_text("w")
    job = await enter(service, runs)
    say_end(path)
    await Intake(database, service.home).drain(JOB_ID)
    await service.apply(JOB_ID, await runs.end(job))
    detail = await service.job(JOB_ID)
    service.archives.finish(JOB_ID, detail.bundle, detail.model_dump(mode="json"))

    assert detail.metrics == {"loss": 0.5}
    archive = service.home.archive(JOB_ID)
    assert (archive / "artifacts" / "m.pt").read_text() == "w"
    assert sorted(file.name for file in archive.iterdir()) == [
        "archive.json",
        "artifacts",
        "events.jsonl",
        "job.json",
    ]
    assert not path.exists()
    assert b"".join((await service.archive(JOB_ID)).pieces)
    await service.delete(JOB_ID, by="ada")
    with pytest.raises(NotFound):
        await service.resolve(JOB_ID)


async def test_its_source_cannot_be_compared(service: Service, follow: Follow) -> None:
    make_run(service)
    await follow().look()

    with pytest.raises(InvalidRequest, match="is a local run: no copy of its files was kept"):
        await service.source_diff(JOB_ID, JOB_ID)
