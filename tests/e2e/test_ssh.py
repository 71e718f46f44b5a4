"""Schedulers behind a real sshd: reached, started, given up with ssh's own words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from foundations import AsyncClient, Client
from foundations.errors import Unreachable
from foundations.home import Home
from foundations.scheduler_status import schedulers
from foundations.ssh.place import SshPlace
from foundations.ssh.tunnel import Tunnel
from tests.e2e.driver import BIN, Done, Scheduler
from tests.e2e.ports import assert_carries, forwarded, serve
from tests.e2e.projects import DEADLINE_SECONDS, until, write_project
from tests.e2e.ssh_server import PASSPHRASE, SshServer, close_tunnels, need_sshd, process_of
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """sshd, whose log-ins find a scheduler in a directory with a space in its name."""
    need_sshd()
    root = tmp_path_factory.mktemp("ssh")
    (root / "far away").mkdir()
    with SshServer(root, root / "far away" / "home").running() as found:
        yield found


@pytest.fixture(scope="module")
def remote(server: SshServer) -> Iterator[Scheduler]:
    """The scheduler of that account; whoever finds it down starts it."""
    scheduler = Scheduler(server.root / "far away", "process")
    try:
        yield scheduler
    finally:
        scheduler.close()


@dataclass(frozen=True)
class Desk:
    """The user's side: a home with a config for each host that ssh knows."""

    home: Home
    server: SshServer
    remote: Scheduler

    @property
    def environment(self) -> dict[str, str]:
        """What makes commands use this home and ssh's settings."""
        return {
            "FOUNDATIONS_HOME": str(self.home.root),
            "PATH": f"{self.server.bin}:{BIN}:{os.environ.get('PATH', os.defpath)}",
        }

    def cli(self, *arguments: str, code: int = 0) -> Done:
        """Run `foundations`."""
        return self.remote.cli(*arguments, environment=self.environment, code=code)

    def need_remote(self) -> None:
        """Have the scheduler there run, whichever test comes first."""
        if not self.remote.is_running:
            self.remote.start()

    def tunnel(self, host: str) -> Tunnel:
        """The tunnel to a host."""
        return Tunnel(SshPlace(host), self.home)

    @property
    def ssh(self) -> int:
        """The process id of the ssh in the background."""
        return process_of(self.home, self.server.bin)


@pytest.fixture
def desk(
    server: SshServer, remote: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    found = Desk(Home(tmp_path / "my home"), server, remote)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    found.home.config_dir.mkdir(parents=True)
    for host in server.hosts:
        config = found.home.config_dir / f"{host}.config.yaml"
        config.write_text(f"scheduler_url: ssh://{host}\n")
    try:
        yield found
    finally:
        close_tunnels(found.home, server.bin)


def test_the_scheduler_is_started_and_everything_works_as_it_does_here(desk: Desk) -> None:
    if desk.remote.is_running:
        desk.remote.server("stop")
    project = write_project(
        desk.home.root / "project",
        {
            "main.py": """
            import foundations
            print("far away")
            foundations.log_metric("loss", 0.5)
            open("model.txt", "w").write("weights")
            foundations.save_artifact("model.txt")
            """
        },
    )
    done = desk.cli("submit", "lab", str(project), "main.py")
    assert "far away" in done.lines
    (job,) = json.loads(desk.cli("list", "jobs", "lab", "--json").out)
    assert job["state"] == "completed"
    assert "far away" in desk.cli("get", "logs", "lab", job["job_id"]).out
    saved = desk.home.root / "saved"
    desk.cli("get", "job", "lab", job["job_id"], "--save-dir", str(saved))
    assert (saved / job["job_id"] / "artifacts" / "model.txt").read_text() == "weights"
    assert desk.remote.is_running


def test_a_port_of_a_job_is_reached_with_every_byte_both_ways(desk: Desk) -> None:
    job_id, port = serve(desk.remote, "serving")
    with forwarded(desk.remote, job_id, port, by="lab", **desk.environment) as (process, local):
        assert_carries(local)
        desk.remote.cli("stop", "job", "scheduler", job_id)
        assert process.wait(60) == 3


def test_doctor_and_tab_know_of_the_tunnel(desk: Desk) -> None:
    completing = {"COMP_WORDS": "foundations show job lab ", "COMP_CWORD": "4"}
    asked = {**completing, "_FOUNDATIONS_COMPLETE": "bash_complete", **desk.environment}
    desk.remote.cli(environment=asked)
    assert not list(desk.home.tunnels.glob("*"))
    done = desk.cli("doctor", "lab")
    assert f"ok       ssh: gets to lab; the way there is {desk.tunnel('lab').socket}" in done.lines
    done = desk.cli("doctor", "locked", code=1)
    assert "Permission denied (publickey)" in done.out
    assert "`ssh-add -l` lists those of the agent" in done.out


def test_the_next_command_finds_the_tunnel(desk: Desk) -> None:
    desk.cli("list", "jobs", "lab")
    first = desk.ssh
    desk.cli("list", "jobs", "lab")
    assert desk.ssh == first
    assert {one.stat().st_mode & 0o777 for one in desk.home.tunnels.glob("*.sock")} == {0o600}
    assert desk.home.tunnels.stat().st_mode & 0o777 == 0o700


async def test_both_clients_make_the_tunnel_by_themselves(desk: Desk) -> None:
    desk.cli("list", "jobs", "lab")
    desk.tunnel("lab").close()
    async with AsyncClient("ssh://lab") as client:
        assert (await client.info()).home == str(desk.remote.home.root)
    desk.tunnel("lab").close()
    with Client("ssh://lab") as client:
        assert client.info().home == str(desk.remote.home.root)
        os.kill(desk.ssh, signal.SIGKILL)
        assert client.info().home == str(desk.remote.home.root)


def test_commands_that_come_at_once_make_one_tunnel(desk: Desk) -> None:
    desk.cli("list", "jobs", "lab")
    desk.tunnel("lab").close()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: desk.tunnel("lab").open(), range(6)))
    assert sorted(made) == [False] * 5 + [True]
    assert desk.ssh


