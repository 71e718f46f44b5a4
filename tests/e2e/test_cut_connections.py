"""Connections that are cut again and again, by ssh and by HTTP: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas_tui.board import Board, Link, Tidings
from atlas_tui.feed import Feed
from foundations import AsyncClient, Client
from foundations.beside.executed import execute
from foundations.bundles.delivery import make_ready
from foundations.home import Home
from foundations.models import JobSpec, Submission
from foundations.ssh import tunnel
from foundations.transport.reconnection import Patience
from tests.e2e.cut_line import Line
from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project
from tests.e2e.ssh_server import SshServer, close_tunnels, is_alive, need_sshd, process_of

pytestmark = pytest.mark.anyio

MB = 10**6
QUICK = Patience(first_delay_seconds=0.01, longest_delay_seconds=0.2, give_up_seconds=30)
LINE_BYTES = 50
LOG_LINES = MB
WRITE = """
import sys
for number in range(0, 1_000_000, 1000):
    sys.stdout.write("".join(f"{one:049}\\n" for one in range(number, number + 1000)))
"""


DIGEST = """
import hashlib
print(hashlib.sha256(open("weights.bin", "rb").read()).hexdigest())
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """A scheduler that runs, with room for a job beside the one that sleeps."""
    scheduler = Scheduler(tmp_path_factory.mktemp("far"), "process", max_running_jobs=2)
    try:
        scheduler.start()
        yield scheduler
    finally:
        scheduler.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, remote: Scheduler) -> Iterator[SshServer]:
    """An sshd before it."""
    need_sshd()
    with SshServer(tmp_path_factory.mktemp("ssh"), remote.home.root).running() as found:
        yield found


@dataclass(frozen=True)
class Way:
    """How a client gets to the scheduler over a line that can be cut."""

    url: str
    line: Line
    home: Home
    server: SshServer

    @property
    def ssh(self) -> int:
        """The process id of the ssh in the background."""
        return process_of(self.home, self.server.bin)


@pytest.fixture(params=["ssh", "http"])
def way(
    request: pytest.FixtureRequest,
    server: SshServer,
    remote: Scheduler,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Way]:
    """A line before sshd, or before the scheduler's own socket."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("FOUNDATIONS_HOME", str(home.root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{server.bin}:{os.environ['PATH']}")
    with ExitStack() as stack:
        if request.param == "ssh":
            line = stack.enter_context(Line(server.port))
            server.write_hosts(cut={"Port": line.port})
            stack.callback(close_tunnels, home, server.bin)
            yield Way("ssh://cut", line, home, server)
        else:
            line = stack.enter_context(Line(remote.home.socket))
            yield Way(f"http://127.0.0.1:{line.port}", line, home, server)


by_ssh = pytest.mark.parametrize("way", ["ssh"], indirect=True)


@pytest.fixture(scope="module")
def chatterbox(remote: Scheduler) -> str:
    """A job that has written 50 MB."""
    project = write_project(remote.root / "chatterbox", {"main.py": WRITE})
    job_id = remote.submit(project, "main.py")
    remote.wait(job_id)
    return job_id


SLEEP = """
import sys, time
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def sleeper(remote: Scheduler) -> Iterator[str]:
    """A job that runs."""
    project = write_project(remote.root / "sleeper", {"main.py": SLEEP})
    job_id = remote.submit(project, "main.py")
    remote.wait_for_text(job_id, "ready")
    yield job_id
    remote.cli("stop", "job", "scheduler", job_id)


def written() -> str:
    """The digest of what the chatterbox writes."""
    digest = hashlib.sha256()
    for number in range(0, LOG_LINES, 1000):
        lines = (f"{one:0{LINE_BYTES - 1}}\n" for one in range(number, number + 1000))
        digest.update("".join(lines).encode())
    return digest.hexdigest()


def test_a_followed_log_of_50_mb_is_exact_through_cuts(way: Way, chatterbox: str) -> None:
    way.line.cut_every_bytes = 9 * MB
    digest, size_bytes = hashlib.sha256(), 0
    with Client(way.url, patience=QUICK) as client:
        for piece in client.logs(chatterbox, offset=-LINE_BYTES * LOG_LINES, follow=True):
            digest.update(piece)
            size_bytes += len(piece)
    assert size_bytes == LINE_BYTES * LOG_LINES
    assert digest.hexdigest() == written()
    assert way.line.cuts >= 5


