"""Where the server listens beside its Unix socket, and whether it may: addresses as people write.

The core has no sockets: what is decided here is a plan, which `listeners` carries out or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from foundations.errors import ConfigError

DEFAULT_PORT = 5000
_FORMS = "127.0.0.1:5000, 0.0.0.0:5000 or [::]:5000"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address of this machine and a port."""

    ip: IPv4Address | IPv6Address
    port: int
    """0 lets the system choose one."""
    tls: bool | None = None
    """None is as it can be: with TLS where there is a certificate."""

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """Read `host:port`; `http://` or `https://` before it settles whether there is TLS.

        Raises:
            ConfigError: this is no address to listen on.
        """
        scheme, separator, rest = text.strip().rpartition("://")
        if separator and scheme not in ("http", "https"):
            raise ConfigError(f"Cannot listen on `{text}`. Give an address such as {_FORMS}.")
        host, port = _parted(rest, text)
        tls = (scheme == "https") if separator else None
        return cls(_ip(host, text), _port(port, text), tls)

    @property
    def host(self) -> str:
        """The address as it stands in a URL."""
        return f"[{self.ip}]" if self.ip.version == 6 else str(self.ip)

    @property
    def url(self) -> str:
        """The whole, as a URL."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


def plan(
    texts: Sequence[str], *, has_certificate: bool, insecure_http: bool, machine: str
) -> list[ListenAddress]:
    """Decide where to listen and how, or refuse all of it.

    Args:
        texts: addresses as `ListenAddress.parse` reads them.
        has_certificate: whether TLS can be offered.
        insecure_http: whether plain HTTP may leave the machine.
        machine: its name, for the advice.

    Raises:
        ConfigError: an address is none or is named twice, TLS is asked for without a certificate,
            or plain HTTP would leave the machine.
    """
    found: list[ListenAddress] = []
    for text in texts:
        address = ListenAddress.parse(text)
        if address.port and any((one.ip, one.port) == (address.ip, address.port) for one in found):
            raise ConfigError(f"`{text}` is named twice among the addresses to listen on.")
        if address.tls and not has_certificate:
            raise ConfigError(
                f"There is no certificate for `{text}`. Make one with "
                f"`atlas-server tls-init --name {machine}`, or name yours as `tls` in server.yaml."
            )
        address = replace(address, tls=has_certificate if address.tls is None else address.tls)
        if not (address.tls or address.ip.is_loopback or insecure_http):
            raise ConfigError(_insecure(text, machine))
        found.append(address)
    return found


class HostNames:
    """What requests may call this server; more names may come while it runs."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self.add(names)

    def add(self, names: Iterable[str]) -> None:
        """Let the server go by these names too."""
        self._names.update(_in_header(name).lower() for name in names)

    def __contains__(self, name: str) -> bool:
        return name in self._names


def host_names(addresses: Iterable[ListenAddress], names: Iterable[str]) -> tuple[str, ...]:
    """Return what requests may call this server, as they stand in a `Host` header."""
    known = [_in_header(name) for name in names]
    own = [one.host for one in addresses if not one.ip.is_unspecified]
    return tuple(dict.fromkeys([*own, *known]))


def _in_header(name: str) -> str:
    try:
        found = ip_address(name)
    except ValueError:
        return name
    return f"[{found}]" if found.version == 6 else str(found)


def _parted(rest: str, text: str) -> tuple[str, str]:
    if rest.startswith("["):
        host, bracket, port = rest[1:].partition("]")
        if bracket and (not port or port.startswith(":")):
            return host, port[1:] or str(DEFAULT_PORT)
    elif rest.count(":") <= 1:
        host, _, port = rest.partition(":")
        return host, port or str(DEFAULT_PORT)
    raise ConfigError(
        f"`{text}` is no address to listen on: an IPv6 address stands in brackets, as in [::]:5000."
    )


def _ip(host: str, text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ConfigError(
            f"`{text}` is no address to listen on: `{host}` is no IP address. Give one of this "
            f"machine's, such as {_FORMS}. Names by which it is asked go into `hosts`."
        ) from None


def _port(port: str, text: str) -> int:
    if port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65_535:
        return int(port)
    raise ConfigError(f"`{text}` is no address to listen on: a port is a number up to 65535.")


def _insecure(text: str, machine: str) -> str:
    return (
        f"Without TLS everybody on the way could read tokens and code that go to `{text}`, and "
        "change them. There are three ways out:\n"
        "  - ssh, with no open port: leave the address out, and write into the scheduler config "
        f"of the other machine: scheduler_url: ssh://USER@{machine}\n"
        f"  - TLS: make a certificate with `atlas-server tls-init --name {machine}`\n"
        "  - a network where nobody else is: --insecure-http, or insecure_http: true in server.yaml"
    )
