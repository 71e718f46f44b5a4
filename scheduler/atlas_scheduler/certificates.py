"""The server's own certificate authority, and the certificate that it issues to the server."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from foundations.errors import ConfigError

AUTHORITY_DAYS = 3650
"""For how long the authority holds, which clients pin."""
SERVER_DAYS = 397
"""For how long a server's certificate holds; the longest that browsers take."""
_EARLIER = timedelta(hours=1)
"""Certificates are dated back by this, for clocks that are slow."""
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the authority and what it issued lie."""

    directory: Path

    @property
    def authority(self) -> Path:
        """The authority's certificate, which clients may have."""
        return self.directory / "ca.pem"

    @property
    def authority_key(self) -> Path:
        """What signs; nobody else may have it."""
        return self.directory / "ca.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, followed by the authority's."""
        return self.directory / "server.pem"

    @property
    def key(self) -> Path:
        """The key of the server's certificate."""
        return self.directory / "server.key"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate of the server's, and who issued it."""

    names: tuple[str, ...]
    """Names and addresses that it is for."""
    until: datetime
    authority_sha256: str
    """What clients pin, in hexadecimal digits."""
    is_new_authority: bool


def issue(directory: Path, names: Sequence[str], *, now: datetime) -> Issued:
    """Issue a certificate to the server; the authority is made when there is none yet.

    Args:
        directory: made when missing, and readable by its owner only.
        names: host names and IP addresses that it is for. The names that an earlier one was for
            stay.
        now: the time, with its zone.

    Raises:
        ConfigError: a name cannot be one, or the authority that is there cannot be used.
    """
    wanted = [_checked(name) for name in names]
    files = TlsFiles(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = not files.authority.exists()
    authority, authority_key = _make_authority(files, now) if is_new else _authority(files)
    if authority.not_valid_after_utc <= now:
        raise ConfigError(
            f"The authority in {directory} has expired. Move the directory away and run this "
            "again; clients then have to pin the new one."
        )
    kept = _names(files.certificate) if files.certificate.exists() else ()
    all_names = tuple(dict.fromkeys([*kept, *wanted]))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _server_certificate(all_names, key, authority, authority_key, now)
    _write(files.key, _pem_of_key(key))
    _write(files.certificate, _pem(certificate) + _pem(authority))
    return _issued(all_names, certificate, authority, is_new_authority=is_new)


def issued(certificate: Path) -> Issued:
    """Read the certificate of a server, with those behind it.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{certificate} cannot be read as a certificate: {error}") from error
    return _issued(_names_of(chain[0]), chain[0], chain[-1], is_new_authority=False)


def _issued(
    names: tuple[str, ...],
    certificate: x509.Certificate,
    authority: x509.Certificate,
    *,
    is_new_authority: bool,
) -> Issued:
    return Issued(
        names=names,
        until=certificate.not_valid_after_utc,
        authority_sha256=_sha256(authority),
        is_new_authority=is_new_authority,
    )


def _checked(name: str) -> str:
    try:
        return str(ip_address(name.strip("[]")))
    except ValueError:
        found = name.lower().rstrip(".")
    if len(found) > 253 or not _NAME.fullmatch(found):
        raise ConfigError(
            f"`{name}` is neither a host name nor an IP address. Give it without scheme and port."
        )
    return found


def _make_authority(
    files: TlsFiles, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Atlas scheduler authority")])
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _dated(name, name, key.public_key(), now, days=AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(subject_key, critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(files.authority_key, _pem_of_key(key))
    _write(files.authority, _pem(certificate))
    return certificate, key


def _authority(files: TlsFiles) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(files.authority.read_bytes())
        key = serialization.load_pem_private_key(files.authority_key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"The authority in {files.directory} cannot be read: {error}. Restore `ca.pem` and "
            "`ca.key`, or move the directory away to make a new one."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != (
        certificate.public_key()
    ):
        raise ConfigError(f"In {files.directory} `ca.key` is not the key of `ca.pem`.")
    return certificate, key


def _server_certificate(
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Atlas scheduler")])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    days = min(SERVER_DAYS, (authority.not_valid_after_utc - now).days)
    return (
        _dated(subject, authority.subject, key.public_key(), now, days=days)
        .add_extension(x509.SubjectAlternativeName([_general_name(one) for one in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(subject_key, critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _dated(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    *,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: Path) -> tuple[str, ...]:
    return issued(certificate).names


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *(str(one) for one in addresses))


def _sha256(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
