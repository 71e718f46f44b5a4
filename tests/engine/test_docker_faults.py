"""Faults between Atlas and a real Docker engine, made by a proxy before its socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.port import StartRefusedError
from foundations.errors import EngineDown, StorageFull
from foundations.logs.times import TimeMark
from tests.engine.answering import needs_measures
from tests.engine.joblog import ReadableLog
from tests.engine.proxy import Proxy, server_error
from tests.engine.rig import DockerRig, NewThreads, until

pytestmark = [pytest.mark.anyio, pytest.mark.docker]


class ProxyRig(DockerRig):
    """An engine that reaches Docker through a proxy; `client` goes past it."""

    def __init__(self, directory: Path, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(directory)

    async def close(self) -> None:
        self.proxy.lose_reply_to.clear()
        await super().close()


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProxyRig]:
    upstream = Daemon().socket_path
    assert upstream is not None, "these tests need Docker on a Unix socket"
    proxy = Proxy(tmp_path / "proxy.sock", upstream=upstream)
    rig = ProxyRig(tmp_path, proxy)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{proxy.path}")
    rig.engine = rig.open()
    yield rig
    await rig.close()
    proxy.down()


@pytest.mark.parametrize("call", [b"/containers/create", b"/start ", b"/json", b"/info"])
async def test_a_lost_answer_during_a_start_leads_to_one_run(rig: ProxyRig, call: bytes) -> None:
    launch = rig.python("open('starts', 'a').write('started\\n')")
    await rig.prepare(launch)
    rig.proxy.lose_reply_to = [call]
    assert await rig.engine.start(launch) > 0
    assert rig.proxy.cuts == 1
    assert (await rig.finish(launch)).exit_code == 0
    assert (rig.source(launch) / "starts").read_text() == "started\n"


async def test_where_podman_is_surprised_by_an_end_it_is_asked_again(rig: ProxyRig) -> None:
    surprise = server_error("read /proc/5609/cgroup: no such process")
    rig.proxy.replies = [(b"/json", surprise)] * 3
    assert (await rig.run(rig.python("pass"))).exit_code == 0
    assert rig.proxy.replies == []


async def test_lost_answers_to_stop_and_remove_do_no_harm(rig: ProxyRig) -> None:
    launch = rig.python("import time; time.sleep(120)")
    await rig.begin(launch)
    rig.proxy.lose_reply_to = [b"/stop"]
    with pytest.raises(EngineDown):
        await rig.engine.stop(launch.attempt, grace_seconds=0)
    await rig.engine.stop(launch.attempt, grace_seconds=0)
    rig.proxy.lose_reply_to = [b"DELETE "]
    with pytest.raises(EngineDown):
        await rig.engine.remove(launch.attempt)
    await rig.engine.remove(launch.attempt)
    assert await rig.engine.observe() == []


@pytest.mark.parametrize("cut_bytes", [300, 1000, 5000])
async def test_a_log_that_is_cut_again_and_again_is_exact(rig: ProxyRig, cut_bytes: int) -> None:
    launch = rig.python(
        "import os, time\n"
        "for number in range(60):\n"
        "    os.write(1, b'%d\\xff\\n' % number * 3)\n"
        "    time.sleep(0.01)\n"
        "os.write(2, b'last')\n"
    )
    await rig.begin(launch)
    rig.proxy.cut_logs_after = cut_bytes
    watch = asyncio.create_task(rig.finish(launch))
    await until(lambda: rig.proxy.cuts >= 3)
    rig.proxy.cut_logs_after = None
    assert (await watch).exit_code == 0
    expected = b"".join(b"%d\xff\n" % number * 3 for number in range(60)) + b"last"
    assert rig.log(launch).output() == expected


async def test_a_stream_that_hangs_after_the_end_holds_nothing_up(rig: ProxyRig) -> None:
    launch = rig.python("print('first'); print('last', end='')")
    rig.proxy.hold_logs_after = b"first"
    await rig.begin(launch)
    ended = await rig.finish(launch)
    assert ended.exit_code == 0
    assert rig.log(launch).output() == b"first\nlast"


async def test_an_engine_that_is_away_is_named_with_what_to_do(rig: ProxyRig) -> None:
    rig.proxy.down()
    launch = rig.python("pass")
    for call in (
        rig.engine.capabilities(),
        rig.engine.observe(),
        rig.prepare(launch),
        rig.engine.start(launch),
        rig.engine.stop(launch.attempt, grace_seconds=1),
        rig.engine.remove(launch.attempt),
    ):
        with pytest.raises(EngineDown, match="no such socket"):
            await call
    rig.proxy.up()
    await rig.engine.capabilities()


async def test_a_job_that_outlives_its_engines_absence_is_followed_on(rig: ProxyRig) -> None:
    launch = rig.python(
        "import pathlib, time\n"
        "print('before', flush=True)\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        "print('after', flush=True)\n"
        "raise SystemExit(3)\n"
    )
    await rig.begin(launch)
    watch = asyncio.create_task(rig.finish(launch))
    await until(lambda: b"before\n" in rig.log(launch).output())
    rig.proxy.down()
    with pytest.raises(EngineDown):
        await rig.engine.observe()
    (rig.source(launch) / "go").touch()
    rig.proxy.up()
    ended = await watch
    assert (ended.exit_code, ended.lost_reason) == (3, None)
    assert rig.log(launch).output() == b"before\nafter\n"


async def test_a_job_that_went_down_with_its_engine_is_lost_and_not_failed(rig: ProxyRig) -> None:
    launch = rig.python("import time; print('up', flush=True); time.sleep(120)")
    await rig.begin(launch)
    watch = asyncio.create_task(rig.finish(launch))
    await until(lambda: b"up\n" in rig.log(launch).output())
    rig.proxy.down()
    rig.client.api.kill(launch.attempt.name)
    rig.proxy.up()
    ended = await watch
    assert ended.exit_code is None
    assert ended.lost_reason == "the Docker engine was restarted while the job ran"


async def test_a_job_that_ends_during_its_engines_absence_keeps_its_exit_code(
    rig: ProxyRig,
) -> None:
    launch = rig.python("import time; print('up', flush=True); time.sleep(0.5); print('end')")
    await rig.begin(launch)
    watch = asyncio.create_task(rig.finish(launch))
    await until(lambda: b"up\n" in rig.log(launch).output())
    rig.proxy.down()
    await until(lambda: rig.inspect(launch)["State"]["Status"] == "exited")
    rig.proxy.up()
    assert (await watch).exit_code == 0
    assert rig.log(launch).output() == b"up\nend\n"


async def test_a_cancelled_watch_ends_at_once_while_the_engine_is_away(rig: ProxyRig) -> None:
    launch = rig.python("import time; print('up', flush=True); time.sleep(120)")
    await rig.begin(launch)
    threads = NewThreads()
    watch = asyncio.create_task(rig.engine.watch(launch.attempt, rig.log(launch)))
    await until(lambda: b"up\n" in rig.log(launch).output())
    rig.proxy.down()
    watch.cancel()
    await asyncio.wait([watch])
    assert watch.cancelled()
    await threads.end("watch")
    rig.proxy.up()


async def test_a_cancelled_pull_ends_at_once(rig: ProxyRig) -> None:
    launch = rig.python("pass", image="10.255.255.1/never/answers:1")
    threads = NewThreads()
    prepare = asyncio.create_task(rig.prepare(launch))
    await until(lambda: "pulling it" in rig.log(launch).said())
    prepare.cancel()
    await asyncio.wait([prepare])
    await threads.end("image")
    said = rig.log(launch).said()
    with pytest.raises(StartRefusedError):
        await rig.engine.start(launch)
    assert rig.log(launch).said() == said


class FullDiskLog(ReadableLog):
    """A log whose disk is full twice, each time in the middle of a write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.refusals = 0

    def append(self, data: bytes, written: Sequence[TimeMark] = ()) -> None:
        if self.refusals < 2:
            self.refusals += 1
            super().append(data[: len(data) // 2], written)
            raise StorageFull("no space left on device")
        super().append(data, written)


async def test_a_full_disk_delays_the_log_and_loses_nothing(rig: ProxyRig) -> None:
    launch = rig.python("for number in range(500): print(number)")
    await rig.begin(launch)
    log = FullDiskLog(launch.log_path)
    assert (await rig.engine.watch(launch.attempt, log)).exit_code == 0
    assert log.refusals == 2
    assert log.output() == b"".join(b"%d\n" % number for number in range(500))


async def test_a_silent_engine_tells_no_usage_and_says_so_once_for_all(rig: ProxyRig) -> None:
    needs_measures()
    launches = [rig.python("import time; time.sleep(120)") for _ in range(2)]
    for launch in launches:
        await rig.begin(launch)
    attempts = [launch.attempt for launch in launches]
    assert set(await rig.engine.usage(attempts)) == set(attempts)
    rig.proxy.down()
    with pytest.raises(EngineDown, match="No Docker engine answers"):
        await rig.engine.usage(attempts)
    rig.proxy.up()
    assert set(await rig.engine.usage(attempts)) == set(attempts)
