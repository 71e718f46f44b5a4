"""TLS at the client: contexts that verify, and in words why a certificate is not believed."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundations.errors import ConfigError, Untrusted
from foundations.transport.address import Address
from foundations.transport.trust import Trust, write_fingerprint

_EXPIRED, _NOT_YET, _WRONG_NAME, _WRONG_IP = 10, 9, 62, 64
"""Codes of OpenSSL for why a certificate is not believed; most others mean an unknown signer."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE")
_DER = 2
"""What `_ssl.ENCODING_DER` is."""


def context() -> ssl.SSLContext:
    """Return a context that verifies certificates and names, and trusts nobody yet.

    Loading the system's authorities takes longer than a request.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def context_of_file(path: Path) -> ssl.SSLContext:
    """Return a context that trusts the authorities in a file.

    Raises:
        ConfigError: it cannot be read or holds no certificate.
    """
    made = context()
    try:
        made.load_verify_locations(cafile=path)
    except OSError as error:  # an SSLError is one
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else None
        raise ConfigError(
            f"{path}, which `tls_ca` names, cannot be used ({why or 'no certificate as PEM'})."
        ) from error
    return made


def pinned_context(address: Address, fingerprint: str, *, timeout_seconds: float) -> ssl.SSLContext:
    """Ask a scheduler for its certificates, and return a context that trusts the pinned one alone.

    The connection that asks carries nothing else. Dates, names and signatures are verified by the
    connections that the context is for.

    Args:
        address: an https one.
        fingerprint: as in `Trust`.
        timeout_seconds: longest wait for each step.

    Raises:
        OSError: nothing answers there, or not by TLS.
        Untrusted: none of its certificates is the pinned one.
    """
    shown = _shown_certificates(address, timeout_seconds)
    for certificate in shown:
        if hashlib.sha256(certificate).hexdigest() == fingerprint:
            made = context()
            made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the pin may be no authority
            made.load_verify_locations(cadata=certificate)
            return made
    raise Untrusted(_mismatch(address, fingerprint, shown))


def _shown_certificates(address: Address, timeout_seconds: float) -> Sequence[bytes]:
    asking = context()
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    host, port = address.host_and_port
    with (
        socket.create_connection((host, port), timeout_seconds) as plain,
        asking.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return _chain(connection)


def _chain(connection: ssl.SSLSocket) -> Sequence[bytes]:
    public: Any = getattr(connection, "get_unverified_chain", None)
    if public is not None:  # since Python 3.13
        return list(public())
    # Python 3.11 and 3.12 have it below the surface, and change no more.
    below: Any = connection._sslobj  # type: ignore[attr-defined]  # not in the stubs
    return [certificate.public_bytes(_DER) for certificate in below.get_unverified_chain()]


def _mismatch(address: Address, fingerprint: str, shown: Sequence[bytes]) -> str:
    last = hashlib.sha256(shown[-1]).hexdigest() if shown else ""
    return (
        f"The scheduler at {address.url} is not the one that `tls_fingerprint` pins, so nothing "
        f"was sent.\n  pinned: {write_fingerprint(fingerprint)}\n  shown:  "
        f"{write_fingerprint(last)}\nIf it was set up anew, compare the second with what "
        "`atlas-server tls-init` prints there, and change the scheduler config. Otherwise somebody "
        "stands in between."
    )


def distrust(error: BaseException, address: Address, trust: Trust) -> Untrusted | None:
    """Make the error for a connection that was not opened for want of trust; None for any other.

    A connection that breaks meanwhile is another: whoever was cut off may try again.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Untrusted(_refusal(cause.verify_code, address, trust))
    if cause.reason in _NO_TLS:
        return Untrusted(
            f"What answers at {address.url} does not speak TLS. If the scheduler is to be reached "
            "without, write http:// in the scheduler config."
        )
    if cause.reason in _OLD_TLS:
        return Untrusted(
            f"What answers at {address.url} is older than TLS 1.2, which is not safe any more. "
            "Both sides need 1.2 or newer."
        )
    return None


def _refusal(code: int, address: Address, trust: Trust) -> str:
    what = f"The certificate of the scheduler at {address.url}"
    host = address.host_and_port[0]
    if code == _EXPIRED:
        return (
            f"{what} has expired. Renew it there with `atlas-server tls-init`, and start the "
            "server again; what clients pin stays the same."
        )
    if code == _NOT_YET:
        return f"{what} is not valid yet. Compare the clocks of both machines."
    if code in (_WRONG_NAME, _WRONG_IP):
        return (
            f"{what} is not for the name `{host}`. Use a name that it has, or renew it there with "
            f"`atlas-server tls-init --name {host}`."
        )
    if trust.ca is not None:
        return f"{what} was not issued by an authority in {trust.ca}, which `tls_ca` names."
    return (
        f"{what} was issued by nobody that this machine trusts. `atlas-server tls-init` prints a "
        "fingerprint there: put it into the scheduler config as `tls_fingerprint`."
    )
