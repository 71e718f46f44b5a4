"""Both clients against a real HTTP server: every call, and every way a connection can fail."""

from __future__ import annotations

import hashlib
import inspect
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

import foundations
from foundations.client import AsyncClient, Client
from foundations.errors import (
    BundleError,
    BundleRejected,
    ConfigError,
    InvalidRequest,
    JobConflict,
    NotFound,
    TooLarge,
    Unreachable,
)
from foundations.exec_frames import EXIT, STDOUT
from foundations.executed import execute
from foundations.models import JobSpec, JobState, NewToken, RetentionRule, Role, Submission
from foundations.reconnection import Patience
from tests.api.fake_service import BUNDLE, DIGEST, FakeService
from tests.api.served import Served
from tests.foundations.twins import Kind, Twin, answering, cutting, losing_first_answer

pytestmark = pytest.mark.anyio

SUBMISSION = Submission(spec=JobSpec(project="cats", params={"lr": 0.1}), bundle=DIGEST)
KINDS: list[Kind] = ["blocking", "asyncio"]
both = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "atlas.sock"


@pytest.fixture
def served(socket_path: Path) -> Iterator[Served]:
    with Served(socket_path, tcp=True) as server:
        yield server


@pytest.fixture
def job_id(served: Served) -> str:
    with Client(served.url) as client:
        return client.submit(SUBMISSION).job_id


# -- the twins


def public_methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(kind, callable)
        if not name.startswith("_")
    }


def test_the_twins_have_the_same_methods_with_the_same_arguments() -> None:
    blocking, asynchronous = public_methods(Client), public_methods(AsyncClient)
    assert blocking.keys() == asynchronous.keys()
    for name, signature in blocking.items():
        assert signature.parameters == asynchronous[name].parameters, name
    ours = [*inspect.signature(Client.__init__).parameters.values()][:-1]
    assert ours == [*inspect.signature(AsyncClient.__init__).parameters.values()][:-1]


def test_the_twins_answer_with_the_same_types() -> None:
    for name, signature in public_methods(Client).items():
        twin = str(public_methods(AsyncClient)[name].return_annotation)
        own = str(signature.return_annotation).replace("Generator", "Iterator")
        for word in ("AsyncGenerator", "AsyncIterator"):
            twin = twin.replace(word, "Iterator")
        assert twin.replace("AbstractAsync", "Abstract") == own, name


async def test_both_are_context_managers(served: Served) -> None:
    with Client(served.url) as client:
        assert client.url == served.url
        client.health()
    async with AsyncClient(served.url) as twin:
        assert twin.url == served.url
        await twin.health()


# -- every call


@both
async def test_a_job_goes_from_its_bundle_to_its_end(
    kind: Kind, served: Served, tmp_path: Path
) -> None:
    packed = tmp_path / "bundle.tar.gz"
    packed.write_bytes(bytes(range(256)) * 20_000)
    digest = f"sha256:{hashlib.sha256(packed.read_bytes()).hexdigest()}"
    async with Twin(kind, served.url) as client:
        await client.ask("health")
        assert (await client.ask("info")).api_version == 1
        assert not await client.ask("has_bundle", digest)
        told: list[int] = []
        sent = await client.ask("upload_bundle", digest, packed, watch=told.append)
        assert sent.size_bytes == packed.stat().st_size
        assert told == sorted(told)
        assert told[-1] == sent.size_bytes
        assert await client.ask("has_bundle", digest)
        job = await client.ask("submit", Submission(spec=SUBMISSION.spec, bundle=digest))
        page = await client.ask("jobs", project="cats", states=[JobState.QUEUED], limit=1)
        assert [one.job_id for one in page.jobs] == [job.job_id]
        served.do(lambda service: service.start(job.job_id))
        served.do(lambda service: service.write_log(job.job_id, b"output\n"))
        served.do(lambda service: service.save_artifact(job.job_id, "a/b c", packed))
        assert (await client.ask("artifacts", job.job_id))[0].key == "a/b c"
        assert await client.gather("artifact", job.job_id, "a/b c") == packed.read_bytes()
        assert (await client.ask("stop", job.job_id[:8])).state is JobState.STOPPING
        served.do(lambda service: service.finish(job.job_id))
        assert (await client.ask("wait", job.job_id)).exit_code == 0
        assert await client.gather("logs", job.job_id) == b"output\n"
        assert (await client.gather("archive", job.job_id)).startswith(job.job_id.encode())
        logs = await client.gather("tensorboard_logs", job.job_id[:8], since=7)
        assert logs.decode() == f"logs of {job.job_id} since 7"
        assert (await client.ask("projects"))[0].name == "cats"
        kept = await client.ask("set_retention", "cats", RetentionRule(keep_last=1))
        assert kept.retention.keep_last == 1
        assert (await client.ask("garbage")).jobs[0].job_id == job.job_id
        kept = await client.ask("set_retention", "cats", None)
        assert kept.retention is None
        assert (await client.ask("collect_garbage")).jobs == []
        await client.ask("delete", job.job_id)
        with pytest.raises(NotFound):
            await client.ask("job", job.job_id)
        assert (await client.ask("restore", job.job_id)).job_id == job.job_id
        await client.ask("delete_project", "cats")
        assert (await client.ask("restore_project", "cats")).jobs == 1
        assert (await client.ask("job", job.job_id)).exit_code == 0


