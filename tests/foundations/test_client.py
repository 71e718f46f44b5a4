"""Both clients against a real HTTP server: every call, and that they are twins."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

import foundations
from foundations.client import AsyncClient, Client
from foundations.errors import (
    ConfigError,
    InvalidRequest,
    JobConflict,
    NotFound,
)
from foundations.models import JobState, NewToken, RetentionRule, Role, Submission
from tests.api.served import Served
from tests.foundations.twins import (
    SUBMISSION,
    Kind,
    Twin,
    answering,
    both,
)

pytestmark = pytest.mark.anyio


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


@both
async def test_tokens_are_made_and_revoked(kind: Kind, served: Served) -> None:
    async with Twin(kind, served.url) as client:
        made = await client.ask("create_token", NewToken(name="ci", role=Role.READ))
        fresh = await client.ask("rotate_token", "ci", overlap_seconds=60)
        assert fresh.rotated_from == made.token_id
        assert [one.holds for one in await client.ask("revoke_token", "ci")] == [False, False]
        assert len(await client.ask("tokens")) == 2
        assert (await client.ask("whoami")).role is Role.ADMIN


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
