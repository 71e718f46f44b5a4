"""Uploads of bundles that go wrong, with both clients against a real HTTP server."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import httpx
import pytest

from foundations.errors import (
    BundleError,
    BundleRejected,
    TooLarge,
)
from tests.api.fake_service import BUNDLE, DIGEST
from tests.api.served import Served
from tests.foundations.twins import (
    Kind,
    Twin,
    both,
)

pytestmark = pytest.mark.anyio


@both
@pytest.mark.parametrize("over", ["unix", "tcp"])
async def test_an_upload_that_is_refused_early_says_why(
    kind: Kind, served: Served, tmp_path: Path, over: str
) -> None:
    served.do(lambda service: setattr(service, "max_bundle_bytes", 1000))
    packed = tmp_path / "bundle"
    packed.write_bytes(b"x" * 30_000_000)
    async with Twin(kind, served.url if over == "unix" else served.tcp_url) as client:
        with pytest.raises(TooLarge, match="larger than 1000 bytes"):
            await client.ask("upload_bundle", DIGEST, packed)
        assert (await client.ask("info")).pid == 1


@both
async def test_an_upload_of_something_else_is_rejected(
    kind: Kind, served: Served, tmp_path: Path
) -> None:
    packed = tmp_path / "bundle"
    packed.write_bytes(b"something else")
    async with Twin(kind, served.url) as client:
        with pytest.raises(BundleRejected):
            await client.ask("upload_bundle", DIGEST, str(packed))


def test_a_sender_that_dies_in_the_middle_leaves_nothing(served: Served, socket_path: Path) -> None:
    head = f"PUT /api/v1/bundles/{DIGEST} HTTP/1.1\r\nHost: atlas\r\nContent-Length: 1000\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(str(socket_path))
        sender.sendall(head.encode() + b"x" * 999)
        served.until(lambda service: service.incoming == 1)
    served.until(lambda service: service.incoming == 0)
    assert served.do(lambda service: dict(service.bundles)) == {DIGEST: BUNDLE}


@both
async def test_a_bundle_that_shrinks_while_it_is_uploaded_is_noticed(
    kind: Kind, served: Served, tmp_path: Path
) -> None:
    packed = tmp_path / "bundle"
    packed.write_bytes(b"x" * 8_000_000)

    class Shrinking(httpx.MockTransport):
        """Cuts the file when its first pieces have been read."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            for _ in request.stream:
                packed.write_bytes(b"x")
            raise AssertionError("the whole body was sent")

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.AsyncByteStream)
            async for _ in request.stream:
                packed.write_bytes(b"x")
            raise AssertionError("the whole body was sent")

    network = partial(_same, Shrinking(lambda _: httpx.Response(500)))
    async with Twin(kind, served.url, network=network) as client:
        with pytest.raises(BundleError, match="shorter"):
            await client.ask("upload_bundle", DIGEST, packed)


def _same(transport: httpx.MockTransport, kind: Kind) -> httpx.MockTransport:
    return transport


@both
async def test_an_upload_of_nothing_and_of_a_missing_file_are_errors(
    kind: Kind, served: Served, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    async with Twin(kind, served.url) as client:
        with pytest.raises(BundleRejected):
            await client.ask("upload_bundle", DIGEST, tmp_path / "empty")
        with pytest.raises(FileNotFoundError):
            await client.ask("upload_bundle", DIGEST, tmp_path / "missing")
