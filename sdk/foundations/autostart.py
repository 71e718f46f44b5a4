"""Reaches a scheduler, and starts the local one when nothing answers on its socket."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from foundations.errors import Unreachable
from foundations.transport.socket_probe import is_listening

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.configs import SchedulerConfig
    from foundations.home import Home
    from foundations.ssh.tunnel import Tunnel

START_SECONDS = 45.0
"""Longest wait for a server that is being started, by this process or by another."""
_AFTER_FAILURE_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.02
_LOG_TAIL_LINES = 15


def connect(
    config: SchedulerConfig, *, home: Home, announce: Callable[[str], None] | None = None
) -> Client:
    """Return a client for a scheduler that is reached; one's own is started when none answers.

    By ssh that is the one of the account on the other machine, and ssh may ask on the terminal.

    Args:
        config: where the scheduler is.
        home: whose scheduler may be started; tunnels by ssh are kept there too.
        announce: told a line before a start, which takes a moment, and after it what the user
            should know of its engine, such as that jobs are not isolated.

    Raises:
        Unreachable: the server could not be started, or ssh does not get there.
    """
    from foundations.client import Client

    if config.is_by_ssh:
        from foundations.ssh.command import can_ask

        tunnel = reach_by_ssh(config, home=home, asks=can_ask(), announce=announce)
        client = Client(config.scheduler_url, token=config.token)
        client.revive = tunnel.wake
        return client
    if is_own_scheduler(config, home=home) and not is_answering(home):
        start_server(home, announce=announce)
    return Client(config.scheduler_url, token=config.token, trust=config.trust)


def reach_by_ssh(
    config: SchedulerConfig,
    *,
    home: Home,
    asks: bool = False,
    announce: Callable[[str], None] | None = None,
) -> Tunnel:
    """Make the tunnel to a scheduler unless it is there; with `asks` ssh may use the terminal.

    The scheduler of the account is started when the tunnel is new and none answers.

    Raises:
        Unreachable: ssh does not get there, or the server could not be started; the text says why.
    """
    tunnel = _tunnel_to(config, home)
    if tunnel.is_open():
        return tunnel
    if announce is not None:
        announce(f"Connecting to {tunnel.place.host} by ssh…")
    if tunnel.open(asks=asks):
        tunnel.wake(announce=announce)
    return tunnel


def has_tunnel(config: SchedulerConfig, *, home: Home) -> bool:
    """Tell whether a scheduler that is reached by ssh can be asked without a new log-in."""
    return _tunnel_to(config, home).is_open()


def _tunnel_to(config: SchedulerConfig, home: Home) -> Tunnel:
    from foundations.ssh.place import SshPlace
    from foundations.ssh.tunnel import Tunnel

    return Tunnel(SshPlace.parse(config.scheduler_url), home)


def is_own_scheduler(config: SchedulerConfig, *, home: Home) -> bool:
    """Tell whether a config means the server that this home starts by itself."""
    return config.scheduler_url == f"unix://{home.socket}"


def is_answering(home: Home) -> bool:
    """Tell whether a server listens on the home's socket."""
    return is_listening(str(home.socket))


def look_for(config: SchedulerConfig) -> None:
    """Return when something may answer for a config; nothing is started.

    Raises:
        Unreachable: it names a Unix socket, and nobody listens there.
    """
    if config.is_local and not is_listening(config.scheduler_url.removeprefix("unix://")):
        from foundations.transport.address import Address

        raise Unreachable(Address.parse(config.scheduler_url).silence("no server listens there"))


def start_server(home: Home, *, announce: Callable[[str], None] | None = None) -> None:
    """Start the home's server in the background and wait until it answers.

    Raises:
        Unreachable: it did not come up; the text has the end of its log.
    """
    if os.environ.get("FOUNDATIONS_JOB_ID"):
        raise Unreachable(
            f"No scheduler answers at unix://{home.socket}, and inside a job none is started. "
            "Name a scheduler config that reaches one from here."
        )
    if not sys.executable:
        raise Unreachable("No scheduler answers. Start one with `atlas-server start --detach`.")
    if announce is not None:
        announce("Starting the Atlas server…")
    home.create()
    with tempfile.TemporaryFile() as output:
        failed = _run_start(home, output)
        # When two commands come at once only one of them starts the server; both may use it.
        if not _wait_until_answering(home, _AFTER_FAILURE_SECONDS if failed else START_SECONDS):
            raise Unreachable(_describe_failure(home, _content(output)))
        if announce is not None:
            # What it says of its engine, such as that jobs are not isolated, is indented.
            for line in _content(output).splitlines():
                if line.startswith("  "):
                    announce(line.strip())


def _content(output: BinaryIO) -> str:
    output.seek(0)
    return output.read().decode("utf-8", "replace").rstrip()


def _run_start(home: Home, output: BinaryIO) -> bool:
    """Run `atlas-server start --detach` in the home, where no file of the user's is imported."""
    command = [sys.executable, "-P", "-m", "atlas_scheduler", "start", "--detach"]
    try:
        done = subprocess.run(
            [*command, "--home", str(home.root)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home.root,
            timeout=START_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def _wait_until_answering(home: Home, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_answering(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_SECONDS)
    return True


def _describe_failure(home: Home, said: str) -> str:
    said = said.removeprefix("Error: ")
    lines = [said] if said else []
    if str(home.root) not in said:
        lines.insert(0, f"The Atlas server could not be started for {home.root}.")
    if str(home.server_log) not in said:
        try:
            log = home.server_log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            log = []
        if log:
            lines.append(f"The end of {home.server_log}:")
            lines += [f"  {line}" for line in log[-_LOG_TAIL_LINES:]]
    return "\n".join(lines)
