"""Whatever goes wrong, the answer is an error that clients know, and says what to do."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from atlas_scheduler.store.db import DatabaseClosed
from foundations.errors import SCHEDULER_ERRORS, SchedulerError
from foundations.models import Submission
from tests.api.fake_service import DIGEST, FakeService

pytestmark = pytest.mark.anyio


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize("kind", [*SCHEDULER_ERRORS.values(), SchedulerError])
async def test_each_error_of_the_service_has_its_status_and_code(
    http: httpx.AsyncClient, service: FakeService, kind: type[SchedulerError]
) -> None:
    service.broken = kind("what happened\nand what to do: ü")
    answer = await http.get("/info")
    assert error_of(answer) == (kind.status, kind.code)
    assert answer.json()["message"] == "what happened\nand what to do: ü"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/jobs/abc", (400, "invalid_request")),
        ("GET", "/jobs/abcd", (404, "not_found")),
        ("POST", "/jobs/abcd/stop", (404, "not_found")),
        ("DELETE", "/jobs/abcd", (404, "not_found")),
        ("GET", "/jobs/abcd/logs", (404, "not_found")),
        ("GET", "/jobs/abcd/archive", (404, "not_found")),
        ("GET", "/jobs/abcd/tensorboard", (404, "not_found")),
        ("GET", "/jobs/abcd/artifacts", (404, "not_found")),
        ("GET", "/jobs/abcd/artifacts/x", (404, "not_found")),
        ("GET", "/changes?job=abcd", (404, "not_found")),
        ("GET", "/jobs?cursor=x", (400, "invalid_request")),
        ("GET", "/jobs?limit=0", (400, "invalid_request")),
        ("GET", "/jobs?state=asleep", (400, "invalid_request")),
        ("GET", "/jobs/abcd/logs?offset=1.5", (400, "invalid_request")),
        ("GET", f"/jobs/abcd/logs?offset={2**64}", (400, "invalid_request")),
        ("GET", "/changes?since=-1", (400, "invalid_request")),
        ("GET", "/jobs/" + "a" * 65, (400, "invalid_request")),
        ("PUT", "/bundles/sha256:0", (400, "invalid_request")),
        ("GET", "/jobs/", (404, "not_found")),
        ("GET", "/jobs/a/b/c", (404, "not_found")),
        ("GET", "/nothing", (404, "not_found")),
        ("PUT", "/jobs", (405, "invalid_request")),
        ("PATCH", "/jobs/abcd", (405, "invalid_request")),
    ],
)
async def test_a_request_that_cannot_be_answered_gets_a_wire_error(
    http: httpx.AsyncClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert error_of(await http.request(method, path)) == expected


async def test_a_prefix_of_two_jobs_is_ambiguous(
    http: httpx.AsyncClient, service: FakeService, submission: Submission
) -> None:
    seen: dict[str, str] = {}
    while True:
        job_id = (await service.submit(submission, idempotency_key=None)).job_id
        if job_id[:4] in seen:
            break
        seen[job_id[:4]] = job_id
    assert error_of(await http.get(f"/jobs/{job_id[:4]}")) == (409, "ambiguous_job")


async def test_states_that_do_not_allow_it_are_conflicts(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    assert error_of(await http.delete(f"/jobs/{job_id}")) == (409, "job_conflict")
    service.finish(job_id)
    assert error_of(await http.post(f"/jobs/{job_id}/stop")) == (409, "job_conflict")


async def test_a_job_needs_its_bundle(
    http: httpx.AsyncClient, service: FakeService, submission: Submission
) -> None:
    service.bundles.clear()
    answer = await http.post("/jobs", json=submission.model_dump(mode="json"))
    assert error_of(answer) == (404, "not_found")


SPEC: dict[str, Any] = {"project": "cats", "command": ["main.py"]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"spec": SPEC}, "`bundle`: is required"),
        (
            {"spec": {**SPEC, "num_gpu": 1}, "bundle": DIGEST},
            "`spec.num_gpu`: there is no such key",
        ),
        (
            {"spec": {**SPEC, "num_gpus": -1}, "bundle": DIGEST},
            "`spec.num_gpus`: input should be greater than or equal to 0",
        ),
        (
            {"spec": {**SPEC, "command": ["a", 1]}, "bundle": DIGEST},
            "`spec.command[1]`: input should be a valid string",
        ),
        ([], "The body: input should be a valid dictionary"),
    ],
)
async def test_an_invalid_body_is_explained_by_the_path_of_the_field(
    http: httpx.AsyncClient, body: Any, sentence: str
) -> None:
    answer = await http.post("/jobs", json=body)
    assert error_of(answer) == (400, "invalid_request")
    assert sentence in answer.json()["message"]


async def test_only_the_first_problems_are_named(http: httpx.AsyncClient) -> None:
    spec = {f"key{number}": 1 for number in range(10)}
    answer = await http.post("/jobs", json={"spec": spec, "bundle": DIGEST})
    assert answer.json()["message"].count("no such key") <= 3
    assert answer.json()["message"].endswith("and 8 more")


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", r'"\ud800"'])
async def test_what_only_python_takes_for_json_is_refused(
    http: httpx.AsyncClient, service: FakeService, value: str
) -> None:
    body = f'{{"spec": {{"project": "cats", "params": {{"x": {value}}}}}, "bundle": "{DIGEST}"}}'
    answer = await http.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert error_of(answer) == (400, "invalid_request")
    assert answer.json()["message"].startswith("The body is not JSON: ")
    assert service.submissions == 0


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"{}", "text/plain"),
        (b"{}", ""),
    ],
)
async def test_a_body_that_is_no_json_is_refused(
    http: httpx.AsyncClient, content: bytes, kind: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await http.post("/jobs", content=content, headers=headers)
    assert error_of(answer) == (400, "invalid_request")


@pytest.fixture(autouse=True)
def linger_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas_scheduler.api.errors.LINGER_SECONDS", 0.05)


async def test_a_body_without_end_is_refused(http: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 1_000_000

    answer = await http.post("/jobs", content=endless())
    assert error_of(answer) == (413, "too_large")
    assert answer.headers["connection"] == "close"


async def test_a_client_that_goes_away_in_the_middle_of_its_body_gets_no_answer(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    async def cut() -> Any:
        yield b"{"
        raise httpx.WriteError("the client is gone")

    with pytest.raises(httpx.RemoteProtocolError, match="no answer"):
        await http.post("/jobs", content=cut())
    assert service.submissions == 0


async def test_what_is_no_request_passes_the_guards(app: FastAPI) -> None:
    said: list[str] = []

    async def receive() -> Any:
        return {"type": f"lifespan.{'shutdown' if said else 'startup'}"}

    async def send(message: Any) -> None:
        said.append(message["type"])

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_body_that_does_not_come_is_given_up(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.api.guard.BODY_DEADLINE_SECONDS", 0.05)

    async def stalled() -> Any:
        yield b"{"
        await anyio.sleep_forever()

    answer = await http.post("/jobs", content=stalled())
    assert error_of(answer) == (400, "invalid_request")


async def test_a_method_that_is_not_possible_names_those_that_are(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/health")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.json()["message"] == "POST is not possible on /api/v1/health."


async def test_another_version_of_the_api_is_told_which_one_this_is(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("http://atlas/api/v2/info")
    assert error_of(answer) == (404, "not_found")
    assert "speaks version 1 of the API, and version 2 was asked for" in answer.json()["message"]


async def test_a_defect_is_logged_under_the_id_that_the_answer_names(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    service.broken = ZeroDivisionError("secret detail")
    with capture_logs() as entries:
        answer = await http.get("/info")
    assert error_of(answer) == (500, "server_fault")
    assert answer.headers["X-Atlas-Version"]
    assert "secret" not in answer.text
    (entry,) = entries
    assert entry["fault_id"] in answer.json()["message"]
    assert (entry["method"], entry["path"]) == ("GET", "/api/v1/info")
    assert entry["exc_info"]


async def test_a_defect_in_the_middle_of_an_answer_breaks_the_connection(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.broken = ZeroDivisionError("secret detail")
    with capture_logs() as entries, pytest.raises(httpx.RemoteProtocolError):
        await http.get(f"/jobs/{job_id}/archive")
    assert [entry["event"] for entry in entries] == ["request_failed"]


async def test_a_request_that_comes_when_the_server_has_ended_is_not_answered(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    service.broken = DatabaseClosed("the database is closed")
    with capture_logs() as entries, pytest.raises(httpx.RemoteProtocolError):
        await http.get("/info")
    assert entries == [], "it is no defect"


async def test_a_name_that_may_not_be_so_is_told_in_words_and_where_it_stands(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.put("/queue", json={"project_limits": {"a/b": 1}})
    assert error_of(answer) == (400, "invalid_request")
    assert answer.json()["message"] == (
        "`project_limits.a/b`: should be without slashes, backslashes and control characters"
    )
