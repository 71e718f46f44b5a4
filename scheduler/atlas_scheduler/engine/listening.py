"""At which addresses some processes of this machine listen. Everything here blocks."""

from __future__ import annotations

import socket
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
_TABLES = (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6))
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is read, nothing is bound
"""Where one connects who wants what listens everywhere."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens."""

    host: str
    port: int
    inode: str
    """Names the socket among the files of a process."""


def reachable_at(port: int, processes: Iterable[int], listeners: Iterable[Listener]) -> str | None:
    """Find the address at which a port leads to some processes and to nobody else.

    Args:
        port: which port.
        processes: their numbers.
        listeners: what listens on this machine.

    Returns:
        An address; None when none of them listens there.
    """
    there = [one for one in listeners if one.port == port]
    if not there:
        return None
    own = set(_sockets_of(processes))
    for target in dict.fromkeys(_ANY.get(one.host, one.host) for one in there if one.inode in own):
        # Of what listens at a port, the socket of the very address has it, then those of all.
        exact = [one for one in there if one.host == target]
        answering = exact or [one for one in there if _ANY.get(one.host) == target]
        if all(one.inode in own for one in answering):
            return target
    return None


def listeners() -> list[Listener]:
    """List what listens on this machine."""
    return [one for path, family in _TABLES for one in _read(path, family)]


def parse_listeners(table: str, family: socket.AddressFamily) -> Iterator[Listener]:
    """Read a table of the kernel's, without its first line."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            yield Listener(_address(address, family), int(port, 16), fields[9])


def _read(path: str, family: socket.AddressFamily) -> Collection[Listener]:
    with suppress(FileNotFoundError):  # no IPv6 here
        return list(parse_listeners(Path(path).read_text(encoding="ascii"), family))
    return []


def _address(digits: str, family: socket.AddressFamily) -> str:
    """Read an address as the kernel prints it: words of four bytes in the machine's own order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return socket.inet_ntop(family, packed)


def _sockets_of(processes: Iterable[int]) -> Iterator[str]:
    for process in processes:
        with suppress(OSError):
            for file in Path(f"/proc/{process}/fd").iterdir():
                with suppress(OSError):
                    kind, _, inode = str(file.readlink()).partition(":")
                    if kind == "socket":
                        yield inode.strip("[]")
