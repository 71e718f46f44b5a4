"""Where a scheduler is that is reached by ssh: `ssh://[user@]host[:port][/path/to/atlas.sock]`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import unquote

from foundations.errors import ConfigError

SCHEME = "ssh://"
FORM = "ssh://user@host:port"
# ssh hands these to shells in ProxyCommand and Match exec, so they are letters and a few signs.
_USER = re.compile(r"[A-Za-z0-9_.+][A-Za-z0-9_.+@-]*")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?\]")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class SshPlace:
    """One Unix socket on another machine, and how ssh gets there."""

    host: str
    """A name, an address or an alias of the user's ssh config, as it is written there."""
    user: str | None = None
    port: int | None = None
    socket: str | None = None
    """Absolute path there; None for the socket of the account's own scheduler."""

    @classmethod
    def parse(cls, url: str) -> SshPlace:
        """Read an `ssh://` URL.

        Raises:
            ConfigError: it is not one, or holds what could be taken for something else.
        """
        authority, slash, path = url.removeprefix(SCHEME).partition("/")
        user, at, place = authority.rpartition("@")
        if ":" in user:
            raise ConfigError(
                "An ssh:// URL holds no password: ssh asks for it, or use a key and an agent."
            )
        host, port = _host_and_port(place, url)
        user = unquote(user)
        if at and not _USER.fullmatch(user):
            raise ConfigError(f"`{url}` names no user that ssh can be given. Use {FORM}.")
        socket = unquote(slash + path) if path else None
        if socket is not None and (not socket.isprintable() or "${" in socket):
            raise ConfigError(f"The path in `{url}` holds what no path of a socket has.")
        return cls(host, user or None, port, socket)

    @property
    def destination(self) -> list[str]:
        """The arguments of ssh that say where to go."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*user, *port, "--", self.host]

    def by_hand(self, *command: str) -> str:
        """A command line for the user to try."""
        port = ["-p", str(self.port)] if self.port else []
        name = f"{self.user}@{self.host}" if self.user else self.host
        return shlex.join(["ssh", *port, name, *command])


def forward(local: str, remote: str) -> str:
    """Write the argument of `ssh -L` that joins two Unix sockets."""
    return f"{_quoted(local)}:{_quoted(remote)}"


def _quoted(path: str) -> str:
    """Keep ssh from taking a sign of a path for a separator or a token."""
    return path.replace("\\", "\\\\").replace(":", "\\:").replace("%", "%%")


def _host_and_port(place: str, url: str) -> tuple[str, int | None]:
    host, colon, digits = place, "", ""
    if not place.endswith("]"):
        host, colon, digits = place.rpartition(":")
        if not colon:
            host, digits = place, ""
    if not _HOST.fullmatch(host):
        raise ConfigError(f"`{url}` names no host that ssh can be given. Use {FORM}.")
    if colon and not (digits.isdecimal() and 0 < int(digits) <= _LAST_PORT):
        raise ConfigError(f"`{url}` names no port. Use {FORM}.")
    return host.strip("[]"), int(digits) if colon else None
