"""TLS as both clients have it: the right scheduler is believed, and nobody else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atlas_scheduler.certificates import Issued, TlsFiles, issue
from foundations.errors import ConfigError, Unreachable, Untrusted
from foundations.transport.trust import Trust
from tests.api.served import Served
from tests.foundations.twins import Kind, Twin

pytestmark = pytest.mark.anyio

KINDS: list[Kind] = ["blocking", "asyncio"]
both = pytest.mark.parametrize("kind", KINDS)
NAMES = ("localhost", "127.0.0.1")
NOW = datetime.now(UTC)


class Lab:
    """A server with a certificate of its own authority."""

    def __init__(self, directory: Path, *, names: tuple[str, ...] = NAMES, days: float = 0) -> None:
        self.files = TlsFiles(directory / "tls")
        self.issued: Issued = issue(self.files.directory, names, now=NOW + timedelta(days=days))
        self.pin = Trust(fingerprint=self.issued.authority_sha256)
        self.file = Trust(ca=self.files.authority)
        self._socket = directory / "atlas.sock"

    @contextmanager
    def served(self) -> Iterator[str]:
        files = (self.files.certificate, self.files.key)
        with Served(self._socket, tcp=True, tls=files) as server:
            yield server.tcp_url


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def refusal(kind: Kind, url: str, trust: Trust) -> str:
    async with Twin(kind, url, trust=trust, token="secret") as client:
        with pytest.raises(Untrusted) as caught:
            await client.ask("health")
    return caught.value.message


HOW: dict[str, Callable[[Lab], Trust]] = {"pin": lambda lab: lab.pin, "file": lambda lab: lab.file}
either = pytest.mark.parametrize("how", HOW)


@both
@either
async def test_the_scheduler_that_is_meant_is_believed(kind: Kind, lab: Lab, how: str) -> None:
    with lab.served() as url:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            async with Twin(kind, address, trust=HOW[how](lab)) as client:
                await client.ask("health")
                await client.ask("health")


@both
async def test_the_servers_own_certificate_can_be_pinned_as_well(kind: Kind, lab: Lab) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    leaf = x509.load_pem_x509_certificates(lab.files.certificate.read_bytes())[0]
    with lab.served() as url:
        pin = Trust(fingerprint=leaf.fingerprint(SHA256()).hex())
        async with Twin(kind, url, trust=pin) as client:
            await client.ask("health")


@both
async def test_a_certificate_that_was_renewed_is_believed_by_the_same_pin(
    kind: Kind, lab: Lab
) -> None:
    renewed = issue(lab.files.directory, [], now=NOW)

    assert renewed.authority_sha256 == lab.issued.authority_sha256
    assert not renewed.is_new_authority
    assert renewed.names == NAMES
    with lab.served() as url:
        async with Twin(kind, url, trust=lab.pin) as client:
            await client.ask("health")


@both
async def test_without_a_pin_an_authority_of_its_own_is_not_believed(kind: Kind, lab: Lab) -> None:
    with lab.served() as url:
        told = await refusal(kind, url, Trust())

    assert told == (
        f"The certificate of the scheduler at {url} was issued by nobody that this machine trusts. "
        "`atlas-server tls-init` prints a fingerprint there: put it into the scheduler config as "
        "`tls_fingerprint`."
    )


@both
async def test_another_authority_is_refused(kind: Kind, lab: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path / "other")
    with lab.served() as url:
        by_file = await refusal(kind, url, other.file)
        by_pin = await refusal(kind, url, other.pin)

    assert f"was not issued by an authority in {other.files.authority}" in by_file
    assert "is not the one that `tls_fingerprint` pins, so nothing was sent" in by_pin
    for pin in (lab.pin, other.pin):
        shown = ":".join(bytes.fromhex(pin.fingerprint or "").hex(":").upper().split(":"))
        assert shown in by_pin


@both
@either
async def test_a_certificate_that_has_expired_is_refused(
    kind: Kind, tmp_path: Path, how: str
) -> None:
    lab = Lab(tmp_path, days=-500)
    with lab.served() as url:
        told = await refusal(kind, url, HOW[how](lab))

    assert "has expired. Renew it there with `atlas-server tls-init`" in told


@both
@either
async def test_a_certificate_of_the_future_is_refused(kind: Kind, tmp_path: Path, how: str) -> None:
    lab = Lab(tmp_path, days=5)
    with lab.served() as url:
        assert "is not valid yet. Compare the clocks" in await refusal(kind, url, HOW[how](lab))


@both
@either
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_for_another_name_is_refused(
    kind: Kind, tmp_path: Path, how: str, host: str
) -> None:
    lab = Lab(tmp_path, names=("gpu-box.lab", "10.0.0.7"))
    with lab.served() as url:
        told = await refusal(kind, url.replace("127.0.0.1", host), HOW[how](lab))

    assert f"is not for the name `{host}`" in told
    assert f"`atlas-server tls-init --name {host}`" in told


@both
@either
async def test_a_server_without_tls_is_told_of(
    kind: Kind, lab: Lab, how: str, tmp_path: Path
) -> None:
    with Served(tmp_path / "plain.sock", tcp=True) as server:
        url = server.tcp_url.replace("http:", "https:")
        told = await refusal(kind, url, HOW[how](lab))

    assert f"What answers at {url} does not speak TLS" in told


@both
async def test_who_forgets_the_s_is_told(kind: Kind, lab: Lab) -> None:
    with lab.served() as url:
        async with Twin(kind, url.replace("https:", "http:")) as client:
            with pytest.raises(Unreachable, match="its URL begins with https://"):
                await client.ask("health")


@both
@either
async def test_nobody_there_is_no_matter_of_trust(kind: Kind, lab: Lab, how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with Twin(kind, f"https://127.0.0.1:{port}", trust=HOW[how](lab)) as client:
        with pytest.raises(Unreachable, match=r"Connection refused|attempts failed"):
            await client.ask("health")


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_authorities_that_is_none_is_told_of_before_anything_is_sent(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError, match="which `tls_ca` names, cannot be used"):
        Twin("blocking", "https://lab:5000", trust=Trust(ca=path))
