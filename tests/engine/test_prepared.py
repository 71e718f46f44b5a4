"""Containers that are made ahead of the jobs that run in them, on a real engine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.core.reconcile import SeenStatus
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.docker import DockerEngine
from atlas_scheduler.engine.exec_port import ExecPlan, Output
from atlas_scheduler.engine.port import Launch
from atlas_scheduler.engine.prepared_pool import SHAPES
from foundations.models import Volume
from foundations.models.arrays import INDEX_VARIABLE
from tests.engine.proxy import Proxy
from tests.engine.rig import BASE_IMAGE, DEADLINE_SECONDS, DockerRig, until

pytestmark = [pytest.mark.anyio, pytest.mark.docker]

MEGABYTE = 1_000_000
WAITS = "import time; print('up', flush=True); time.sleep(120)"


class PreparedRig(DockerRig):
    """An engine that keeps one container of each shape ready."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory, **{"prepared": 1, **settings})

    def ready(self) -> list[str]:
        """Names of the containers that are ready."""
        filters = {"label": [f"atlas.instance={self.instance}", "atlas.prepared"]}
        found = self.client.api.containers(all=True, filters=filters)
        names = [one["Names"][0].lstrip("/") for one in found]
        return [name for name in names if name.startswith(f"atlas-{self.instance}-prepared-")]

    async def stock(self, count: int = 1) -> None:
        """Wait until so many are ready, and the engine counts on them."""
        assert isinstance(self.engine, DockerEngine)
        prepared = self.engine._stock.prepared
        await until(lambda: len(self.ready()) == prepared.count() == count)

    async def run_first(self, *command: str, **fields: Any) -> None:
        """Run an ordinary job of a shape, after which one is ready for the next."""
        first = self.launch(*(command or ("true",)), **fields)
        assert (await self.run(first)).exit_code == 0
        assert not self.is_prepared(first)
        await self.stock()

    def is_prepared(self, launch: Launch) -> bool:
        return "atlas.prepared" in self.inspect(launch)["Config"]["Labels"]

    async def close(self) -> None:
        await super().close()
        await self.stock(0)
        links = self.home.run / "prepared"
        assert not links.exists() or [path.name for path in links.iterdir()] == ["nothing"]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[PreparedRig]:
    rig = PreparedRig(tmp_path)
    yield rig
    await rig.close()


async def test_the_next_job_of_a_shape_runs_as_in_a_container_of_its_own(rig: PreparedRig) -> None:
    await rig.run_first()
    # What a shell makes of words is not what they mean.
    words = ("a b", "", "$HOME", "it's", 'two\nlines "x"', "-n", "*", "ü\\")
    code = (
        "import json, os, sys; os.write(2, b'err\\n');"
        "json.dump([sys.argv[1:], os.getcwd(), dict(os.environ)], open('seen', 'w'));"
        "raise SystemExit(7)"
    )
    launch = rig.python(code)
    own = {**launch.environment, "FOUNDATIONS_ATTEMPT": "1", INDEX_VARIABLE: "'3'"}
    launch = replace(launch, command=(*launch.command, *words), environment=own)
    ended = await rig.run(launch)
    assert (ended.exit_code, ended.lost_reason) == (7, None)
    assert rig.is_prepared(launch)
    assert rig.log(launch).output() == b"err\n"

    arguments, directory, found = json.loads((rig.source(launch) / "seen").read_text())
    assert arguments == list(words)
    assert directory == "/job/job_source"
    assert own.items() <= found.items()
    assert found["FOUNDATIONS_HOME"] == "/job/home/.foundations"
    assert "OLDPWD" not in found