@both
async def test_the_queue_is_set_and_cleared(kind: Kind, served: Served, job_id: str) -> None:
    async with Twin(kind, served.url) as client:
        assert (await client.ask("set_queue_settings", 7)).max_running_jobs == 7
        assert (await client.ask("queue_settings")).max_running_jobs == 7
        assert (await client.ask("clear_queue", "dogs")).removed == 0
        assert (await client.ask("pause_queue", "cats")).paused_projects[0].project == "cats"
        assert (await client.ask("pause_queue")).paused is not None
        assert (await client.ask("resume_queue")).paused is None
        assert (await client.ask("resume_queue", "cats")).paused_projects == []
        assert (await client.ask("hold", job_id)).held_by is not None
        assert (await client.ask("release", job_id)).held_by is None
        assert (await client.ask("set_priority", job_id, -7)).priority == -7
        (moved,) = await client.ask("move", [job_id[:8]], "last")
        assert moved.job_id == job_id
        with pytest.raises(InvalidRequest):
            await client.ask("move", [job_id], "after")
        with pytest.raises(InvalidRequest, match="column 1"):
            await client.ask("clear_queue", filter="nonsense")
        with pytest.raises(InvalidRequest, match="column 1"):
            await client.ask("stop_jobs", filter="nonsense")
        with pytest.raises(InvalidRequest, match="either `jobs` or a `filter`"):
            await client.ask("stop_jobs")
        with pytest.raises(JobConflict, match="takes 1 jobs by now"):
            await client.ask("stop_jobs", filter="state:queued", at_most=0)
        refused = (await client.ask("stop_jobs", ["nowhere"])).refused
        assert [(one.job, one.error) for one in refused] == [("nowhere", "not_found")]
        assert (await client.ask("clear_queue")).job_ids == [job_id]


@both
async def test_news_are_changes_of_jobs_and_of_the_queue_and_notices_of_records(
    kind: Kind, served: Served, job_id: str
) -> None:
    async with Twin(kind, served.url) as client:
        await client.ask("pause_queue")
        served.do(lambda service: service.start(job_id))
        served.do(lambda service: service.record(job_id))
        news = [one async for one in client.read("news", 0, follow=False)]
        assert [type(one).__name__ for one in news] == [
            "Change",
            "QueueChange",
            "Change",
            "NewRecords",
        ]
        assert news[1].event == "QueuePaused"
        assert news[3].job_ids == [job_id]
        changes = [one async for one in client.read("changes", 0, follow=False)]
        assert changes == [news[0], news[2]]


@both
async def test_refusals_are_raised_as_their_class(kind: Kind, served: Served, job_id: str) -> None:
    async with Twin(kind, served.url) as client:
        with pytest.raises(InvalidRequest):
            await client.ask("job", "abc")
        with pytest.raises(JobConflict, match="cannot be deleted"):
            await client.ask("delete", job_id)
        with pytest.raises(InvalidRequest, match="query parameter `limit`"):
            await client.ask("jobs", limit=0)
        for name in ("logs", "archive"):
            with pytest.raises(NotFound):
                await client.gather(name, "abcd")
        with pytest.raises(NotFound, match="no artifact"):
            await client.gather("artifact", job_id, "model")


@both
async def test_a_call_can_be_answered_as_plain_json(
    kind: Kind, served: Served, job_id: str
) -> None:
    async with Twin(kind, served.url) as client:
        found = await client.ask("json", foundations.calls.jobs.jobs())
        assert found["jobs"][0]["job_id"] == job_id


