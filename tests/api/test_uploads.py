"""Uploads pass through piece by piece, and a broken one leaves nothing."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from foundations.bundles.listing import digest_of
from tests.api.fake_service import DIGEST, FakeService
from tests.store.listings import frame, listing_of

pytestmark = pytest.mark.anyio


async def test_a_client_that_goes_away_leaves_nothing_half_made(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"a packed "
        await service.until(lambda: service.incoming == 1)
        raise httpx.WriteError("the client is gone")

    service.bundles.clear()
    await http.put(f"/bundles/{DIGEST}", content=cut(), headers={"x-unchecked": "1"})
    assert service.incoming == 0
    assert service.bundles == {}


async def test_a_bundle_comes_file_by_file(http: httpx.AsyncClient, service: FakeService) -> None:
    files = {"main.py": b"print()", "data/x": b"1" * 100_000}
    listing = listing_of(files)
    path = f"/bundles/{digest_of(listing)}"
    answer = await http.put(f"{path}/files", content=listing)
    assert [one["size_bytes"] for one in answer.json()["missing"]] == [7, 100_000]
    body = b"".join(frame(content) for content in files.values())
    answer = await http.post("/bundles/files", content=body)
    assert (answer.status_code, answer.json()) == (200, {"files": 2})
    answer = await http.put(f"{path}/files", content=listing)
    assert answer.json() == {"missing": [], "encodings": ["gzip"]}
    assert (await http.head(path)).status_code == 200


async def test_files_come_compressed_where_the_sender_likes(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    files = {"zeros": bytes(5_000_000), "noise": os.urandom(500_000), "main.py": b"print()"}
    listing = listing_of(files)
    path = f"/bundles/{digest_of(listing)}"
    await http.put(f"{path}/files", content=listing)
    packed = gzip.compress(b"".join(frame(content) for content in files.values()))

    async def dripping() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), 10_007):
            yield packed[start : start + 10_007]

    for content in (packed, dripping()):
        headers = {"Content-Encoding": "gzip", "x-unchecked": "1"}
        answer = await http.post("/bundles/files", content=content, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"files": 3})
    assert (await http.put(f"{path}/files", content=listing)).json()["missing"] == []


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (gzip.compress(frame(b"abc"))[:-9], "gzip", "The upload ended in the middle of a file"),
        (gzip.compress(frame(b"abc")) + b"more", "gzip", "Something follows the end"),
        (frame(b"abc"), "gzip", "The compressed files are damaged"),
        (frame(b"abc"), "br", "The body has the Content-Encoding 'br', not gzip."),
    ],
)
async def test_compressed_files_that_cannot_be_read_are_refused(
    http: httpx.AsyncClient, content: bytes, encoding: str, message: str
) -> None:
    headers = {"Content-Encoding": encoding, "x-unchecked": "1"}
    answer = await http.post("/bundles/files", content=content, headers=headers)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_a_listing_that_is_not_what_was_said_is_rejected(http: httpx.AsyncClient) -> None:
    answer = await http.put(f"/bundles/{DIGEST}/files", content=listing_of({"a": b"b"}))
    assert (answer.status_code, answer.json()["error"]) == (400, "bundle_rejected")
    answer = await http.put("/bundles/nonsense/files", content=b"{}")
    assert answer.status_code == 400


async def test_a_listing_that_never_ends_is_refused(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.api.bundles.LARGEST_LISTING_BYTES", 1000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 500

    answer = await http.put(f"/bundles/{DIGEST}/files", content=endless())
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_wrong_digest_is_rejected(http: httpx.AsyncClient, service: FakeService) -> None:
    service.bundles.clear()
    answer = await http.put(f"/bundles/{DIGEST}", content=b"something else")
    assert (answer.status_code, answer.json()["error"]) == (400, "bundle_rejected")
    assert service.bundles == {}


async def test_a_refusal_before_the_end_closes_the_connection(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    service.max_bundle_bytes = 1000

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 500

    answer = await http.put(f"/bundles/{DIGEST}", content=endless())
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    assert answer.headers["connection"] == "close"
    assert service.incoming == 0


@pytest.fixture(autouse=True)
def linger_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas_scheduler.api.errors.LINGER_SECONDS", 0.05)


async def test_an_announced_size_that_is_too_large_is_refused_unread(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    service.max_bundle_bytes = 10
    answer = await http.put(f"/bundles/{DIGEST}", content=b"x" * 11)
    assert answer.status_code == 413


async def test_a_complete_upload_that_is_refused_keeps_the_connection(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.put(f"/bundles/{DIGEST}", content=b"something else")
    assert "connection" not in answer.headers


async def test_a_stalled_upload_is_given_up(
    http: httpx.AsyncClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.api.bundles.IDLE_SECONDS", 0.05)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"a packed "
        await anyio.sleep_forever()

    answer = await http.put(f"/bundles/{DIGEST}", content=stalled())
    assert answer.status_code == 400
    assert "stalled" in answer.json()["message"]
    assert service.incoming == 0


async def test_a_body_of_many_pieces_arrives_whole(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    data = bytes(range(256)) * 20_000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 65_536):
            yield data[start : start + 65_536]

    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    answer = await http.put(f"/bundles/{digest}", content=pieces())
    assert answer.status_code == 201
    assert service.bundles[digest] == data