def test_a_server_that_was_stopped_is_started_through_the_tunnel_that_is_there(desk: Desk) -> None:
    desk.cli("list", "jobs", "lab")
    first = desk.ssh
    desk.remote.server("stop")
    with Client("ssh://lab") as client, pytest.raises(Unreachable) as raised:
        client.info()
    assert raised.value.message == (
        "The scheduler at ssh://lab does not answer (no server listens there, or the connection by "
        "ssh broke). Start it with `atlas-server start` on that machine, or check the address."
    )
    desk.cli("list", "jobs", "lab")
    assert desk.ssh == first
    assert desk.remote.is_running


def test_what_the_server_says_when_it_cannot_start_is_told(desk: Desk) -> None:
    if desk.remote.is_running:
        desk.remote.server("stop")
    desk.remote.write_settings(max_running_jobs="many")
    try:
        done = desk.cli("list", "jobs", "lab", code=1)
    finally:
        desk.remote.write_settings(max_running_jobs=2)
    assert "no Atlas server runs there, and it could not be started" in done.err
    assert "max_running_jobs" in done.err


def test_a_socket_that_the_url_names_is_used_and_no_server_started_for_it(desk: Desk) -> None:
    desk.cli("list", "jobs", "lab")
    named = f"ssh://{desk.server.user}@lab{desk.remote.home.socket}".replace(" ", "%20")
    with Client(named) as client:
        assert client.info().home == str(desk.remote.home.root)
    (desk.home.config_dir / "typo.config.yaml").write_text("scheduler_url: ssh://lab/nowhere.sock")
    done = desk.cli("list", "jobs", "typo", code=1)
    assert done.err == (
        "Error: ssh reaches lab, but no scheduler listens at /nowhere.sock there. "
        "Start it with `atlas-server start --detach` on that machine.\n"
    )


def test_a_host_behind_another_is_reached_by_the_users_own_settings(desk: Desk) -> None:
    desk.need_remote()
    found = schedulers(home=desk.home, timeout_seconds=DEADLINE_SECONDS)
    reached = {one.name for one in found if one.reachable}
    assert reached == {"jumped", "lab"}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("stranger", "cannot be reached by ssh (Host key verification failed)"),
        ("changed", "REMOTE HOST IDENTIFICATION HAS CHANGED"),
        ("locked", "Permission denied (publickey)"),
        ("nowhere", "Connection refused"),
    ],
)
def test_what_ssh_says_is_told_with_what_to_try(desk: Desk, host: str, words: str) -> None:
    done = desk.cli("list", "jobs", host, code=1)
    assert words in done.err
    assert f"Try it by hand: ssh {host} true" in done.err
    assert not list(desk.home.tunnels.glob("*.ctl"))
    assert "Traceback" not in done.err