def test_an_upload_of_50_mb_goes_on_where_it_was_cut(way: Way, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", {"main.py": DIGEST})
    content = os.urandom(50 * MB)
    (project / "weights.bin").write_bytes(content)
    (tmp_path / "folder").mkdir()
    ready = make_ready(project, tmp_path / "folder", size_bytes=50 * MB)
    with Client(way.url, patience=QUICK) as client:
        client.info()
        way.line.cut_every_bytes = 12 * MB
        way.line.up_bytes = 0
        ready.send(client)
        assert way.line.cuts >= 3
        # What was in the buffers of both ends when a line was cut has to be sent again.
        assert way.line.up_bytes < 50 * MB + way.line.cuts * 8 * MB
        spec = JobSpec(project="p", command=["main.py"])
        job = client.submit(Submission(spec=spec, bundle=ready.digest)).job_id
        client.wait(job, timeout_seconds=60)
        said = b"".join(client.logs(job)).decode()
    assert hashlib.sha256(content).hexdigest() in said.splitlines()


def test_the_change_feed_misses_nothing_through_cuts(
    way: Way, remote: Scheduler, sleeper: str
) -> None:
    with remote.client() as local:
        since = local.info().last_seq
        way.line.cut_every_bytes = 15_000
        seen = []

        def follow() -> None:
            with Client(way.url, patience=QUICK) as client:
                for change in client.changes(since, follow=True):
                    seen.append(change)
                    if change.event == "Noted" and len(seen) >= 120:
                        return

        follower = threading.Thread(target=follow)
        follower.start()
        for number in range(120):
            local.note(sleeper, f"note {number} {'x' * 500}")
        follower.join(60)
        assert not follower.is_alive()
        assert seen == list(local.changes(since, follow=False))[: len(seen)]
    assert [one.seq for one in seen] == sorted({one.seq for one in seen})
    assert way.line.cuts >= 1


KEEP = """
import os
import foundations
with open("weights.bin", "wb") as file:
    file.write(os.urandom(20_000_000))
foundations.save_artifact("weights.bin")
"""


def test_artifacts_and_archives_are_downloaded_on_through_cuts(
    way: Way, remote: Scheduler, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "project", {"main.py": KEEP})
    job_id = remote.submit(project, "main.py")
    remote.wait(job_id)
    with remote.client() as local:
        kept = [b"".join(local.artifact(job_id, "weights.bin")), b"".join(local.archive(job_id))]
    with Client(way.url, patience=QUICK) as client:
        client.info()
        way.line.cut_every_bytes = 7 * MB
        got = [b"".join(client.artifact(job_id, "weights.bin")), b"".join(client.archive(job_id))]
    assert [hashlib.sha256(one).digest() for one in got] == [
        hashlib.sha256(one).digest() for one in kept
    ]
    assert way.line.cuts >= 5


def test_a_command_beside_a_job_gets_and_gives_every_byte_through_cuts(
    way: Way, sleeper: str
) -> None:
    content = os.urandom(MB)
    with Client(way.url, patience=QUICK) as client:
        client.info()
        way.line.cut_every_bytes = 700_000
        done = execute(client, sleeper, ["cat"], input=content)
        assert done.exit_code == 0
        assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(content).digest()
        assert way.line.cuts >= 1


@by_ssh
def test_a_line_that_falls_silent_is_noticed_by_ssh_and_a_new_one_made(
    way: Way, sleeper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1")
    monkeypatch.setattr(tunnel, "LIVELY", quick)
    with Client(way.url, patience=QUICK) as client, Client(way.url, patience=QUICK) as other:
        since = client.info().last_seq
        feed = client.changes(since, follow=True)
        other.note(sleeper, "heard before")
        assert next(feed).event == "Noted"
        silent = way.ssh
        way.line.stall()
        until(lambda: not is_alive(silent), "ssh gives up")
        way.line.flow()
        other.note(sleeper, "heard after")
        assert next(feed).event == "Noted"
        assert way.ssh != silent


@by_ssh
async def test_the_control_center_goes_on_after_its_ssh_was_killed(way: Way, sleeper: str) -> None:
    board = Board("cut")
    changed = asyncio.Event()
    links: list[Link] = []

    def tell(tidings: Tidings) -> None:
        links.append(board.link)
        changed.set()

    async def until_heard(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                changed.clear()
                await changed.wait()

    async with AsyncClient(way.url) as client, asyncio.TaskGroup() as tasks:
        following = tasks.create_task(Feed(client, board, tell, patience=QUICK).run())
        await until_heard(lambda: board.link is Link.LIVE)
        os.kill(way.ssh, signal.SIGKILL)
        await until_heard(lambda: Link.LOST in links and board.link is Link.LIVE)
        await client.note(sleeper, "told after it")
        await until_heard(lambda: [one.event for one in board.recent][-1:] == ["Noted"])
        following.cancel()


@by_ssh
async def test_a_host_that_is_gone_is_a_message_on_the_board(
    way: Way, capfd: pytest.CaptureFixture[str]
) -> None:
    way.line.refuse()
    board, told = Board("cut"), asyncio.Event()
    async with AsyncClient(way.url) as client, asyncio.TaskGroup() as tasks:
        feed = Feed(client, board, lambda _: told.set(), patience=QUICK)
        following = tasks.create_task(feed.run())
        async with asyncio.timeout(30):
            await told.wait()
        following.cancel()
    assert board.link is Link.LOST
    assert "cut cannot be reached by ssh (" in (board.problem or "")
    assert "Connection refused" in (board.problem or "")
    assert capfd.readouterr() == ("", ""), "ssh must not write into the screen"
