"""A certificate is taken up anew when its files change, and only when it can be used."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from structlog.testing import capture_logs

from atlas_scheduler.certificates import TlsFiles, issue
from atlas_scheduler.served_certificate import Certificate, ServedCertificate, ask_on_terminal
from foundations.errors import ConfigError

NOW = datetime.now(UTC)


class Lab:
    """A home's certificate, and a client of whoever shows it."""

    def __init__(self, directory: Path) -> None:
        self.files = TlsFiles(directory / "tls")
        self.renew("lab.example")
        self.told: list[tuple[str, ...]] = []

    def renew(self, *names: str) -> None:
        issue(self.files.directory, names, now=NOW)

    def served(
        self, *, now: datetime = NOW, ask: Callable[[Path], str | None] = ask_on_terminal
    ) -> ServedCertificate:
        files = Certificate(self.files.certificate, self.files.key)
        return ServedCertificate(files, renewed=self.told.append, now=lambda: now, ask=ask)

    def serial(self) -> int:
        """The number of the certificate on disk."""
        return x509.load_pem_x509_certificates(self.files.certificate.read_bytes())[0].serial_number


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def shown(served: ServedCertificate, host: str | None) -> int:
    """The number of the certificate that a client sees that asks for a host, or for none."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = served.context.wrap_bio(to_server, to_client, server_side=True)
    open_ends = [near, far]
    while open_ends:
        for end in list(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    found = near.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found).serial_number


@pytest.mark.parametrize("host", ["lab.example", None])
def test_each_connection_is_shown_what_the_files_hold_by_then(lab: Lab, host: str | None) -> None:
    served = lab.served()
    first = lab.serial()
    assert shown(served, host) == first
    lab.renew("new.example")
    assert shown(served, host) == lab.serial() != first
    assert shown(served, host) == lab.serial()
    assert lab.told == [("lab.example", "new.example")]
    assert served.names == ("lab.example", "new.example")


@pytest.mark.parametrize("which", ["certificate", "key"])
@pytest.mark.parametrize("content", ["", "no PEM", None])
def test_what_cannot_be_used_leaves_the_one_before(
    lab: Lab, which: str, content: str | None
) -> None:
    served = lab.served()
    first = lab.serial()
    broken: Path = getattr(lab.files, which)
    before = broken.read_bytes()
    if content is None:
        broken.unlink()
    else:
        broken.write_text(content)

    assert shown(served, "lab.example") == first
    problem = served.view().problem
    assert problem is not None
    assert f"The certificate {lab.files.certificate} with the key {lab.files.key} cannot" in problem
    assert problem.endswith(". The one before is shown on.")

    broken.write_bytes(before)
    assert served.view().problem is None
    assert shown(served, "lab.example") == first


def test_a_certificate_without_its_key_is_not_used(lab: Lab, tmp_path: Path) -> None:
    served = lab.served()
    first = lab.serial()
    other = Lab(tmp_path / "other")
    lab.files.certificate.write_bytes(other.files.certificate.read_bytes())

    assert shown(served, "lab.example") == first
    assert "cannot be used" in (served.view().problem or "")


def encrypt(key: Path, passphrase: str) -> None:
    """Store a key anew, by a passphrase."""
    plain = load_pem_private_key(key.read_bytes(), None)
    by = BestAvailableEncryption(passphrase.encode())
    key.write_bytes(plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, by))


def test_the_passphrase_of_a_key_is_asked_for_once_and_opens_renewed_ones(lab: Lab) -> None:
    asked: list[Path] = []

    def ask(key: Path) -> str:
        asked.append(key)
        return "secret"

    encrypt(lab.files.key, "secret")
    served = lab.served(ask=ask)
    assert shown(served, "lab.example") == lab.serial()

    lab.renew("new.example")
    encrypt(lab.files.key, "secret")
    assert shown(served, "lab.example") == (second := lab.serial())
    assert served.view().problem is None

    lab.renew()
    encrypt(lab.files.key, "another")
    assert shown(served, "lab.example") == second
    assert (served.view().problem or "").startswith(
        f"The key {lab.files.key} is encrypted by a passphrase, and it is another than the one "
        "given at the start. Start the server in the foreground"
    )
    assert asked == [lab.files.key]


def test_a_key_that_comes_encrypted_later_is_not_taken_up_and_said_to_be_so(lab: Lab) -> None:
    served = lab.served(ask=lambda _: "never asked")
    first = lab.serial()
    lab.renew("new.example")
    encrypt(lab.files.key, "secret")

    with capture_logs() as logged:
        assert shown(served, "lab.example") == first
    problem = served.view().problem or ""
    assert "is encrypted by a passphrase, and nobody can be asked for it. Start the" in problem
    assert f"`openssl pkey -in {lab.files.key} -out NEW`" in problem
    (entry,) = logged
    assert entry["event"] == "the certificate that is there now is not used"
    assert "is encrypted by a passphrase" in entry["problem"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [(None, "and nobody can be asked for it"), ("wrong", "and the one given is not it")],
)
def test_a_server_does_not_begin_with_a_key_that_it_cannot_open(
    lab: Lab, answer: str | None, why: str
) -> None:
    encrypt(lab.files.key, "secret")
    with pytest.raises(ConfigError, match=f"is encrypted by a passphrase, {why}. Start"):
        lab.served(ask=lambda _: answer)


def test_nobody_is_asked_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert ask_on_terminal(Path("key.pem")) is None


def test_who_asks_is_told_when_it_ends(lab: Lab) -> None:
    found = lab.served().view()
    assert found.names == ["lab.example"]
    assert found.until.date() == (NOW + timedelta(days=397)).date()
    assert found.problem is None

    late = lab.served(now=NOW + timedelta(days=370)).view()
    assert (late.problem or "").startswith(f"It holds until {late.until:%Y-%m-%d}")
    assert "`atlas-server tls-init`" in (late.problem or "")


def test_a_server_does_not_begin_with_what_cannot_be_used(lab: Lab) -> None:
    lab.files.key.unlink()
    with pytest.raises(ConfigError, match="cannot be used: No such file or directory"):
        lab.served()
