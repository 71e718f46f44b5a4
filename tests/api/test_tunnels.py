"""Connections to ports of jobs over HTTP: carried like commands, and counted apart from them."""

from __future__ import annotations

import base64

import httpx
import pytest

from foundations.beside.frames import EXIT, STDOUT, frame
from tests.api.fake_service import FakeService

pytestmark = pytest.mark.anyio


async def write(
    http: httpx.AsyncClient, tunnel_id: str, data: bytes, *, offset: int, end: bool = False
) -> httpx.Response:
    body = {"offset": offset, "data": base64.b64encode(data).decode(), "end": end}
    return await http.post(f"/tunnels/{tunnel_id}/input", json=body)


async def test_what_is_sent_twice_arrives_once_and_what_comes_is_read_from_any_byte(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.start(job_id)
    answer = await http.post(f"/jobs/{job_id[:8]}/ports/8888/tunnels")
    assert answer.status_code == 201
    tunnel_id = answer.json()["tunnel_id"]
    assert answer.json() == {"tunnel_id": tunnel_id, "job_id": job_id, "port": 8888}
    for _ in range(2):
        assert (await write(http, tunnel_id, b"abc", offset=0)).status_code == 204
    await write(http, tunnel_id, b"", offset=3, end=True)
    expected = frame(STDOUT, b"abc") + frame(EXIT, b"3")
    for offset in (0, 4):
        answer = await http.get(
            f"/tunnels/{tunnel_id}/output",
            params={"offset": offset},
            headers={"x-unchecked": "1"},
        )
        assert answer.content == expected[offset:]
    assert (await http.get(f"/execs/{tunnel_id}/output")).status_code == 404, "it is no command"
    assert (await http.delete(f"/tunnels/{tunnel_id}")).status_code == 204
    assert service.echoes[0].is_closed
    gone = await http.delete(f"/tunnels/{tunnel_id}")
    assert gone.status_code == 404
    assert gone.json()["message"] == f"No connection `{tunnel_id}` leads to a job."


async def test_there_are_so_many_at_a_time_and_no_port_above_65535(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.tunnels.most = 1
    service.start(job_id)
    assert (await http.post(f"/jobs/{job_id}/ports/1/tunnels")).status_code == 201
    refused = await http.post(f"/jobs/{job_id}/ports/1/tunnels")
    assert (refused.status_code, refused.json()["message"]) == (
        413,
        "1 connections lead to ports of jobs; close one of them first.",
    )
    assert (await http.post(f"/jobs/{job_id}/ports/65536/tunnels")).status_code == 400
