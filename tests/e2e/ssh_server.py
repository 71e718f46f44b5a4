"""A real sshd of the tests' own on a free port of this machine, and settings for the user's ssh."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from foundations.home import Home
from tests.e2e.driver import BIN
from tests.e2e.projects import until

_PLACES = "/usr/sbin:/usr/local/sbin:/sbin"


def need_sshd() -> str:
    """The path of sshd; skips the test without one, or fails it where all must be there."""
    found = shutil.which("sshd", path=f"{_PLACES}:{os.environ.get('PATH', os.defpath)}")
    if found is None or shutil.which("ssh") is None:
        problem = "OpenSSH is not installed (openssh-client and openssh-server)"
        if os.environ.get("ATLAS_REQUIRE_DOCKER") == "1":
            pytest.fail(f"ATLAS_REQUIRE_DOCKER is 1 and {problem}", pytrace=False)
        pytest.skip(problem)
    return found


def free_port() -> int:
    """A TCP port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


PASSPHRASE = "open sesame"


class SshServer:
    """One sshd, the keys for it, and the client's side: a program `ssh` with settings of its own.

    Hosts that the settings know: `lab`; `jumped`, through `lab`; `stranger`, whose key is not
    known; `changed`, which is known by another key; `locked`, where the key is not accepted;
    `guarded`, whose key has a passphrase; `nowhere`, where nothing listens.
    """

    def __init__(self, root: Path, remote_home: Path, *, address: str = "127.0.0.1") -> None:
        """Make keys and settings below `root`; log-ins see `remote_home` as their Atlas home."""
        self.root = root
        self.address = address
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self._settings = root / "client"
        self._settings.mkdir()
        for name in ("host", "other_host", "key", "wrong_key"):
            self._make_key(root / name)
        self._make_key(root / "guarded_key", PASSPHRASE)
        accepted = [(root / f"{name}.pub").read_text() for name in ("key", "guarded_key")]
        (root / "authorized_keys").write_text("".join(accepted))
        self._write_known("known", "host")
        self._write_known("known_otherwise", "other_host")
        self._write_server(remote_home)
        self.hosts: dict[str, Mapping[str, object]] = {
            "lab": {},
            "jumped": {"ProxyJump": "lab"},
            "stranger": {"UserKnownHostsFile": "/dev/null"},
            "changed": {"UserKnownHostsFile": root / "known_otherwise"},
            "locked": {"IdentityFile": root / "wrong_key"},
            "guarded": {"IdentityFile": root / "guarded_key"},
            "nowhere": {"Port": free_port()},
        }
        self.write_hosts()
        program = self.bin / "ssh"
        program.parent.mkdir()
        real = shutil.which("ssh")
        program.write_text(f'#!/bin/sh\nexec {real} -F {shlex.quote(str(self._config))} "$@"\n')
        program.chmod(0o755)

    @property
    def bin(self) -> Path:
        """Belongs at the beginning of the PATH of those who use these settings."""
        return self._settings / "bin"

    @property
    def log(self) -> str:
        """What sshd has said."""
        return (self.root / "sshd.log").read_text()

    @property
    def _config(self) -> Path:
        return self._settings / "config"

    def write_hosts(self, **more: Mapping[str, object]) -> None:
        """Write the client's settings, with more hosts."""
        self.hosts |= more
        usual: dict[str, object] = {
            "HostName": self.address,
            "HostKeyAlias": "atlas-test",
            "Port": self.port,
            "IdentityFile": self.root / "key",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.root / "known",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "ask",
        }
        blocks = []
        for name, settings in self.hosts.items():
            merged = {**usual, **settings}
            lines = "".join(f'  {key} "{value}"\n' for key, value in merged.items())
            blocks.append(f"Host {name}\n{lines}")
        self._config.write_text("".join(blocks))

    @contextmanager
    def running(self) -> Iterator[SshServer]:
        """Let it listen; it is ended afterwards."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.root / "sshd.log").open("w") as log:
            server = subprocess.Popen(
                [need_sshd(), "-D", "-e", "-f", str(self.root / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            self._process = psutil.Process(server.pid)
            with server:
                try:
                    until(partial(self._answers, server), "sshd listens")
                    yield self
                finally:
                    server.terminate()

    def end_sessions(self) -> None:
        """End every log-in that there is; sshd itself goes on."""
        for session in self._process.children():
            session.kill()

    def _answers(self, server: subprocess.Popen[bytes]) -> bool:
        assert server.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def _make_key(self, path: Path, passphrase: str = "") -> None:
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-C", "test", "-f", str(path)]
        subprocess.run([*made, "-N", passphrase], check=True, stdin=subprocess.DEVNULL)

    def _write_known(self, name: str, key: str) -> None:
        kind, text, _ = (self.root / f"{key}.pub").read_text().split()
        (self.root / name).write_text(f"atlas-test {kind} {text}\n")

    def _write_server(self, remote_home: Path) -> None:
        lines = [
            f"Port {self.port}",
            f"ListenAddress {self.address}",
            f'HostKey "{self.root / "host"}"',
            f'AuthorizedKeysFile "{self.root / "authorized_keys"}"',
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PidFile none",
            f'SetEnv "FOUNDATIONS_HOME={remote_home}" "PATH={BIN}:/usr/bin:/bin"',
        ]
        (self.root / "sshd_config").write_text("\n".join(lines) + "\n")


def close_tunnels(home: Home, ssh: Path) -> None:
    """End every ssh that a home left in the background."""
    for control in home.tunnels.glob("*.ctl"):
        done = subprocess.run(
            [str(ssh / "ssh"), "-S", str(control), "-O", "exit", "x"],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0 or not control.exists() or b"refused" in done.stderr, done


def process_of(home: Home, ssh: Path) -> int:
    """The process id of the only ssh that a home has in the background."""
    (control,) = home.tunnels.glob("*.ctl")
    done = subprocess.run(
        [str(ssh / "ssh"), "-S", str(control), "-O", "check", "x"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stderr.partition("pid=")[2].partition(")")[0])


def is_alive(process: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
