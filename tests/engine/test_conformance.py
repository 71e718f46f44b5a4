"""What every engine must do: one suite, run against each."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest

import foundations
from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.reconcile import SeenStatus
from atlas_scheduler.engine.port import AttemptId, Launch, StartRefusedError
from foundations.models import Volume
from tests.engine.answering import engine_facts
from tests.engine.joblog import ReadableLog
from tests.engine.rig import DEADLINE_SECONDS, NewThreads, Rig, until

pytestmark = pytest.mark.anyio

TIMES_ARE_OFF_BY_MS = 100
COUNTS_ITS_STARTS = "open('starts', 'a').write('started\\n')"
WAITS = "import time; print('up', flush=True); time.sleep(120)"


async def is_up(rig: Rig, launch: Launch) -> None:
    """Wait until a job that says `up` has said it, by watching it."""
    watch = asyncio.create_task(rig.engine.watch(launch.attempt, rig.log(launch)))
    await until(lambda: b"up\n" in rig.log(launch).output())
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


# -- ends


@pytest.mark.parametrize("code", [0, 1, 3, 255])
async def test_the_exit_code_is_the_commands_own(rig: Rig, code: int) -> None:
    ended = await rig.run(rig.python(f"raise SystemExit({code})"))
    assert ended.exit_code == code
    assert ended.lost_reason is None
    assert not ended.oom_killed


async def test_a_command_that_a_signal_ends_exits_with_128_and_the_number(rig: Rig) -> None:
    ended = await rig.run(rig.python("import os; os.kill(os.getpid(), 11)"))
    assert ended.exit_code == 128 + 11


async def test_times_are_those_of_the_job(rig: Rig) -> None:
    before_ms = time.time_ns() // 1_000_000
    launch = rig.python("import time; time.sleep(0.3)")
    started_at_ms = await rig.begin(launch)
    ended = await rig.finish(launch)
    assert before_ms - 5 <= started_at_ms <= ended.at_ms - 250
    assert ended.at_ms <= time.time_ns() // 1_000_000 + 5


async def test_watching_an_attempt_that_has_ended_tells_its_end_again(rig: Rig) -> None:
    launch = rig.python("print('once'); raise SystemExit(4)")
    first = await rig.run(launch)
    again = await rig.finish(launch)
    assert (first.exit_code, again.exit_code) == (4, 4)
    assert rig.log(launch).output() == b"once\n"


# -- output


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", b""),
        ("print('a'); print(); print('b')", b"a\n\nb\n"),
        ("print('no newline', end='')", b"no newline"),
        ("print('10%\\r20%\\r', end=''); print('done', end='')", b"10%\r20%\rdone"),
        ("import os; os.write(1, bytes(range(256)) * 8)", bytes(range(256)) * 8),
        ("import os; os.write(1, b'\\xff\\xfe\\x00\\n\\xc3')", b"\xff\xfe\x00\n\xc3"),
        ("import sys; sys.stderr.write('only stderr')", b"only stderr"),
    ],
    ids=["nothing", "lines", "no newline", "progress", "bytes", "not utf-8", "stderr"],
)
async def test_output_is_kept_byte_by_byte(rig: Rig, code: str, expected: bytes) -> None:
    launch = rig.python(code)
    await rig.run(launch)
    assert rig.log(launch).output() == expected


async def test_a_long_line_without_a_newline_is_kept_whole(rig: Rig) -> None:
    launch = rig.python("import sys; sys.stdout.buffer.write(b'0123456789' * 100_000)")
    await rig.run(launch)
    output = rig.log(launch).output()
    assert len(output) == 1_000_000
    assert output == b"0123456789" * 100_000


async def test_lines_of_every_length_keep_their_newlines(rig: Rig) -> None:
    # 16,384 bytes are what Docker logs at once.
    lengths = [0, 1, 16_383, 16_384, 16_385, 32_768, 40_000, 1]
    launch = rig.python(f"for length in {lengths}: print('x' * length)\nprint('end', end='')")
    await rig.run(launch)
    expected = b"".join(b"x" * length + b"\n" for length in lengths) + b"end"
    assert rig.log(launch).output() == expected


async def test_random_bytes_arrive_unchanged(rig: Rig) -> None:
    launch = rig.python(
        "import random, sys; sys.stdout.buffer.write(random.Random(5).randbytes(400_000))"
    )
    await rig.run(launch)
    expected = random.Random(5).randbytes(400_000)
    assert hashlib.sha256(rig.log(launch).output()).digest() == hashlib.sha256(expected).digest()


async def test_lines_of_stdout_and_stderr_stand_in_the_order_of_their_writing(rig: Rig) -> None:
    launch = rig.python(
        "import sys, time\n"
        "for number in range(6):\n"
        "    print(number, file=(sys.stdout, sys.stderr)[number % 2], flush=True)\n"
        "    time.sleep(0.05)\n"
    )
    await rig.run(launch)
    assert rig.log(launch).output() == b"0\n1\n2\n3\n4\n5\n"


async def test_many_lines_are_kept_once_and_in_order(rig: Rig) -> None:
    launch = rig.python("for number in range(30_000): print(number)")
    await rig.run(launch)
    assert rig.log(launch).output() == b"".join(b"%d\n" % number for number in range(30_000))


async def test_output_appears_while_the_job_runs(rig: Rig) -> None:
    launch = rig.python(WAITS)
    await rig.begin(launch)
    await is_up(rig, launch)
    assert rig.log(launch).output() == b"up\n"


# -- restarts of the server


TELLS_AGAIN = """
import os, time
print("first", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
print("second", flush=True)
while not os.path.exists("end"):
    time.sleep(0.01)
print("third", flush=True)
"""


def _told(log: ReadableLog, line: bytes) -> int:
    """When a line of the output was written, by what is kept of it."""
    content = log.path.read_bytes()
    at_ms = log.times()[1].marks.time_ms_of(content.index(line))
    assert at_ms is not None
    return at_ms


@pytest.mark.parametrize("is_watched", [True, False])
async def test_it_is_known_when_a_line_was_written(rig: Rig, is_watched: bool) -> None:
    launch = rig.python(TELLS_AGAIN)
    log = rig.log(launch)
    await rig.begin(launch)
    off_by_ms = 2 * TIMES_ARE_OFF_BY_MS
    if rig.is_docker and engine_facts().is_podman:
        off_by_ms += 1000  # its times are whole seconds
    watch = asyncio.create_task(rig.engine.watch(launch.attempt, log))
    await until(lambda: b"first" in log.output())
    first_ms = _told(log, b"first")
    await until(lambda: time.time_ns() // 1_000_000 > first_ms + 500)
    if not is_watched:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await rig.restart()
    before_ms = time.time_ns() // 1_000_000
    (rig.source(launch) / "go").touch()
    if is_watched:
        await until(lambda: b"second" in log.output())
        assert _told(log, b"second") >= before_ms - off_by_ms
        assert _told(log, b"first") == first_ms < before_ms
    (rig.source(launch) / "end").touch()
    await (watch if is_watched else rig.finish(launch))
    assert before_ms - off_by_ms <= _told(rig.log(launch), b"second")
    assert _told(rig.log(launch), b"third") <= time.time_ns() // 1_000_000


async def test_the_log_goes_on_exactly_when_the_server_restarts_twice(rig: Rig) -> None:
    launch = rig.python(
        "import os, time\n"
        "for number in range(300):\n"
        "    os.write(1, b'%d\\r\\xff' % number)\n"
        "    time.sleep(0.004)\n"
        "raise SystemExit(7)\n"
    )
    await rig.begin(launch)
    for seen_bytes in (50, 600):
        watch = asyncio.create_task(rig.engine.watch(launch.attempt, rig.log(launch)))
        await until(lambda least=seen_bytes: len(rig.log(launch).output()) >= least)  # type: ignore[misc]  # a default holds the loop's value
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await rig.restart()
        assert await rig.engine.start(launch) > 0
    ended = await rig.finish(launch)
    assert ended.exit_code == 7
    expected = b"".join(b"%d\r\xff" % number for number in range(300))
    assert rig.log(launch).output() == expected


async def test_a_job_that_ended_while_no_server_ran_is_collected(rig: Rig) -> None:
    launch = rig.python("print('alone', end=''); open('done', 'w'); raise SystemExit(9)")
    started_at_ms = await rig.begin(launch)
    await rig.engine.close()
    await until((rig.source(launch) / "done").exists)
    rig.engine = rig.open()
    (seen,) = await rig.engine.observe()
    assert seen.started_at_ms is not None
    assert seen.started_at_ms <= started_at_ms
    ended = await rig.finish(launch)
    assert ended.started_at_ms in (None, seen.started_at_ms), "the end tells exactly when it began"
    assert ended.exit_code == 9
    assert rig.log(launch).output() == b"alone"


async def test_repeated_starts_run_the_job_once(rig: Rig) -> None:
    launch = rig.python(COUNTS_ITS_STARTS)
    await rig.prepare(launch)
    times = await asyncio.gather(*(rig.engine.start(launch) for _ in range(4)))
    await rig.finish(launch)
    await rig.restart()
    times.append(await rig.engine.start(launch))
    ended = await rig.finish(launch)
    exact_ms = ended.started_at_ms or min(times)
    assert times[-1] == exact_ms, "one that was started before is adopted as it is"
    assert min(times) >= exact_ms
    assert (rig.source(launch) / "starts").read_text() == "started\n"


async def test_observe_tells_created_running_and_ended_attempts_apart(rig: Rig) -> None:
    runs, ends = rig.python(WAITS), rig.python("pass")
    assert await rig.engine.observe() == []
    begun_ms = now_ms()
    started_at_ms = await rig.begin(runs)
    await rig.run(ends)
    await rig.restart()
    seen = {one.job_id: one for one in await rig.engine.observe()}
    assert seen[runs.attempt.job_id].status is SeenStatus.RUNNING
    assert (seen[runs.attempt.job_id].started_at_ms or 0) in range(begun_ms, started_at_ms + 1)
    assert seen[ends.attempt.job_id].status is SeenStatus.EXITED
    assert {one.name for one in seen.values()} == {runs.attempt.name, ends.attempt.name}
    assert {one.attempt for one in seen.values()} == {1}


# -- stopping


async def test_a_job_may_end_itself_when_it_is_stopped(rig: Rig) -> None:
    launch = rig.python(
        "import signal, sys, time\n"
        "def leave(*_):\n"
        "    print('leaving', flush=True)\n"
        "    sys.exit(5)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('up', flush=True)\n"
        "time.sleep(120)\n"
    )
    await rig.begin(launch)
    await is_up(rig, launch)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await rig.engine.stop(launch.attempt, grace_seconds=10 * DEADLINE_SECONDS)
    ended = await rig.finish(launch)
    assert ended.exit_code == 5
    assert rig.log(launch).output() == b"up\nleaving\n"


async def test_a_job_that_ignores_the_signal_is_killed_after_the_grace_period(rig: Rig) -> None:
    launch = rig.python(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "time.sleep(120)\n"
    )
    await rig.begin(launch)
    await is_up(rig, launch)
    before = time.monotonic()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await rig.engine.stop(launch.attempt, grace_seconds=1)
    assert time.monotonic() - before > 0.9  # however slow the machine is, it is not killed sooner
    ended = await rig.finish(launch)
    assert ended.exit_code == 137
    assert ended.lost_reason is None


async def test_stopping_ends_what_the_job_started_too(rig: Rig) -> None:
    launch = rig.python(
        "import subprocess\n"
        "child = subprocess.Popen(['sh', '-c', 'while :; do echo x >> beats; sleep 0.05; done'])\n"
        "print('up', flush=True)\n"
        "child.wait()\n"
    )
    await rig.begin(launch)
    await is_up(rig, launch)
    await rig.engine.stop(launch.attempt, grace_seconds=5)
    await rig.finish(launch)
    beats = rig.source(launch) / "beats"
    size = beats.stat().st_size if beats.exists() else 0
    await asyncio.sleep(0.2)  # long enough for four more beats
    assert (beats.stat().st_size if beats.exists() else 0) == size


async def test_stopping_twice_and_after_the_end_is_fine(rig: Rig) -> None:
    launch = rig.python("pass")
    await rig.run(launch)
    await rig.engine.stop(launch.attempt, grace_seconds=1)
    await rig.engine.stop(launch.attempt, grace_seconds=1)
    assert (await rig.finish(launch)).exit_code == 0


async def test_an_unknown_attempt_is_fine_to_stop_and_to_remove(rig: Rig) -> None:
    unknown = AttemptId(rig.instance, "00000000-0000-4000-8000-000000000000", 1)
    await rig.engine.stop(unknown, grace_seconds=1)
    await rig.engine.remove(unknown)


async def test_a_job_is_not_started_by_stopping_it_before_its_start(rig: Rig) -> None:
    launch = rig.python(COUNTS_ITS_STARTS)
    await rig.prepare(launch)
    await rig.engine.stop(launch.attempt, grace_seconds=1)
    assert [one.status for one in await rig.engine.observe()] in ([], [SeenStatus.CREATED])
    assert not (rig.source(launch) / "starts").exists()


async def test_a_removed_attempt_is_known_no_more(rig: Rig) -> None:
    launch = rig.python("pass")
    await rig.run(launch)
    await rig.engine.remove(launch.attempt)
    await rig.engine.remove(launch.attempt)
    assert await rig.engine.observe() == []


async def test_removing_a_running_attempt_ends_it(rig: Rig) -> None:
    launch = rig.python(WAITS)
    await rig.begin(launch)
    await rig.engine.remove(launch.attempt)
    assert await rig.engine.observe() == []


# -- losses


async def test_a_job_that_is_removed_behind_the_engines_back_is_lost(rig: Rig) -> None:
    launch = rig.python(WAITS)
    await rig.begin(launch)
    watch = asyncio.create_task(rig.finish(launch))
    await until(lambda: b"up\n" in rig.log(launch).output())
    await rig.destroy(launch)
    ended = await watch
    assert ended.exit_code is None
    assert ended.lost_reason is not None
    assert "removed" in ended.lost_reason
    assert rig.log(launch).output() == b"up\n"


async def test_watching_an_attempt_that_is_not_there_calls_it_lost(rig: Rig) -> None:
    launch = rig.python("pass")
    await rig.run(launch)
    await rig.engine.remove(launch.attempt)
    ended = await rig.finish(launch)
    assert ended.exit_code is None
    assert ended.lost_reason


# -- what the job finds


async def test_the_job_finds_its_places_in_its_environment(rig: Rig) -> None:
    launch = rig.python(
        "import json, os\n"
        "open(os.environ['ATLAS_EVENTS'], 'a').write('{}\\n')\n"
        "open(os.path.join(os.environ['ATLAS_ARTIFACTS'], 'model'), 'w').write('m')\n"
        "json.dump(dict(os.environ, CWD=os.getcwd()), open('environment.json', 'w'))\n",
        environment={"FOUNDATIONS_JOB_ID": "j", "OWN": "value = 1", "PYTHONPATH": "/theirs"},
    )
    assert (await rig.run(launch)).exit_code == 0
    found = json.loads((rig.source(launch) / "environment.json").read_text())
    job_dir = "/job" if rig.is_docker else str(launch.job_dir)
    library = "/atlas/lib" if rig.is_docker else str(launch.library_dir)
    assert (launch.job_dir / "records" / "events.jsonl").read_text() == "{}\n"
    assert (launch.job_dir / "artifacts" / "model").read_text() == "m"
    assert found["CWD"] == f"{job_dir}/job_source"
    assert found["ATLAS_JOB_DIR"] == job_dir
    assert found["PYTHONPATH"] == f"{library}:/theirs"
    assert found["PYTHONUNBUFFERED"] == "1"
    assert found["OWN"] == "value = 1"
    assert found["FOUNDATIONS_JOB_ID"] == "j"
    assert found["FOUNDATIONS_HOME"]
    assert found["HOME"] == ("/job/home" if rig.is_docker else os.environ["HOME"])
    assert "CUDA_VISIBLE_DEVICES" not in found


@pytest.mark.parametrize(
    "spelling", ["src/train", "./src/../src/train/", "/job/job_source/src/train"]
)
async def test_the_working_directory_is_relative_to_the_project(rig: Rig, spelling: str) -> None:
    launch = rig.python("open('here', 'w')", working_dir=spelling)
    (rig.source(launch) / "src" / "train").mkdir(parents=True)
    assert (await rig.run(launch)).exit_code == 0
    assert (rig.source(launch) / "src" / "train" / "here").exists()


@pytest.mark.parametrize("working_dir", ["missing", "../../..", "../../../etc"])
async def test_a_working_directory_that_is_not_in_the_project_is_refused(
    rig: Rig, working_dir: str
) -> None:
    launch = rig.python("pass", working_dir=working_dir)
    with pytest.raises(StartRefusedError, match="working dir"):
        await rig.begin(launch)
    assert [one.status for one in await rig.engine.observe()] in ([], [SeenStatus.CREATED])


async def test_the_library_is_importable_without_being_installed(rig: Rig) -> None:
    launch = rig.python("import foundations, atlas_worker; print(foundations.__version__)")
    await rig.run(launch)
    assert rig.log(launch).output() == foundations.__version__.encode() + b"\n"


async def test_what_the_job_writes_belongs_to_the_servers_user(rig: Rig) -> None:
    launch = rig.python(
        "import os; os.makedirs('a/b'); open('a/b/c', 'w'); open(os.path.expanduser('~/f'), 'w')"
        if rig.is_docker
        else "import os; os.makedirs('a/b'); open('a/b/c', 'w')"
    )
    assert (await rig.run(launch)).exit_code == 0
    paths = [launch.job_dir, *launch.job_dir.rglob("*")]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in paths} == {
        (os.getuid(), os.getgid())
    }
    assert (rig.source(launch) / "a" / "b" / "c").exists()


async def test_without_an_entry_point_the_standard_worker_runs_the_script(rig: Rig) -> None:
    launch = rig.launch("main.py", "--lr", "0.1", entrypoint=None)
    (rig.source(launch) / "main.py").write_text("import sys; print(sys.argv[1:])\n")
    assert (await rig.run(launch)).exit_code == 0
    assert rig.log(launch).output() == b"No user requirements found.\n['--lr', '0.1']\n"


async def test_a_program_that_is_not_there_is_named(rig: Rig) -> None:
    launch = rig.launch(entrypoint=("/no/such/program",))
    if not rig.is_docker:
        with pytest.raises(StartRefusedError, match="/no/such/program"):
            await rig.begin(launch)
        assert await rig.engine.observe() == []
        return
    # What starts in a container is its init, which then fails as a shell would.
    ended = await rig.run(launch)
    # Podman's names no program and has an exit code of its own.
    if engine_facts().is_podman:
        assert ended.exit_code == 1
        assert b"failed to exec" in rig.log(launch).output()
        return
    assert ended.exit_code == 127
    assert b"/no/such/program" in rig.log(launch).output()


async def test_a_volume_is_seen_at_its_place(rig: Rig, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.csv").write_text("1,2\n")
    volume = Volume(host=str(data), bind=str(data), mode="rw")
    launch = rig.python(
        f"import sys; sys.stdout.write(open({str(data / 'train.csv')!r}).read())",
        volumes=(volume,),
    )
    await rig.run(launch)
    assert rig.log(launch).output() == b"1,2\n"


async def test_a_volume_that_is_not_there_is_refused(rig: Rig, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    launch = rig.python("pass", volumes=(Volume(host=gone, bind=gone),))
    with pytest.raises(StartRefusedError, match="gone"):
        await rig.begin(launch)


# -- many


async def test_twenty_jobs_are_watched_at_once(rig: Rig) -> None:
    count = 20
    launches = [rig.python(f"print({number})") for number in range(count)]
    gate = asyncio.Semaphore(4)  # the machine, not the engine, bears no more

    async def one(launch: Launch) -> None:
        async with gate:
            await rig.begin(launch)

    watches = []
    async with asyncio.timeout(90):
        await asyncio.gather(*(one(launch) for launch in launches))
        watches = [rig.engine.watch(launch.attempt, rig.log(launch)) for launch in launches]
        ends = await asyncio.gather(*watches)
    assert [ended.exit_code for ended in ends] == [0] * count
    outputs = [rig.log(launch).output() for launch in launches]
    assert outputs == [b"%d\n" % number for number in range(count)]


async def test_a_cancelled_watch_ends_at_once_and_leaves_the_job_running(rig: Rig) -> None:
    launch = rig.python(WAITS)
    await rig.begin(launch)
    await is_up(rig, launch)
    threads = NewThreads()
    watch = asyncio.create_task(rig.engine.watch(launch.attempt, rig.log(launch)))
    await asyncio.sleep(0)
    watch.cancel()
    await asyncio.wait([watch])
    assert watch.cancelled()
    await threads.end("watch")
    (seen,) = await rig.engine.observe()
    assert seen.status is SeenStatus.RUNNING


async def test_the_engine_describes_itself(rig: Rig) -> None:
    capabilities = await rig.engine.capabilities()
    assert capabilities.name == rig.kind == rig.engine.name
    assert capabilities.version
    assert capabilities.isolated is rig.is_docker
    assert all(note.endswith(".") for note in capabilities.notes)


async def test_a_closed_engine_leaves_no_thread_behind_and_answers_again(rig: Rig) -> None:
    launch = rig.python(WAITS)
    await rig.begin(launch)
    await is_up(rig, launch)
    await rig.engine.close()
    await until(lambda: not any(one.name.startswith("watch") for one in threading.enumerate()))
    assert len(await rig.engine.observe()) == 1


# -- what it runs on


async def test_the_engine_says_what_an_attempt_runs_on(rig: Rig) -> None:
    launch = rig.python(WAITS)
    await rig.begin(launch)

    found = await rig.engine.execution(launch.attempt, gpus=())

    assert found is not None
    capabilities = await rig.engine.capabilities()
    assert (found.attempt, found.engine) == (launch.attempt.attempt, rig.kind)
    assert (found.engine_version, found.host) == (capabilities.version, socket.gethostname())
    assert found.gpus == []
    assert (found.image_id is not None) is rig.is_docker
    await rig.restart()
    assert await rig.engine.execution(launch.attempt, gpus=()) == found


async def test_it_still_says_so_after_the_end_and_no_more_once_removed(rig: Rig) -> None:
    launch = rig.python("pass")
    await rig.run(launch)

    assert await rig.engine.execution(launch.attempt, gpus=()) is not None
    await rig.engine.remove(launch.attempt)
    assert await rig.engine.execution(launch.attempt, gpus=()) is None


async def test_a_gpu_that_nobody_knows_is_said_by_its_id(rig: Rig) -> None:
    launch = rig.python("pass")
    await rig.begin(launch)

    found = await rig.engine.execution(launch.attempt, gpus=("GPU-of-another-machine",))

    assert found is not None
    assert [(gpu.id, gpu.name) for gpu in found.gpus] == [("GPU-of-another-machine", None)]


async def test_a_pinned_image_that_is_nowhere_keeps_no_job_from_running(rig: Rig) -> None:
    launch = rig.python("print('ran')", pinned_image=f"sha256:{'0' * 64}")

    ended = await rig.run(launch)

    assert ended.exit_code == 0
    assert rig.log(launch).output().endswith(b"ran\n")