def test_a_refused_log_in_is_not_tried_again_and_again(desk: Desk) -> None:
    def attempts() -> int:
        return desk.server.log.count("Connection closed by authenticat")

    before, tunnel = attempts(), desk.tunnel("locked")
    for _ in range(5):
        with pytest.raises(Unreachable, match="Permission denied"):
            tunnel.open()
    until(lambda: attempts() == before + 1, "sshd tells of the attempt")


def test_a_connection_that_the_user_has_open_already_is_used(desk: Desk) -> None:
    ssh = str(desk.server.bin / "ssh")
    # A path of a socket, to which ssh adds some letters, must be short.
    with tempfile.TemporaryDirectory(prefix="atlas-") as place:
        shared = Path(place) / "shared.ctl"
        desk.server.write_hosts(own={"ControlMaster": "auto", "ControlPath": shared})
        subprocess.run([ssh, "-f", "-N", "-M", "own"], check=True, stdin=subprocess.DEVNULL)
        _use_what_is_open(desk, ssh)


def _use_what_is_open(desk: Desk, ssh: str) -> None:
    desk.need_remote()
    try:
        with Client("ssh://own") as client:
            assert client.info().home == str(desk.remote.home.root)
        assert not list(desk.home.tunnels.glob("*.ctl"))
        Path(desk.tunnel("own").socket).unlink()
        with Client("ssh://own") as client:
            assert client.info().home == str(desk.remote.home.root)
    finally:
        subprocess.run([ssh, "-O", "exit", "own"], check=True, capture_output=True)
        del desk.server.hosts["own"]


@contextmanager
def terminal(desk: Desk, *command: str) -> Iterator[Terminal]:
    environment = {**desk.remote.environment, **desk.environment, "TERM": "xterm-256color"}
    program = str(BIN / command[0])
    with closing(
        Terminal(
            [program, *command[1:]],
            environment=environment,
            directory=desk.remote.root,
            size=(200, 24),
        )
    ) as found:
        yield found


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 1)])
def test_a_host_key_is_asked_for_on_the_terminal(desk: Desk, answer: str, code: int) -> None:
    with terminal(desk, "foundations", "list", "projects", "stranger") as seen:
        seen.until_seen("Are you sure you want to continue connecting")
        seen.type(f"{answer}\r")
        assert seen.wait(30) == code
        assert b"Connecting to stranger by ssh" in seen.seen
        assert (b"Host key verification failed" in seen.seen) == (answer == "no")


def until_asked(seen: Terminal, times: int) -> None:
    seen.until(lambda: seen.seen.count(b"Enter passphrase") == times, f"asked {times} times")


@pytest.mark.parametrize(("answers", "code"), [([PASSPHRASE], 0), (["wrong"] * 3, 1)])
def test_the_passphrase_of_a_key_is_asked_for_on_the_terminal(
    desk: Desk, answers: list[str], code: int
) -> None:
    with terminal(desk, "foundations", "list", "projects", "guarded") as seen:
        for number, answer in enumerate(answers, start=1):
            until_asked(seen, number)
            seen.type(f"{answer}\r")
        assert seen.wait(30) == code
        assert (b"Permission denied (publickey)" in seen.seen) == (code == 1)
        assert PASSPHRASE.encode() not in seen.seen


def test_the_control_center_lets_ssh_ask_before_it_paints_and_never_after(desk: Desk) -> None:
    desk.cli("list", "jobs", "lab")
    with terminal(desk, "atlas", "--connect", "stranger") as seen:
        seen.until_seen("Are you sure you want to continue connecting")
        seen.type("yes\r")
        seen.until_seen("\x1b[?1049h")
        seen.until(lambda: list(desk.home.tunnels.glob("*.sock")), "made the tunnel")
        stranger = Tunnel(SshPlace("stranger"), desk.home)
        until(stranger.is_open, "the tunnel is open")
        stranger.close()
        seen.until_seen("Host key verification failed")
        assert seen.seen.count(b"Are you sure") == 1
        seen.type("q")
        assert seen.wait(10) == 0
        assert seen.is_restored
