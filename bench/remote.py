"""A command over ssh: the first, which logs in, and those after it, next to the local socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import rig
from bench.measure import Figure, Peer, Plan, Result, timed
from foundations.home import Home
from foundations.ssh.place import SshPlace
from foundations.ssh.tunnel import Tunnel
from tests.e2e.cut_line import Line
from tests.e2e.ssh_server import SshServer

NEXT_MS = 350.0
"""What the same command may take here (`startup`)."""
FAR_SECONDS = 0.02
"""How late bytes arrive on the slow line, each way."""


def run(plan: Plan) -> Result:
    """List jobs through the socket here, and through ssh, in turns; an sshd of its own is run."""
    program = str(Path(sys.executable).with_name("foundations"))
    took: dict[str, list[float]] = {name: [] for name in ("local", "first", "next", "far", "ssh")}
    with (
        rig.workspace() as root,
        rig.server({"engine": "process"}) as server,
        SshServer(root, server.home.root).running() as sshd,
        Line(sshd.port, delay_seconds=FAR_SECONDS) as line,
    ):
        sshd.write_hosts(far={"Port": line.port})
        with _as_user_of(server.home, sshd):
            tunnels = [Tunnel(SshPlace(name), server.home) for name in ("lab", "far")]
            for _ in range(plan.count(15, 4)):
                _turn(program, took, tunnels)
            for tunnel in tunnels:
                tunnel.close()
    here = Peer("the local socket", took["local"])
    far = f"{2000 * FAR_SECONDS:.0f} ms round trip"
    return Result(
        [
            Figure("remote: list jobs, local socket", took["local"]),
            Figure("remote: list jobs by ssh, first", took["first"], peer=here),
            Figure("remote: list jobs by ssh, next", took["next"], target=NEXT_MS, peer=here),
            Figure(f"remote: the same, {far}", took["far"], peer=here),
            Figure(f"remote: `ssh HOST true`, {far}", took["ssh"]),
        ],
        [],
    )


def _turn(program: str, took: dict[str, list[float]], tunnels: list[Tunnel]) -> None:
    lab, far = tunnels
    lab.close()
    far.open()
    commands = {
        "local": [program, "list", "jobs", "scheduler"],
        "first": [program, "list", "jobs", "lab"],
        "next": [program, "list", "jobs", "lab"],
        "far": [program, "list", "jobs", "far"],
        "ssh": ["ssh", *far.place.destination, "true"],
    }
    for name, command in commands.items():
        with timed(took[name]):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)


@contextmanager
def _as_user_of(home: Home, sshd: SshServer) -> Iterator[None]:
    """Let commands find a home with a config for each host, and ssh with the settings for them."""
    home.config_dir.mkdir(parents=True, exist_ok=True)
    for host in ("lab", "far"):
        (home.config_dir / f"{host}.config.yaml").write_text(f"scheduler_url: ssh://{host}\n")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{sshd.bin}:{before}"
    try:
        with rig.as_user_of(home):
            yield
    finally:
        os.environ["PATH"] = before
