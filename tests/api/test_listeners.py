"""The server's TCP listeners: bound all or not at all, and closed to those who say nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address

import anyio
import pytest

from atlas_scheduler import listeners
from atlas_scheduler.core.listening import ListenAddress
from atlas_scheduler.listeners import bound, listen_by_tcp
from foundations.errors import ConfigError

pytestmark = pytest.mark.anyio
LOOPBACK = ip_address("127.0.0.1")


def test_the_system_chooses_a_port_when_there_is_none() -> None:
    with bound([ListenAddress(LOOPBACK, 0), ListenAddress(LOOPBACK, 0)]) as found:
        ports = {one.address.port for one in found}
        assert 0 not in ports
        assert len(ports) == 2


def test_an_address_that_is_taken_frees_those_before_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with bound([ListenAddress(LOOPBACK, 0)]) as (free,):
            first = ListenAddress(LOOPBACK, free.address.port)
        with (
            pytest.raises(ConfigError, match=f"Another program listens on 127.0.0.1:{port}"),
            bound([first, ListenAddress(LOOPBACK, port)]),
        ):
            pass
        with bound([first]):
            pass


def test_an_address_of_another_machine_is_told() -> None:
    with (
        pytest.raises(ConfigError, match=r"This machine has no address 192\.0\.2\.1"),
        bound([ListenAddress(ip_address("192.0.2.1"), 5000)]),
    ):
        pass


def test_pieces_of_an_answer_do_not_wait_for_each_other() -> None:
    with bound([ListenAddress(LOOPBACK, 0)]) as (place,):
        # asyncio turns that waiting off for sockets that name this protocol, and for no others.
        assert place.socket.proto == socket.IPPROTO_TCP


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A listener that waits a moment for the head of a request, and answers `hello`."""

    async def hello(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    monkeypatch.setattr(listeners, "HEAD_DEADLINE_SECONDS", 0.5)
    with bound([ListenAddress(LOOPBACK, 0, tls=False)]) as (place,):
        listener = listen_by_tcp(hello, place, None)
        serving = asyncio.create_task(listener.run_until_told())
        yield place.address.port
        listener.should_exit = True
        await serving


async def closed(stream: anyio.abc.ByteStream) -> bool:
    """Wait for the other end to hang up."""
    with anyio.fail_after(20):
        try:
            while True:
                await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return True


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost:", b"GET / HTTP/1.1\r\n" * 2])
async def test_whoever_does_not_say_what_they_want_is_hung_up_on(port: int, said: bytes) -> None:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        if said:
            await stream.send(said)
        assert await closed(stream)


async def test_so_is_whoever_begins_a_second_request_and_does_not_end_it(port: int) -> None:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await stream.receive()).startswith(b"HTTP/1.1 200")
        await stream.send(b"GET / HTTP/1.1\r\nHo")
        assert await closed(stream)


async def test_a_body_may_take_its_time(port: int) -> None:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1")
        async with await anyio.connect_tcp("127.0.0.1", port) as slow:
            assert await closed(slow)
        await stream.send(b"2")
        assert (await stream.receive()).startswith(b"HTTP/1.1 200")


async def test_many_slow_senders_keep_nobody_out(port: int) -> None:
    async with anyio.create_task_group() as tasks:

        async def slow() -> None:
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(b"GET / HTTP/1.1\r\nX-A: 1")
                assert await closed(stream)

        for _ in range(200):
            tasks.start_soon(slow)
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await stream.receive()).startswith(b"HTTP/1.1 200")
