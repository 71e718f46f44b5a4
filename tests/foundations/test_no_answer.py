"""Both clients where nothing answers, or something else than a scheduler does."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import httpx
import pytest

from foundations.errors import (
    Unreachable,
)
from foundations.transport.reconnection import Patience
from tests.foundations.twins import (
    Kind,
    Twin,
    answering,
    both,
)

pytestmark = pytest.mark.anyio


@both
async def test_a_socket_that_is_not_there_is_named_with_what_to_do(
    kind: Kind, socket_path: Path
) -> None:
    async with Twin(kind, f"unix://{socket_path}") as client:
        with pytest.raises(Unreachable) as raised:
            await client.ask("info")
    assert raised.value.message == (
        f"The scheduler at unix://{socket_path} does not answer (No such file or directory). "
        "Start it with `atlas-server start`."
    )
    assert isinstance(raised.value.__cause__, httpx.ConnectError)


@both
async def test_a_follower_that_never_connects_does_not_wait(kind: Kind, socket_path: Path) -> None:
    async with Twin(kind, f"unix://{socket_path}", patience=Patience()) as client:
        with pytest.raises(Unreachable):
            await client.gather("logs", "abcd", follow=True)
        with pytest.raises(Unreachable):
            await client.gather("changes", 0)
        with pytest.raises(Unreachable):
            await client.ask("wait", "abcd")


@both
async def test_a_port_that_nobody_serves_is_refused(kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Twin(kind, f"http://127.0.0.1:{port}") as client:
        with pytest.raises(Unreachable, match="does not answer"):
            await client.ask("health")


def reply(server: socket.socket, said: bytes) -> None:
    """Answer every connection with the same bytes, whatever is asked, until the socket closes."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(65_536)
            connection.sendall(said)


@both
@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\n"])
async def test_a_server_that_does_not_speak_http_is_no_scheduler(
    kind: Kind, socket_path: Path, said: bytes
) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(socket_path))
    server.listen()
    thread = threading.Thread(target=reply, args=(server, said))
    thread.start()
    try:
        async with Twin(kind, f"unix://{socket_path}") as client:
            with pytest.raises(Unreachable, match="the connection broke"):
                await client.ask("health")
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@both
async def test_a_scheduler_that_is_silent_is_given_up(kind: Kind, socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(socket_path))
        server.listen()
        async with Twin(kind, f"unix://{socket_path}", timeout_seconds=0.1) as client:
            with pytest.raises(Unreachable, match="no answer in time"):
                await client.ask("health")


@both
async def test_a_machine_that_does_not_take_the_connection_is_given_up(kind: Kind) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("")

    async with Twin(kind, "http://lab:80", network=answering(answer)) as client:
        with pytest.raises(Unreachable, match=r"\(no connection within 5 s\)"):
            await client.ask("health")


@both
async def test_another_http_server_is_told_from_a_scheduler(kind: Kind) -> None:
    network = answering(lambda _: httpx.Response(200, html="<h1>It works!</h1>"))
    short = Patience(first_delay_seconds=0, give_up_seconds=0)
    async with Twin(kind, "http://lab:80", network=network, patience=short) as client:
        for name, arguments in [("info", ()), ("jobs", ()), ("job", ("abcd",))]:
            with pytest.raises(Unreachable, match="not an Atlas scheduler answers at http://lab"):
                await client.ask(name, *arguments)
        with pytest.raises(Unreachable, match="not an Atlas scheduler"):
            await client.gather("logs", "abcd")
        with pytest.raises(Unreachable, match="not an Atlas scheduler"):
            await client.gather("changes", 0)


@both
async def test_a_scheduler_of_another_version_is_told(kind: Kind) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"new": 1}, headers={"X-Atlas-Version": "9.9.9"})

    async with Twin(kind, "http://lab:80", network=answering(answer)) as client:
        with pytest.raises(Unreachable, match=r"is version 9\.9\.9 and this client version"):
            await client.ask("info")
