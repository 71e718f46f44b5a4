"""Only programs may ask, and only under a name of this server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from atlas_scheduler.api import Door, create_app
from atlas_scheduler.core.listening import HostNames
from tests.api.fake_service import FakeService, as_service

pytestmark = pytest.mark.anyio


@pytest.fixture
async def asking(service: FakeService) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        as_service(service), hosts=HostNames(["Lab.example", "gpu.example:5000", "10.0.0.7"])
    )
    transport = httpx.ASGITransport(Door(app, tokens=None))
    async with httpx.AsyncClient(transport=transport, base_url="http://atlas/api/v1") as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "atlas", "localhost", "127.0.0.1", "[::1]", "ATLAS", "LocalHost", "atlas:1",
        "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "lab.example", "lab.example:5000",
        "LAB.EXAMPLE:80", "gpu.example:5000", "10.0.0.7", "10.0.0.7:5000",
    ],
)  # fmt: skip
async def test_names_of_this_server_are_answered(asking: httpx.AsyncClient, host: str) -> None:
    assert (await asking.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example",
        "gpu.example", "gpu.example:80", "localhost:", "localhost:x", "localhost:80:80",
        "localhost@evil.example", "[::1", "::1", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost.",
        "2130706433", "atlas/..", " localhost",
    ],
)  # fmt: skip
async def test_other_names_are_refused(asking: httpx.AsyncClient, host: str) -> None:
    answer = await asking.get("/health", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert answer.headers["X-Atlas-Version"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:5000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "anything"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_web_pages_are_refused(
    asking: httpx.AsyncClient, method: str, headers: dict[str, str]
) -> None:
    answer = await asking.request(method, "/health", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_an_address_typed_into_a_browser_is_answered(
    asking: httpx.AsyncClient, site: str
) -> None:
    answer = await asking.get("/health", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 200


async def test_two_host_headers_are_refused(asking: httpx.AsyncClient) -> None:
    headers = [("Host", "localhost"), ("Host", "evil.example")]
    assert (await asking.get("/health", headers=headers)).status_code == 403
