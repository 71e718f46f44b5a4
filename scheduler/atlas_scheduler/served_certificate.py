"""The certificate that a running server shows, taken anew when its files have changed."""

from __future__ import annotations

import getpass
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from foundations.errors import ConfigError
from foundations.models import CertificateView

if TYPE_CHECKING:
    from atlas_scheduler.certificates import Issued

WARN_BEFORE_EXPIRY = timedelta(days=30)
"""The rest of a certificate's life from which on its end is warned of."""
_Stamp = tuple[tuple[int, int, int] | None, ...]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What proves to clients who answers."""

    chain: Path
    """The certificate, followed by those of who issued it, as PEM."""
    key: Path


def ask_on_terminal(key: Path) -> str | None:
    """Ask whoever starts the server for the passphrase of a key; None where nobody can be asked."""
    return getpass.getpass(f"Passphrase of {key}: ") if sys.stdin.isatty() else None


class _Passphrase:
    """Of a key that is encrypted: asked for at the start, and kept in memory for its renewals."""

    def __init__(self, ask: Callable[[Path], str | None]) -> None:
        self._ask = ask
        self._known: str | None = None
        self._has_asked = False

    def loaded(self, context: ssl.SSLContext, files: Certificate) -> None:
        """Load a certificate and its key into a context.

        Raises:
            ConfigError: the key is encrypted, and its passphrase is not known.
            OSError: they cannot be used; an SSLError is one.
        """
        is_encrypted = False

        def give() -> str:
            nonlocal is_encrypted
            is_encrypted = True
            if not self._has_asked:
                self._known = self._ask(files.key)
            if self._known is None:
                raise ConfigError(_encrypted(files.key, "and nobody can be asked for it"))
            return self._known

        try:
            context.load_cert_chain(files.chain, files.key, give)
        except (OSError, ValueError) as error:
            if not is_encrypted:
                raise
            at_start = "and the one given is not it"
            later = "and it is another than the one given at the start"
            problem = later if self._has_asked else at_start
            raise ConfigError(_encrypted(files.key, problem)) from error
        finally:
            self._has_asked = True


def _encrypted(key: Path, problem: str) -> str:
    return (
        f"The key {key} is encrypted by a passphrase, {problem}. Start the server in the "
        f"foreground on a terminal (`atlas-server start`), where it asks once; or give it a key "
        f"that is not encrypted, readable by its owner only: `openssl pkey -in {key} -out NEW`."
    )


class ServedCertificate:
    """What listeners prove themselves by: each connection gets what its files hold by then.

    They are looked at when a connection begins, which costs two questions to the file system, and
    when somebody asks how the server stands. What cannot be used leaves things as they were.
    """

    def __init__(
        self,
        files: Certificate,
        *,
        renewed: Callable[[tuple[str, ...]], None] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        ask: Callable[[Path], str | None] = ask_on_terminal,
    ) -> None:
        """Load a certificate.

        Args:
            files: where it lies.
            renewed: told the names of each one that is taken up later.
            now: the time, with its zone.
            ask: gives the passphrase of a key that is encrypted, or None; called now or never.

        Raises:
            ConfigError: it cannot be used.
        """
        self._files = files
        self._renewed = renewed
        self._now = now
        self._problem: str | None = None
        self._seen = _stamp(files)
        self._passphrase = _Passphrase(ask)
        self.context, self._issued = _load(files, self._passphrase)
        """Shows whatever is the latest."""
        self._latest = self.context
        self.context.sni_callback = self._greet
        if self._ends_soon():
            log.warning("the certificate expires soon", until=self._until())

    @property
    def names(self) -> tuple[str, ...]:
        """Names and addresses that it is for: who asks by one of them asks for this server."""
        return self._issued.names

    def look(self) -> None:
        """Take the certificate up if its files have changed."""
        stamp = _stamp(self._files)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._latest, self._issued = _load(self._files, self._passphrase)
        except ConfigError as error:
            self._problem = f"{error.message} The one before is shown on."
            log.error("the certificate that is there now is not used", problem=error.message)
            return
        self._problem = None
        log.info("took up a changed certificate", names=self.names, until=self._until())
        if self._renewed is not None:
            self._renewed(self.names)

    def view(self) -> CertificateView:
        """What is to be told of it."""
        self.look()
        problem = self._problem
        if problem is None and self._ends_soon():
            problem = (
                f"It holds until {self._until()} only: renew it, or run `atlas-server tls-init`."
            )
        return CertificateView(names=list(self.names), until=self._issued.until, problem=problem)

    def _greet(self, connection: ssl.SSLObject, _: str, context: ssl.SSLContext) -> None:
        """Called at the beginning of each connection, whether it names a host or not."""
        self.look()
        connection.context = self._latest

    def _ends_soon(self) -> bool:
        return self._issued.until - self._now() < WARN_BEFORE_EXPIRY

    def _until(self) -> str:
        return f"{self._issued.until:%Y-%m-%d %H:%M} UTC"


def _load(files: Certificate, passphrase: _Passphrase) -> tuple[ssl.SSLContext, Issued]:
    """Load a certificate.

    Raises:
        ConfigError: it cannot be used.
    """
    from atlas_scheduler.certificates import issued  # loads slowly, and few servers need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        passphrase.loaded(context, files)
    except OSError as error:  # an SSLError is one
        raise ConfigError(
            f"The certificate {files.chain} with the key {files.key} cannot be used: "
            f"{error.strerror or error}."
        ) from error
    return context, issued(files.chain)


def _stamp(files: Certificate) -> _Stamp:
    """What differs when a file was written or replaced."""
    return tuple(_stamp_of(path) for path in (files.chain, files.key))


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
