"""Somebody who is sent webhooks: a TLS server on this machine that answers what a test says."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "hooks.example.org"


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered."""

    port: int
    ca_file: Path
    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """The names that were asked for within TLS."""
    connections: int = 0
    is_silent: bool = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://{HOST}:{self.port}/atlas?room=1"


@asynccontextmanager
async def receiver(directory: Path) -> AsyncIterator[Receiver]:
    """Listen for webhooks until the block ends."""
    certificate, key = make_certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    found = Receiver(0, certificate)

    def note(_: object, name: str | None, __: object) -> None:
        found.names.append(name)

    context.sni_callback = note

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            headers[""] = head[0]
            body = await reader.readexactly(int(headers["Content-Length"]))
            found.requests.append((headers, body))
            if found.is_silent:
                await reader.read()
            writer.write(found.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for the host, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "hook.crt", directory / "hook.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
