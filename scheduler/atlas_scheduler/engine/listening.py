"""At which addresses some processes of this machine listen. Everything here blocks."""

from __future__ import annotations

import socket
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
FAMILIES = (socket.AF_INET, socket.AF_INET6)
_TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is read, nothing is bound
"""Where one connects who wants what listens everywhere."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens."""

    host: str
    port: int
    inode: str
    """Names the socket among the files of a process."""


def reachable_at(port: int, own: Container[str], listeners: Iterable[Listener]) -> str | None:
    """Find the address at which a port leads to some sockets and to no others.

    Args:
        port: which port.
        own: the sockets, by their inodes.
        listeners: what listens on this machine.

    Returns:
        An address; None when none of them listens there.
    """
    there = [one for one in listeners if one.port == port]
    for target in dict.fromkeys(_ANY.get(one.host, one.host) for one in there if one.inode in own):
        # Of what listens at a port, the socket of the very address has it, then those of all.
        exact = [one for one in there if one.host == target]
        answering = exact or [one for one in there if _ANY.get(one.host) == target]
        if all(one.inode in own for one in answering):
            return target
    return None


def listeners(family: socket.AddressFamily) -> list[Listener]:
    """List what listens on this machine at addresses of a family."""
    with suppress(FileNotFoundError):  # no IPv6 here
        table = Path(_TABLES[family]).read_text(encoding="ascii")
        return list(parse_listeners(table, family))
    return []


def parse_listeners(table: str, family: socket.AddressFamily) -> Iterator[Listener]:
    """Read a table of the kernel's, without its first line."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            yield Listener(_address(address, family), int(port, 16), fields[9])


def _address(digits: str, family: socket.AddressFamily) -> str:
    """Read an address as the kernel prints it: words of four bytes in the machine's own order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return socket.inet_ntop(family, packed)


def sockets_of(processes: Iterable[int]) -> dict[str, Path]:
    """Find the sockets that some processes have open: their inodes, and where each is open."""
    found: dict[str, Path] = {}
    for process in processes:
        with suppress(OSError):
            for file in Path(f"/proc/{process}/fd").iterdir():
                inode = _socket_at(file)
                if inode is not None:
                    found[inode] = file
    return found


def is_open(inode: str, file: Path) -> bool:
    """Tell whether a socket is still open where it was found."""
    return _socket_at(file) == inode


def _socket_at(file: Path) -> str | None:
    with suppress(OSError):
        kind, _, inode = str(file.readlink()).partition(":")
        if kind == "socket":
            return inode.strip("[]")
    return None
