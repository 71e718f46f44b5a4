"""A network of the tests' own: a namespace with one line to this machine that loses packets."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest


class Namespace:
    """The far end of the line."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        """Of this machine, as it is seen from there."""

    @property
    def enter(self) -> list[str]:
        """What begins a command line that runs there."""
        return ["ip", "netns", "exec", self.name]

    @contextmanager
    def losing(self, share: float) -> Iterator[None]:
        """Lose a share of the packets that come in."""
        chance = ("-m", "statistic", "--mode", "random", "--probability", str(share))
        rule = ("INPUT", *chance, "-j", "DROP")
        run([*self.enter, "iptables", "-w", "-A", *rule])
        try:
            yield
        finally:
            run([*self.enter, "iptables", "-w", "-D", *rule])


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make one; skips the test where that is not allowed, or the kernel has no part for it."""
    if os.getuid() != 0 or shutil.which("ip") is None or shutil.which("iptables") is None:
        pytest.skip("network namespaces need root, ip and iptables")
    number = os.getpid()
    name, here, there = f"atlas-{number}", f"atlh{number}", f"atlt{number}"
    network = f"10.213.{number % 250}"
    found = Namespace(name, f"{network}.1")
    inside = found.enter
    with ExitStack() as stack:
        try:
            run(["ip", "netns", "add", name])
            stack.callback(run, ["ip", "netns", "del", name])
            run(["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name])
            run(["ip", "address", "add", f"{found.address}/30", "dev", here])
            run(["ip", "link", "set", here, "up"])
            run([*inside, "ip", "address", "add", f"{network}.2/30", "dev", there])
            run([*inside, "ip", "link", "set", there, "up"])
            with found.losing(0.0):
                pass
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this kernel does not allow it: {error.stderr}")
        yield found


def run(command: Sequence[str]) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