@both
async def test_a_scheduler_is_reached_by_tcp(kind: Kind, served: Served) -> None:
    async with Twin(kind, served.tcp_url, token="secret") as client:
        assert (await client.ask("info")).instance == "0123abcd"


@both
async def test_every_request_carries_the_token_and_asks_for_plain_bytes(kind: Kind) -> None:
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, json={"status": "ok"})

    network = answering(answer)
    async with Twin(kind, "http://lab:5000", token="atlas_1", network=network) as client:
        await client.ask("health")
    assert seen[0]["Authorization"] == "Bearer atlas_1"
    assert seen[0]["Accept-Encoding"] == "identity"
    assert seen[0]["User-Agent"] == f"foundations/{foundations.__version__}"


@both
async def test_proxies_of_the_environment_are_not_asked_for_this_machine(
    kind: Kind, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for url in (served.url, served.tcp_url):
        async with Twin(kind, url) as client:
            await client.ask("health")


@both
def test_an_address_or_token_that_cannot_be_one_is_a_config_error(kind: Kind) -> None:
    with pytest.raises(ConfigError):
        Twin(kind, "ftp://lab")
    with pytest.raises(ConfigError):
        Twin(kind, "http://lab", token="a b")


def test_threads_may_share_the_blocking_client(served: Served, job_id: str) -> None:
    with Client(served.url) as client, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.job(job_id).job_id, range(100)))
    assert set(found) == {job_id}


@both
async def test_a_client_of_another_machine_is_made_without_a_connection(kind: Kind) -> None:
    async with Twin(kind, "https://lab.example:5000", token="t"):
        pass
    async with Twin(kind, "https://127.0.0.1:5000", token="t"):
        pass


# -- nothing answers, or something else does


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


# -- connections that break


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


# -- waiting


@both
async def test_waiting_ends_with_the_job(kind: Kind, served: Served, job_id: str) -> None:
    async with Twin(kind, served.url) as client, anyio.create_task_group() as tasks:

        async def end() -> None:
            await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 1)
            served.do(lambda service: service.start(job_id))
            served.do(lambda service: service.finish(job_id, exit_code=2))

        tasks.start_soon(end)
        ended = await client.ask("wait", job_id[:8], timeout_seconds=30)
        assert (ended.state, ended.exit_code) == (JobState.FAILED, 2)
        assert (await client.ask("wait", job_id, timeout_seconds=0)).exit_code == 2


@both
async def test_waiting_ends_in_time_whatever_the_feed_says(
    kind: Kind, served: Served, job_id: str
) -> None:
    served.do(lambda service: setattr(service, "heartbeat_seconds", 0.05))
    async with Twin(kind, served.url) as client:
        for timeout_seconds in (0, 0.02, 0.3):
            with pytest.raises(TimeoutError, match=f"{job_id}.* it is queued"):
                await client.ask("wait", job_id, timeout_seconds=timeout_seconds)
    await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 0)


@both
async def test_a_job_that_is_deleted_is_not_waited_for(
    kind: Kind, served: Served, job_id: str
) -> None:
    async with Twin(kind, served.url) as client, anyio.create_task_group() as tasks:

        async def delete() -> None:
            await anyio.to_thread.run_sync(served.until, lambda service: service.followers == 1)
            served.do(finish_and_delete(job_id))

        tasks.start_soon(delete)
        with pytest.raises(NotFound):
            await client.ask("wait", job_id)


def finish_and_delete(job_id: str) -> Callable[[FakeService], None]:
    def act(service: FakeService) -> None:
        service.finish(job_id)
        service.forget(job_id)

    return act


# -- uploads


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


# -- cost


def test_the_client_loads_neither_a_command_line_nor_the_models() -> None:
    program = """
import sys
from foundations.client import Client
Client("unix:///nowhere").close()
heavy = ["rich", "pygments", "click", "pydantic", "foundations.models", "fastapi", "uvicorn"]
assert [name for name in heavy if name in sys.modules] == []
assert "httpx._main" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@both
async def test_tokens_are_made_and_revoked(kind: Kind, served: Served) -> None:
    async with Twin(kind, served.url) as client:
        made = await client.ask("create_token", NewToken(name="ci", role=Role.READ))
        fresh = await client.ask("rotate_token", "ci", overlap_seconds=60)
        assert fresh.rotated_from == made.token_id
        assert [one.holds for one in await client.ask("revoke_token", "ci")] == [False, False]
        assert len(await client.ask("tokens")) == 2
        assert (await client.ask("whoami")).role is Role.ADMIN
