"""Where a scheduler is, and what to say when nothing answers there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from foundations.errors import ConfigError
from foundations.ssh.place import FORM, SCHEME, SshPlace

SOCKET_HOST = "atlas"
"""Host name in requests that go through a Unix socket."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FORMS = f"unix:///path/to/atlas.sock, http://host:port, https://host:port or {FORM}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a scheduler is."""

    url: str
    """As the user wrote it."""
    origin: str
    """What paths of the API are appended to."""
    socket: str | None = None
    """Path of the Unix socket that requests go through."""
    is_local: bool = True
    """Whether it is on this machine."""
    ssh: SshPlace | None = None
    """Where ssh finds its socket on another machine."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read the URL of a scheduler.

        Raises:
            ConfigError: this is no URL of a scheduler, or of a kind that cannot be reached.
        """
        if url.startswith("unix://"):
            path = url.removeprefix("unix://")
            if not path.startswith("/"):
                raise ConfigError(
                    f"The path in `{url}` must be absolute: unix:///path/to/atlas.sock"
                )
            return cls(url=url, origin=f"http://{SOCKET_HOST}", socket=path)
        if url.startswith(SCHEME):
            place = SshPlace.parse(url)
            return cls(url=url, origin=f"http://{SOCKET_HOST}", is_local=False, ssh=place)
        parts = _split(url)
        local = parts.hostname in _LOOPBACK
        return cls(url=url, origin=url.rstrip("/"), is_local=local)

    @property
    def is_tls(self) -> bool:
        """Whether connections to it are encrypted and prove who answers."""
        return self.origin.startswith("https://")

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Where connections are opened, unless it is a Unix socket."""
        parts = urlsplit(self.origin)
        return parts.hostname or "", parts.port or (443 if self.is_tls else 80)

    def silence(self, reason: str) -> str:
        """Say that nothing answers here, why, and what to do."""
        start = "Start it with `atlas-server start`"
        advice = f"{start}." if self.is_local else f"{start} on that machine, or check the address."
        return f"The scheduler at {self.url} does not answer ({reason}). {advice}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(
            f"`{url}` is not the URL of a scheduler ({error}). Use {_FORMS}."
        ) from error
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"A scheduler cannot be reached by `{url}`. Use {_FORMS}.")
    if not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"`{url}` is not the URL of a scheduler. Use {_FORMS}.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("A scheduler's URL holds no user or password: put the token in `token`.")
    return parts


def bearer(token: str) -> str:
    """Return the header value that carries a token.

    Raises:
        ConfigError: no token looks like this.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError("The token is empty or holds characters that no token has.")
    return f"Bearer {token}"
