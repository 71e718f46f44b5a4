"""Connections to ports of attempts: what both engines do, and by which way each comes there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.engine.exec_port import ExecSession, Output
from atlas_scheduler.engine.listening import (
    Listener,
    listeners,
    parse_listeners,
    reachable_at,
    sockets_of,
)
from atlas_scheduler.engine.port import Launch
from atlas_scheduler.engine.port_stream import PortStream
from foundations.errors import JobConflict
from tests.engine.answering import engine_facts
from tests.engine.rig import DockerRig, ProcessRig, Rig, until
from tests.engine.test_conformance import is_up

SERVES = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print(server.getsockname()[1], "up", flush=True)
while True:
    connection, _ = server.accept()
    with connection:
        taken = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.sendall(taken[::-1])
"""
JOB_PORT = "18321"


@asynccontextmanager
async def serving(rig: Rig, host: str, port: str = "0") -> AsyncIterator[tuple[Launch, int]]:
    launch = rig.launch("python3", "-c", SERVES, host, port)
    await rig.begin(launch)
    await is_up(rig, launch)
    yield launch, int(rig.log(launch).output().split()[0])
    await rig.engine.stop(launch.attempt, grace_seconds=0)
    await rig.finish(launch)


GOES_AWAY = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], "up", flush=True)
server.accept()[0].close()
server.close()
time.sleep(120)
"""


async def converse(session: ExecSession, data: bytes) -> bytes:
    await session.write(data)
    await session.end_input()
    found = b""
    while (piece := await session.read()) is not None:
        assert piece[0] is Output.STDOUT
        found += piece[1]
    assert await session.wait() == 0
    await session.close()
    return found


@pytest.mark.anyio
async def test_a_port_is_reached_and_one_that_is_closed_is_named(rig: Rig) -> None:
    async with serving(rig, "127.0.0.1") as (launch, port):
        data = os.urandom(300_000)
        session = await rig.engine.connect(launch.attempt, port)
        assert await converse(session, data) == data[::-1]
        with pytest.raises(JobConflict, match=r"listens at port 9"):
            await rig.engine.connect(launch.attempt, 9)
    with pytest.raises(JobConflict):
        await rig.engine.connect(launch.attempt, port)


@pytest.mark.anyio
async def test_a_connection_that_is_cut_ends_for_its_reader(rig: Rig) -> None:
    async with serving(rig, "127.0.0.1") as (launch, port):
        session = await rig.engine.connect(launch.attempt, port)
        await session.close()
        assert await session.read() is None


@pytest.mark.anyio
@pytest.mark.docker
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_a_container_is_reached_by_its_address_where_it_has_one(
    tmp_path: Path, host: str
) -> None:
    rig = DockerRig(tmp_path, network="bridge")
    try:
        async with serving(rig, host, JOB_PORT) as (launch, port):
            session = await rig.engine.connect(launch.attempt, port)
            # Podman without root gives its containers no address of their own.
            has_address = not (engine_facts().is_podman and engine_facts().is_rootless)
            assert isinstance(session, PortStream) == (host == "0.0.0.0" and has_address)
            assert await converse(session, b"abc") == b"cba"
    finally:
        await rig.close()


@pytest.mark.anyio
@pytest.mark.docker
async def test_an_image_without_python_and_without_address_says_what_to_do(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.launch("/bin/sleep", "60", environment={"PATH": "/nowhere"})
    await docker_rig.begin(launch)
    with pytest.raises(JobConflict, match=r"no Python to reach it from inside\. Let the program"):
        await docker_rig.engine.connect(launch.attempt, 80)
    await docker_rig.engine.stop(launch.attempt, grace_seconds=0)
    await docker_rig.finish(launch)


@pytest.mark.anyio
async def test_only_the_job_s_own_listeners_are_reached(process_rig: ProcessRig) -> None:
    async with serving(process_rig, "127.0.0.1") as (launch, port):
        with (
            socket.create_server(("127.0.0.1", 0)) as other,
            pytest.raises(JobConflict, match="No process of the job listens at port"),
        ):
            await process_rig.engine.connect(launch.attempt, other.getsockname()[1])
        session = await process_rig.engine.connect(launch.attempt, port)
        assert await converse(session, b"ab") == b"ba"
        # From the second time on the job's sockets are known; another address is another's.
        with socket.create_server(("127.0.0.2", port)):
            session = await process_rig.engine.connect(launch.attempt, port)
            assert await converse(session, b"abc") == b"cba"


@pytest.mark.anyio
async def test_a_port_that_the_job_gave_up_is_another_s_business(process_rig: ProcessRig) -> None:
    launch = process_rig.python(GOES_AWAY)
    await process_rig.begin(launch)
    await is_up(process_rig, launch)
    port = int(process_rig.log(launch).output().split()[0])
    session = await process_rig.engine.connect(launch.attempt, port)
    assert await session.read() is None
    await until(lambda: all(one.port != port for one in listeners(socket.AF_INET)))
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(JobConflict, match="No process of the job listens at port"),
    ):
        await process_rig.engine.connect(launch.attempt, port)
    await session.close()
    await process_rig.engine.stop(launch.attempt, grace_seconds=0)
    await process_rig.finish(launch)


def test_a_listener_of_a_process_is_found() -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], "
    code += "flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert (
            reachable_at(port, sockets_of([process.pid]), listeners(socket.AF_INET)) == "127.0.0.1"
        )
        assert reachable_at(port, sockets_of([os.getpid()]), listeners(socket.AF_INET)) is None
        process.communicate(b"\n")
    assert reachable_at(port, sockets_of([process.pid]), listeners(socket.AF_INET)) is None


def test_another_s_socket_at_the_very_address_has_what_comes_there() -> None:
    with (
        socket.socket() as everywhere,
        subprocess.Popen(["sleep", "60"]) as stranger,
    ):
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        own = [one for one in listeners(socket.AF_INET) if one.port == port]
        mine = sockets_of([os.getpid()])
        assert reachable_at(port, mine, own) == "127.0.0.1"
        special = Listener("127.0.0.1", port, "0")
        assert reachable_at(port, mine, [*own, special]) is None
        assert reachable_at(port, sockets_of([stranger.pid]), own) is None
        stranger.kill()


@given(address=st.ip_addresses(), port=st.integers(1, 65535), inode=st.integers(1, 2**31))
def test_the_kernel_s_table_is_read(address: object, port: int, inode: int) -> None:
    family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
    packed = socket.inet_pton(family, str(address))
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    digits = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    rest = f"00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {inode} 1"
    closed = rest.replace(" 0A ", " 01 ")
    table = f"head\n   0: {digits}:{port:04X} {rest}\n   1: {digits}:{port:04X} {closed}\n"
    assert list(parse_listeners(table, family)) == [
        Listener(socket.inet_ntop(family, packed), port, str(inode))
    ]