async def test_an_engine_is_told_apart_by_everything_that_a_container_is(
    rig: PreparedRig, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    await rig.run_first()
    others: list[dict[str, Any]] = [
        {"cpus": 0.5},
        {"ram_bytes": 100 * MEGABYTE},
        {"shm_bytes": 64 * MEGABYTE},
        {"environment": {"LEARNING_RATE": "0.1"}},
        {"volumes": (Volume(host=str(tmp_path / "data"), bind="/data", mode="ro"),)},
    ]
    for fields in others:
        launch = rig.launch("true", **fields)
        await rig.begin(launch)
        assert not rig.is_prepared(launch), fields
        await rig.finish(launch)
    await rig.stock(SHAPES)


async def test_a_volume_inside_of_the_project_takes_an_ordinary_one(
    rig: PreparedRig, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    volume = Volume(host=str(tmp_path / "data"), bind="/job/job_source/sets/a", mode="ro")
    await rig.run(rig.launch("true", volumes=(volume,)))
    launch = rig.launch("cat", "sets/a/x", volumes=(volume,))
    await rig.run(launch)
    assert not rig.is_prepared(launch)
    assert rig.log(launch).output() == b"x"
    owned = [path.lstat().st_uid for path in rig.home.root.rglob("*")]
    assert set(owned) == {os.getuid()}


async def test_a_command_beside_the_job_has_its_variables_and_its_place(rig: PreparedRig) -> None:
    await rig.run_first()
    launch = rig.python(WAITS)
    await rig.begin(launch)
    assert rig.is_prepared(launch)
    code = "import os; print(os.environ['FOUNDATIONS_JOB_ID'], os.getcwd())"
    session = await rig.engine.execute(launch.attempt, ExecPlan(("python3", "-c", code)))
    output = b""
    while (piece := await session.read()) is not None:
        assert piece[0] is Output.STDOUT
        output += piece[1]
    assert await session.wait() == 0
    await session.close()
    assert output.decode() == f"{launch.attempt.job_id} /job/job_source\n"
    await rig.engine.stop(launch.attempt, grace_seconds=0)


async def test_a_program_that_is_not_there_fails_as_ever(rig: PreparedRig) -> None:
    await rig.run_first()
    launch = rig.launch(entrypoint=("no-such-program",))
    assert (await rig.run(launch)).exit_code == 127
    assert rig.is_prepared(launch)
    assert b"no-such-program: not found" in rig.log(launch).output()


# -- one start, whatever happens


async def test_a_server_that_died_before_the_start_starts_the_claimed_one_once(
    rig: PreparedRig,
) -> None:
    await rig.run_first()
    launch = rig.python("open('starts', 'a').write('started\\n')")
    rig.client.api.rename(rig.ready()[0], launch.attempt.name)

    rig.engine = rig.open()
    seen = {one.job_id: one.status for one in await rig.engine.observe()}
    assert seen[launch.attempt.job_id] is SeenStatus.CREATED
    assert (await rig.run(launch)).exit_code == 0
    assert rig.is_prepared(launch)
    assert (rig.source(launch) / "starts").read_text() == "started\n"

    await rig.engine.start(launch)
    assert (rig.source(launch) / "starts").read_text() == "started\n"


async def test_a_prepared_job_outlives_the_server_and_is_adopted(rig: PreparedRig) -> None:
    await rig.run_first()
    launch = rig.python(
        "import time; open('starts', 'a').write('x'); time.sleep(0.5); print('end')"
    )
    await rig.begin(launch)
    await rig.stock()
    earlier = rig.ready()

    rig.engine = rig.open()
    seen = {one.job_id: one for one in await rig.engine.observe()}
    started_at_ms = seen[launch.attempt.job_id].started_at_ms
    assert not set(earlier) & set(rig.ready()), "what an earlier process prepared is swept"
    assert await rig.engine.start(launch) == started_at_ms
    ended = await rig.finish(launch)
    assert (ended.exit_code, ended.started_at_ms) == (0, started_at_ms)
    assert rig.log(launch).output() == b"end\n"
    assert (rig.source(launch) / "starts").read_text() == "x"


async def test_what_others_removed_is_not_missed(rig: PreparedRig) -> None:
    await rig.run_first()
    rig.client.api.remove_container(rig.ready()[0])
    launch = rig.launch("true")
    assert (await rig.run(launch)).exit_code == 0
    assert not rig.is_prepared(launch)


async def test_two_starts_of_an_attempt_at_once_lead_to_one_run(rig: PreparedRig) -> None:
    await rig.run_first()
    launch = rig.python("open('starts', 'a').write('started\\n')")
    await rig.prepare(launch)
    first, second = await asyncio.gather(rig.engine.start(launch), rig.engine.start(launch))
    assert abs(first - second) < DEADLINE_SECONDS * 1000
    await rig.finish(launch)
    assert (rig.source(launch) / "starts").read_text() == "started\n"


async def test_an_image_without_a_shell_goes_without(rig: PreparedRig) -> None:
    name = f"atlas-test-{rig.instance}:latest"
    steps = f"""FROM {BASE_IMAGE}\nRUN ["python3", "-c", "import os; os.unlink('/bin/sh')"]\n"""
    rig.client.images.build(fileobj=io.BytesIO(steps.encode()), tag=name, rm=True, forcerm=True)
    try:
        for _ in range(3):
            launch = rig.python("print('ran')", image=name)
            assert (await rig.run(launch)).exit_code == 0
            assert not rig.is_prepared(launch)
            assert rig.log(launch).output() == b"ran\n"
            await rig.stock(0)
    finally:
        rig.client.images.remove(name, force=True)


@pytest.mark.parametrize("call", [b"/rename", b"/start "])
async def test_a_lost_answer_during_a_start_leads_to_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: bytes
) -> None:
    upstream = Daemon().socket_path
    assert upstream is not None, "these tests need Docker on a Unix socket"
    proxy = Proxy(tmp_path / "proxy.sock", upstream=upstream)
    rig = PreparedRig(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{proxy.path}")
    rig.engine = rig.open()
    try:
        await rig.run_first()
        launch = rig.python("open('starts', 'a').write('started\\n')")
        await rig.prepare(launch)
        proxy.lose_reply_to = [call]
        assert await rig.engine.start(launch) <= time.time_ns() // 1_000_000 + 1
        assert proxy.cuts == 1
        assert rig.is_prepared(launch)
        assert (await rig.finish(launch)).exit_code == 0
        assert (rig.source(launch) / "starts").read_text() == "started\n"
    finally:
        proxy.lose_reply_to.clear()
        await rig.close()
        proxy.down()
