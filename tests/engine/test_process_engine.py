"""What only the process engine does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from atlas_scheduler.core.reconcile import SeenStatus
from atlas_scheduler.engine.attempts import AttemptDir
from atlas_scheduler.engine.port import StartRefusedError
from foundations.models import Volume
from tests.engine.rig import ProcessRig, until

pytestmark = pytest.mark.anyio

WAITS = "import time; print('up', flush=True); time.sleep(120)"


async def is_up(rig: ProcessRig, launch_log: Path) -> None:
    await until(lambda: launch_log.exists() and b"up\n" in launch_log.read_bytes())


async def test_a_job_whose_shim_is_killed_is_lost_and_ended(process_rig: ProcessRig) -> None:
    launch = process_rig.python(WAITS)
    await process_rig.begin(launch)
    await is_up(process_rig, launch.log_path)
    started = process_rig.started(launch)
    watch = asyncio.create_task(process_rig.finish(launch))
    os.kill(started["shim_pid"], signal.SIGKILL)
    ended = await watch
    assert ended.exit_code is None
    assert ended.lost_reason == "its process was killed together with its shim"
    await until(lambda: not _lives(started["pid"]))


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_job_of_before_the_last_boot_is_lost_with_the_machine(
    process_rig: ProcessRig,
) -> None:
    launch = process_rig.python("pass")
    await process_rig.run(launch)
    private = process_rig.private(launch)
    (private / "exit.json").unlink()
    record = process_rig.started(launch) | {"boot_id": "an earlier one"}
    (private / "started.json").write_text(json.dumps(record))
    (seen,) = await process_rig.engine.observe()
    assert seen.status is SeenStatus.EXITED
    ended = await process_rig.finish(launch)
    assert ended.lost_reason == "the machine was restarted while the job ran"


async def test_the_number_of_another_process_is_never_signalled(process_rig: ProcessRig) -> None:
    """The record of a dead job names a process that lives and is not the job's."""
    launch = process_rig.python("pass")
    await process_rig.run(launch)
    stranger = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    try:
        (process_rig.private(launch) / "exit.json").unlink()
        record = process_rig.started(launch) | {"pid": stranger.pid, "pgid": stranger.pid}
        (process_rig.private(launch) / "started.json").write_text(json.dumps(record))
        await process_rig.engine.stop(launch.attempt, grace_seconds=0)
        assert (await process_rig.finish(launch)).lost_reason
        await process_rig.engine.remove(launch.attempt)
        assert stranger.returncode is None
        assert _lives(stranger.pid)
    finally:
        stranger.kill()
        await stranger.wait()


async def test_an_image_is_ignored_and_the_log_says_so_once(process_rig: ProcessRig) -> None:
    launch = process_rig.python("print('ran')", image="tensorflow:1.13")
    await process_rig.prepare(launch)
    await process_rig.run(launch)
    log = process_rig.log(launch)
    assert log.said().count("tensorflow:1.13") == 1
    assert log.output() == b"ran\n"


async def test_a_size_of_shared_memory_is_ignored_and_the_log_says_so(
    process_rig: ProcessRig,
) -> None:
    launch = process_rig.python("pass", shm_bytes=10**9)
    await process_rig.run(launch)
    assert "the size that is asked for is ignored" in process_rig.log(launch).said()


async def test_a_follower_has_the_whole_log_when_the_watch_ends(process_rig: ProcessRig) -> None:
    launch = process_rig.python("print('first'); print('last')")
    log, ended = process_rig.log(launch), asyncio.Event()

    async def follow() -> bytes:
        return b"".join([piece async for piece in log.follow(ended=ended)])

    follower = asyncio.create_task(follow())
    await process_rig.begin(launch)
    await process_rig.engine.watch(launch.attempt, log)
    ended.set()
    log.touch()
    assert await follower == b"first\nlast\n"


async def test_the_chosen_interpreter_runs_the_job(process_rig: ProcessRig, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mine").symlink_to(sys.executable)
    launch = process_rig.launch("main.py", entrypoint=None, python=str(tmp_path / "bin" / "mine"))
    (process_rig.source(launch) / "main.py").write_text("import sys; print(sys.executable)\n")
    await process_rig.run(launch)
    lines = process_rig.log(launch).output().decode().splitlines()
    assert lines == ["No user requirements found.", str(tmp_path / "bin" / "mine")]
    found = await process_rig.engine.execution(launch.attempt, gpus=())
    assert found is not None
    assert found.python == str(tmp_path / "bin" / "mine")


async def test_an_interpreter_that_is_not_there_is_refused(process_rig: ProcessRig) -> None:
    launch = process_rig.python("pass", python="/no/python")
    with pytest.raises(StartRefusedError, match="/no/python"):
        await process_rig.begin(launch)


async def test_a_volume_at_another_place_is_refused(
    process_rig: ProcessRig, tmp_path: Path
) -> None:
    volume = Volume(host=str(tmp_path), bind="/data")
    with pytest.raises(StartRefusedError, match="no containers"):
        await process_rig.begin(process_rig.python("pass", volumes=(volume,)))


async def test_gpus_are_given_by_id(process_rig: ProcessRig) -> None:
    launch = process_rig.python(
        "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])", gpus=("GPU-1", "GPU-2")
    )
    await process_rig.run(launch)
    assert process_rig.log(launch).output() == b"GPU-1,GPU-2\n"


async def test_secrets_of_the_server_stay_with_it(
    process_rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    launch = process_rig.launch("env", environment={"OWN": "secret of the job"})
    await process_rig.run(launch)
    assert b"canary" not in process_rig.log(launch).output()
    spec = process_rig.private(launch) / "spec.json"
    assert spec.stat().st_mode & 0o777 == 0o600
    assert spec.parent.stat().st_mode & 0o777 == 0o700


async def test_directories_of_other_instances_are_left_alone(process_rig: ProcessRig) -> None:
    other = process_rig.home.run / "attempts" / "atlas-otherone-5f0c1d2e-1"
    other.mkdir(parents=True)
    assert await process_rig.engine.observe() == []
    assert other.is_dir()


async def test_a_start_that_was_cut_short_is_made_good(process_rig: ProcessRig) -> None:
    launch = process_rig.python("open('starts', 'a').write('started\\n')")
    await process_rig.prepare(launch)
    attempt = AttemptDir(process_rig.private(launch))
    attempt.write_spec({"argv": ["half"], "env": {}})
    (seen,) = await process_rig.engine.observe()
    assert seen.status is SeenStatus.CREATED
    await process_rig.engine.start(launch)
    assert (await process_rig.finish(launch)).exit_code == 0
    assert (process_rig.source(launch) / "starts").read_text() == "started\n"


async def test_limits_are_said_not_to_be_enforced(process_rig: ProcessRig) -> None:
    notes = (await process_rig.engine.capabilities()).notes
    assert any("not isolated" in note for note in notes)
    assert any("not enforced" in note for note in notes)
