"""A server is asked by the address that a connection came to, without being told of it."""

from __future__ import annotations

import pytest

from atlas_scheduler.api import Door, create_app
from tests.api.fake_service import FakeService, as_service

pytestmark = pytest.mark.anyio


async def status(service: FakeService, host: str, came_to: tuple[str, int | None]) -> int:
    import httpx

    app = Door(create_app(as_service(service)), tokens=None)

    async def arrived(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
        await app({**scope, "server": came_to}, receive, send)

    transport = httpx.ASGITransport(arrived)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1") as client:
        return (await client.get("/health", headers={"Host": host})).status_code


@pytest.mark.parametrize("host", ["10.0.0.7", "10.0.0.7:5000"])
async def test_the_address_that_a_connection_came_to_is_a_name_of_the_server(
    service: FakeService, host: str
) -> None:
    assert await status(service, host, ("10.0.0.7", 5000)) == 200


async def test_an_address_of_the_newer_kind_stands_in_brackets(service: FakeService) -> None:
    assert await status(service, "[2001:db8::7]:5000", ("2001:db8::7", 5000)) == 200
    assert await status(service, "2001:db8::7", ("2001:db8::7", 5000)) == 403


@pytest.mark.parametrize("host", ["10.0.0.8", "evil.example", "10.0.0.7.evil.example"])
async def test_other_addresses_and_names_are_none(service: FakeService, host: str) -> None:
    assert await status(service, host, ("10.0.0.7", 5000)) == 403


async def test_the_path_of_a_unix_socket_is_no_name(service: FakeService) -> None:
    assert await status(service, "/run/atlas.sock", ("/run/atlas.sock", None)) == 403
