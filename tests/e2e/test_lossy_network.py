"""By ssh over a network that loses packets, and breaks, in a namespace of its own."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from foundations.home import Home
from tests.e2e.driver import BIN, Scheduler
from tests.e2e.namespace import Namespace, namespace
from tests.e2e.projects import write_project
from tests.e2e.ssh_server import SshServer, close_tunnels, need_sshd, process_of

LOSS = 0.02
LINES = 400_000
WRITE = f"""
import sys
for number in range(0, {LINES}, 1000):
    sys.stdout.write("".join(f"{{one:049}}\\n" for one in range(number, number + 1000)))
"""
DIGEST = """
import hashlib
print("digest", hashlib.sha256(open("weights.bin", "rb").read()).hexdigest())
"""


@dataclass(frozen=True)
class Laptop:
    """A machine in the namespace, whose scheduler is on this one."""

    network: Namespace
    server: SshServer
    remote: Scheduler
    home: Home

    def foundations(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a command there."""
        environment = {
            **self.remote.environment,
            "FOUNDATIONS_HOME": str(self.home.root),
            "PATH": f"{self.server.bin}:{BIN}:{os.environ.get('PATH', os.defpath)}",
        }
        return subprocess.Popen(
            [*self.network.enter, str(BIN / "foundations"), *arguments],
            env=environment,
            cwd=self.remote.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    need_sshd()
    root = tmp_path_factory.mktemp("lossy")
    with namespace() as network:
        remote = Scheduler(root, "process")
        home = Home(root / "laptop")
        home.config_dir.mkdir(parents=True)
        (home.config_dir / "lab.config.yaml").write_text("scheduler_url: ssh://lab\n")
        (root / "ssh").mkdir()
        server = SshServer(root / "ssh", remote.home.root, address=network.address)
        try:
            remote.start()
            with server.running():
                yield Laptop(network, server, remote, home)
                close_tunnels(home, server.bin)
        finally:
            remote.close()


def test_a_log_is_exact_over_a_network_that_loses_packets_and_breaks(
    laptop: Laptop, tmp_path: Path
) -> None:
    job_id = laptop.remote.submit(write_project(tmp_path / "p", {"main.py": WRITE}), "main.py")
    laptop.remote.wait(job_id)
    with laptop.network.losing(LOSS), laptop.foundations("get", "logs", "lab", job_id) as command:
        assert command.stdout is not None
        got = [command.stdout.read(2_000_000)]
        ssh = process_of(laptop.home, laptop.server.bin)
        laptop.server.end_sessions()
        got.append(command.stdout.read())
    assert command.returncode == 0
    text = b"".join(got)
    assert text == laptop.remote.cli("get", "logs", "scheduler", job_id).out.encode()
    assert len(text) > LINES * 50
    assert process_of(laptop.home, laptop.server.bin) != ssh


def test_a_project_of_20_mb_is_submitted_over_a_network_that_loses_packets(
    laptop: Laptop, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "large", {"main.py": DIGEST})
    (project / "weights.bin").write_bytes(os.urandom(20_000_000))
    with (
        laptop.network.losing(LOSS),
        laptop.foundations("submit", "lab", str(project), "main.py") as command,
    ):
        assert command.stdout is not None
        said = command.stdout.read().decode()
    assert command.returncode == 0, said
    digest = hashlib.sha256((project / "weights.bin").read_bytes()).hexdigest()
    assert re.findall(r"digest (\w+)", said) == [digest]
