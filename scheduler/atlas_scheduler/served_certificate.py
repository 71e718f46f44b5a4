"""The certificate that a running server shows, taken anew when its files have changed."""

from __future__ import annotations

import ssl
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
    ) -> None:
        """Load a certificate.

        Args:
            files: where it lies.
            renewed: told the names of each one that is taken up later.
            now: the time, with its zone.

        Raises:
            ConfigError: it cannot be used.
        """
        self._files = files
        self._renewed = renewed
        self._now = now
        self._problem: str | None = None
        self._seen = _stamp(files)
        self.context, self._issued = _load(files)
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
            self._latest, self._issued = _load(self._files, password="")
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


def _load(files: Certificate, *, password: str | None = None) -> tuple[ssl.SSLContext, Issued]:
    """Load a certificate; with a `password` nobody is asked for one on the terminal.

    Raises:
        ConfigError: it cannot be used.
    """
    from atlas_scheduler.certificates import issued  # loads slowly, and few servers need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.chain, files.key, password)
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
