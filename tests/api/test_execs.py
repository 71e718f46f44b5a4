"""Commands beside jobs over HTTP: input in order, output from any byte, and both after a break."""

from __future__ import annotations

import asyncio
import base64

import httpx
import pytest

from foundations.beside.frames import EXIT, STDOUT, Frames, frame
from tests.api.fake_service import FakeService

pytestmark = pytest.mark.anyio
DEADLINE_SECONDS = 20


async def begin(http: httpx.AsyncClient, service: FakeService, job_id: str) -> str:
    service.start(job_id)
    answer = await http.post(f"/jobs/{job_id[:8]}/execs", json={"command": ["cat"]})
    assert answer.status_code == 201
    return str(answer.json()["exec_id"])


async def write(
    http: httpx.AsyncClient, exec_id: str, data: bytes, *, offset: int, end: bool = False
) -> httpx.Response:
    body = {"offset": offset, "data": base64.b64encode(data).decode(), "end": end}
    return await http.post(f"/execs/{exec_id}/input", json=body)


async def test_input_is_taken_once_however_often_it_comes(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    exec_id = await begin(http, service, job_id)
    assert (await write(http, exec_id, b"abc", offset=0)).status_code == 204
    assert (await write(http, exec_id, b"abc", offset=0)).status_code == 204
    assert (await write(http, exec_id, b"bcde", offset=1)).status_code == 204
    refused = await write(http, exec_id, b"z", offset=9)
    assert (refused.status_code, refused.json()["message"]) == (400, "The input goes on at byte 5.")
    await write(http, exec_id, b"", offset=5, end=True)
    answer = await http.get(f"/execs/{exec_id}/output", headers={"x-unchecked": "1"})
    expected = frame(STDOUT, b"abc") + frame(STDOUT, b"de") + frame(EXIT, b"5")
    assert answer.content == expected
    rest = await http.get(
        f"/execs/{exec_id}/output", params={"offset": 4}, headers={"x-unchecked": "1"}
    )
    assert rest.content == expected[4:]


async def test_output_that_is_read_makes_room_and_is_kept_for_a_while(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.exec_buffer_bytes = 1_000
    exec_id = await begin(http, service, job_id)
    pieces = [bytes([number]) * 100 for number in range(50)]
    for number, piece in enumerate(pieces):
        await write(http, exec_id, piece, offset=100 * number)
    await write(http, exec_id, b"", offset=5_000, end=True)
    found: list[tuple[int, bytes]] = []
    taken = 0
    async with http.stream(
        "GET", f"/execs/{exec_id}/output", headers={"x-unchecked": "1"}
    ) as answer:
        frames = Frames()
        async for piece in answer.aiter_raw():
            taken += len(piece)
            found += frames.feed(piece)
    assert found == [*((STDOUT, piece) for piece in pieces), (EXIT, str(5_000 % 256).encode())]
    gone = await http.get(f"/execs/{exec_id}/output")
    assert gone.status_code == 400
    again = await http.get(
        f"/execs/{exec_id}/output", params={"offset": taken - 6}, headers={"x-unchecked": "1"}
    )
    assert again.content == frame(EXIT, b"136")[-6:]


async def test_a_command_that_nobody_reads_is_ended_at_once(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.exec_buffer_bytes = 1_000
    exec_id = await begin(http, service, job_id)
    for number in range(30):
        await write(http, exec_id, bytes(100), offset=100 * number)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await http.delete(f"/execs/{exec_id}")).status_code == 204


async def test_a_command_is_resized_and_ended(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    exec_id = await begin(http, service, job_id)
    answer = await http.put(f"/execs/{exec_id}/terminal", json={"rows": 10, "columns": 20})
    assert answer.status_code == 204
    assert [(size.rows, size.columns) for size in service.echoes[0].sizes] == [(10, 20)]
    assert (await http.delete(f"/execs/{exec_id}")).status_code == 204
    assert service.echoes[0].is_closed
    for answer in (
        await http.get(f"/execs/{exec_id}/output"),
        await http.delete(f"/execs/{exec_id}"),
        await write(http, exec_id, b"a", offset=0),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_nothing_runs_beside_a_job_that_waits(http: httpx.AsyncClient, job_id: str) -> None:
    answer = await http.post(f"/jobs/{job_id}/execs", json={"command": ["true"]})
    assert (answer.status_code, answer.json()["error"]) == (409, "job_conflict")
    answer = await http.post(f"/jobs/{job_id}/execs", json={"command": []})
    assert answer.status_code == 400
