"""Both clients, over a real HTTP server, when their connections break."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from foundations.beside.executed import execute
from foundations.beside.frames import EXIT, STDOUT
from foundations.client import AsyncClient, Client
from foundations.errors import (
    Unreachable,
)
from foundations.models import JobState
from foundations.transport.reconnection import Patience
from tests.api.served import Served
from tests.foundations.twins import (
    SUBMISSION,
    Kind,
    Twin,
    both,
    cutting,
    losing_first_answer,
)

pytestmark = pytest.mark.anyio


@both
async def test_a_repeatable_call_whose_connection_broke_is_sent_once_more(
    kind: Kind, served: Served, socket_path: Path
) -> None:
    network = losing_first_answer(str(socket_path))
    async with Twin(kind, served.url, network=network) as client:
        assert (await client.ask("info")).pid == 1


@both
async def test_a_lost_answer_to_a_submission_never_makes_two_jobs(
    kind: Kind, served: Served, socket_path: Path
) -> None:
    network = losing_first_answer(str(socket_path))
    async with Twin(kind, served.url, network=network) as client:
        job = await client.ask("submit", SUBMISSION)
        page = await client.ask("jobs")
    assert [one.job_id for one in page.jobs] == [job.job_id]
    assert served.do(lambda service: service.submissions) == 2


@both
async def test_a_call_that_is_not_repeatable_is_sent_once(
    kind: Kind, served: Served, socket_path: Path, job_id: str
) -> None:
    network = losing_first_answer(str(socket_path))
    async with Twin(kind, served.url, network=network) as client:
        with pytest.raises(Unreachable, match="the connection broke: lost"):
            await client.ask("stop", job_id)
        assert (await client.ask("job", job_id)).state is JobState.STOPPED


@both
@pytest.mark.parametrize("every_bytes", [1, 7, 100, 1001])
async def test_a_followed_log_that_is_cut_all_the_time_is_exact(
    kind: Kind, served: Served, socket_path: Path, job_id: str, every_bytes: int
) -> None:
    size = min(40 * every_bytes, 5000)
    log = bytes(number * 7 % 256 for number in range(size))
    served.do(lambda service: service.write_log(job_id, log[: size // 2]))
    network = cutting(str(socket_path), every_bytes)
    async with Twin(kind, served.url, network=network) as client:
        got = b""
        async for piece in client.read("logs", job_id[:8], follow=True):
            got += piece
            if len(got) == size // 2:
                served.do(lambda service: service.write_log(job_id, log[size // 2 :]))
                served.do(lambda service: service.finish(job_id))
    assert got == log


@both
async def test_the_end_of_a_log_that_is_cut_is_exact(
    kind: Kind, served: Served, socket_path: Path, job_id: str
) -> None:
    served.do(lambda service: service.write_log(job_id, bytes(range(100))))
    async with Twin(kind, served.url, network=cutting(str(socket_path), 7)) as client:
        assert await client.gather("logs", job_id, offset=-20) == bytes(range(80, 100))
        assert await client.gather("logs", job_id, offset=1000) == b""
        piece = await client.gather("logs", job_id, offset=-50, length=30)
        assert piece == bytes(range(50, 80))


@both
async def test_the_output_of_a_command_that_is_cut_all_the_time_is_exact(
    kind: Kind, served: Served, socket_path: Path, job_id: str
) -> None:
    served.do(lambda service: service.start(job_id))
    said = [bytes([number]) * 50 for number in range(20)]
    async with Twin(kind, served.url, network=cutting(str(socket_path), 31)) as client:
        exec_id = (await client.ask("start_exec", job_id, ["cat"])).exec_id
        for number, data in enumerate(said):
            await client.ask("write_exec", exec_id, data, offset=50 * number)
        await client.ask("write_exec", exec_id, b"", offset=1000, end=True)
        found = [piece async for piece in client.read("exec_output", exec_id)]
        await client.ask("end_exec", exec_id)
    assert found == [*((STDOUT, data) for data in said), (EXIT, b"232")]


def test_input_is_sent_beside_the_reading_and_again_when_it_was_not_taken(
    served: Served, job_id: str
) -> None:
    served.do(lambda service: service.start(job_id))
    said = bytes(range(256)) * 10_000
    with Client(served.url, transport=_LosingInput(served.url)) as client:
        done = execute(client, job_id, ["cat"], input=said)
    assert (done.stdout, done.exit_code) == (said, len(said) % 256)


class _LosingInput(httpx.HTTPTransport):
    """Loses every third answer to a piece of input."""

    def __init__(self, url: str) -> None:
        super().__init__(uds=url.removeprefix("unix://"))
        self._pieces = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if request.url.path.endswith("/input"):
            self._pieces += 1
            if self._pieces % 3 == 0:
                answer.close()
                raise httpx.ReadError("the line was cut", request=request)
        return answer


@both
async def test_a_feed_that_is_cut_all_the_time_loses_and_doubles_nothing(
    kind: Kind, served: Served, socket_path: Path, job_id: str
) -> None:
    for _ in range(30):
        served.do(lambda service: service.happen(job_id, "Noted"))
    async with Twin(kind, served.url, network=cutting(str(socket_path), 700)) as client:
        seen = []
        async for change in client.read("changes", 0):
            seen.append(change.seq)
            if len(seen) == 31:
                served.do(lambda service: service.finish(job_id))
            if change.event == "Exited":
                break
        assert seen == list(range(1, 33))
        once = [one.seq async for one in client.read("changes", 5, job=job_id, follow=False)]
        assert once == list(range(6, 33))


@both
async def test_followers_live_through_a_restart_of_the_scheduler(
    kind: Kind, socket_path: Path
) -> None:
    server = Served(socket_path)
    patience = Patience(first_delay_seconds=0.01, longest_delay_seconds=0.01)
    three = partial(server.until, lambda service: service.followers == 3)
    seen: dict[str, object] = {}
    async with Twin(kind, server.url, patience=patience) as client, anyio.create_task_group() as tg:

        async def follow_log() -> None:
            seen["log"] = await client.gather("logs", job_id, follow=True)

        async def follow_feed() -> None:
            feed = client.read("changes", 0)
            seen["events"] = [(await anext(feed)).event for _ in range(3)]
            await feed.aclose()

        async def wait() -> None:
            seen["exit_code"] = (await client.ask("wait", job_id)).exit_code

        with server:
            job_id = (await client.ask("submit", SUBMISSION)).job_id
            server.do(lambda service: service.write_log(job_id, b"before "))
            for task in (follow_log, follow_feed, wait):
                tg.start_soon(task)
            await anyio.to_thread.run_sync(three)
        server.__enter__()
        tg.start_soon(anyio.to_thread.run_sync, partial(go_on, server, job_id))
    server.__exit__(None, None, None)
    assert seen == {
        "log": b"before after",
        "events": ["Submitted", "Started", "Exited"],
        "exit_code": 3,
    }


def go_on(server: Served, job_id: str) -> None:
    """Let the job end after all three followers are back."""
    server.until(lambda service: service.followers == 3)
    server.do(lambda service: service.write_log(job_id, b"after"))
    server.do(lambda service: service.start(job_id))
    server.do(lambda service: service.finish(job_id, exit_code=3))


@both
@pytest.mark.parametrize("name", ["logs", "changes"])
async def test_a_follower_gives_up_when_nothing_comes_back(
    kind: Kind, socket_path: Path, name: str
) -> None:
    server = Served(socket_path)
    patience = Patience(first_delay_seconds=0.01, longest_delay_seconds=0.02, give_up_seconds=0.1)
    async with Twin(kind, server.url, patience=patience) as client:
        with server:
            job_id = (await client.ask("submit", SUBMISSION)).job_id
            server.do(lambda service: service.write_log(job_id, b"x"))
            arguments = (job_id,) if name == "logs" else (0,)
            pieces = client.read(name, *arguments, follow=True)
            await anext(pieces)
        async with aclosing(pieces):
            with pytest.raises(Unreachable, match="does not answer"):
                await anext(pieces)


@both
@pytest.mark.parametrize("name", ["logs", "changes"])
async def test_a_reader_that_stops_frees_the_scheduler_at_once(
    kind: Kind, served: Served, job_id: str, name: str
) -> None:
    served.do(lambda service: service.write_log(job_id, b"x"))
    arguments = (job_id,) if name == "logs" else (0,)
    async with Twin(kind, served.url) as client:
        async with aclosing(client.read(name, *arguments, follow=True)) as pieces:
            await anext(pieces)
            assert served.do(lambda service: service.followers) == 1
        await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 0)


async def test_a_cancelled_follower_frees_the_scheduler(served: Served, job_id: str) -> None:
    async with AsyncClient(served.url) as client, anyio.create_task_group() as tasks:

        async def follow() -> None:
            async for _ in client.logs(job_id, follow=True):
                pass

        tasks.start_soon(follow)
        tasks.start_soon(client.wait, job_id)
        await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 2)
        tasks.cancel_scope.cancel()
    await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 0)


@both
async def test_a_download_that_breaks_is_no_whole_archive(
    kind: Kind, served: Served, job_id: str
) -> None:
    served.do(lambda service: setattr(service, "broken", ZeroDivisionError()))
    async with Twin(kind, served.url) as client:
        with capture_logs(), pytest.raises(Unreachable, match="the connection broke"):
            await client.gather("archive", job_id)
