"""Every route does what it says, and answers what OpenAPI says (the `http` fixture checks that)."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import httpx
import pytest

import foundations
from foundations.client import Client
from foundations.errors import ServerFault
from foundations.models import Submission
from tests.api.fake_service import BUNDLE, DIGEST, FakeService
from tests.api.schema import Contract

pytestmark = pytest.mark.anyio

NAMES = ("loss", "a/b.pt", "a//b", "../x", ".", "ü %2F?#", "two\nlines", "end\n", "\x00\x1b")
"""What a job may call a metric or an artifact."""


def wire(submission: Submission) -> dict[str, Any]:
    return submission.model_dump(mode="json")


async def test_health_answers_without_the_service(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health")).json() == {"status": "ok"}


async def test_info_says_who_answers(http: httpx.AsyncClient) -> None:
    answer = await http.get("/info")
    assert answer.json()["api_version"] == 1
    assert answer.headers["X-Atlas-Version"] == foundations.__version__


async def test_a_bundle_is_uploaded_and_then_known(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    service.bundles.clear()
    assert (await http.head(f"/bundles/{DIGEST}")).status_code == 404
    answer = await http.put(f"/bundles/{DIGEST}", content=BUNDLE)
    assert (answer.status_code, answer.json()["size_bytes"]) == (201, len(BUNDLE))
    assert (await http.head(f"/bundles/{DIGEST}")).status_code == 200


async def test_a_submitted_job_is_queued(http: httpx.AsyncClient, submission: Submission) -> None:
    answer = await http.post("/jobs", json=wire(submission))
    assert answer.status_code == 201
    assert answer.json()["state"] == "queued"
    assert answer.json()["parameters"] == {"lr": 0.1}


async def test_the_same_idempotency_key_gets_the_same_job(
    http: httpx.AsyncClient, submission: Submission
) -> None:
    key = {"Idempotency-Key": "k" * 200}
    first = await http.post("/jobs", json=wire(submission), headers=key)
    second = await http.post("/jobs", json=wire(submission), headers=key)
    assert first.json()["job_id"] == second.json()["job_id"]


async def test_an_array_is_queued_and_told_of(
    http: httpx.AsyncClient, submission: Submission
) -> None:
    wanted = {"submission": wire(submission), "indices": "0-99:10", "max_at_once": 4}
    key = {"Idempotency-Key": "k"}
    answer = await http.post("/arrays", json=wanted, headers=key)
    assert (answer.status_code, answer.json()["size"]) == (201, 10)
    assert answer.json()["states"] == {"queued": 10}
    array_id = answer.json()["array_id"]
    assert (await http.post("/arrays", json=wanted, headers=key)).json()["array_id"] == array_id
    assert (await http.get(f"/arrays/{array_id[:8]}")).json() == answer.json()
    assert (await http.get("/arrays/00000000")).status_code == 404
    assert (await http.get("/arrays/0")).status_code == 400


@pytest.mark.parametrize("indices", ["", "x", "9-0", "0-10000", "0,0"])
async def test_an_array_without_readable_indices_is_refused(
    http: httpx.AsyncClient, submission: Submission, indices: str
) -> None:
    answer = await http.post("/arrays", json={"submission": wire(submission), "indices": indices})
    assert answer.status_code == 400
    assert "`indices`" in answer.json()["message"]


async def test_the_job_that_has_a_unique_key_is_answered_with_another_status(
    http: httpx.AsyncClient, submission: Submission
) -> None:
    wanted = {**wire(submission), "unique": {"key": "nightly"}}
    first = await http.post("/jobs", json=wanted)
    again = await http.post("/jobs", json=wanted)
    assert (first.status_code, first.json()["existed"]) == (201, False)
    assert (again.status_code, again.json()["existed"]) == (200, True)
    assert again.json()["job_id"] == first.json()["job_id"]


async def test_a_schedule_is_made_shown_paused_resumed_and_deleted(
    http: httpx.AsyncClient, submission: Submission
) -> None:
    wanted = {"submission": wire(submission), "cron": "0 3 * * *", "time_zone": "Europe/Berlin"}
    key = {"Idempotency-Key": "k"}
    made = await http.post("/schedules", json=wanted, headers=key)
    assert (made.status_code, made.json()["overlap"]) == (201, "skip")
    assert (await http.post("/schedules", json=wanted, headers=key)).json() == made.json()
    path = f"/schedules/{made.json()['schedule_id'][:8]}"
    assert (await http.get("/schedules")).json() == [made.json()]
    assert (await http.get(path)).json() == made.json()
    assert (await http.post(f"{path}/pause")).json()["next_at"] is None
    assert (await http.post(f"{path}/resume")).json() == made.json()
    assert (await http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404
    assert (await http.get("/schedules/0")).status_code == 400
    refused = await http.post("/schedules", json={**wanted, "cron": "nonsense"})
    assert refused.status_code == 400


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_an_idempotency_key_has_a_length(
    http: httpx.AsyncClient, submission: Submission, key: str
) -> None:
    answer = await http.post("/jobs", json=wire(submission), headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert "header parameter `Idempotency-Key`" in answer.json()["message"]


async def test_jobs_are_listed_newest_first_by_pages_project_and_state(
    http: httpx.AsyncClient, service: FakeService, submission: Submission
) -> None:
    ids = [(await service.submit(submission, idempotency_key=None)).job_id for _ in range(3)]
    service.start(ids[0])
    page = (await http.get("/jobs", params={"limit": 2})).json()
    assert [job["job_id"] for job in page["jobs"]] == [ids[2], ids[1]]
    rest = (await http.get("/jobs", params={"cursor": page["next_cursor"]})).json()
    assert [job["job_id"] for job in rest["jobs"]] == [ids[0]]
    assert rest["next_cursor"] is None
    states = {"state": ["running", "failed"]}
    assert len((await http.get("/jobs", params=states)).json()["jobs"]) == 1
    assert (await http.get("/jobs", params={"project": "dogs"})).json()["jobs"] == []


async def test_a_job_is_shown_by_id_and_by_prefix(http: httpx.AsyncClient, job_id: str) -> None:
    for ref in (job_id, job_id[:4]):
        answer = await http.get(f"/jobs/{ref}")
        assert answer.json()["job_id"] == job_id
        assert answer.json()["history"][0]["event"] == "Submitted"


async def test_stopping_names_who_asked(http: httpx.AsyncClient, job_id: str) -> None:
    answer = await http.post(f"/jobs/{job_id}/stop")
    assert answer.status_code == 202
    assert answer.json()["state"] == "stopped"
    assert len(answer.json()["reason"]) > len("stopped by ")


async def test_a_final_job_is_deleted(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.finish(job_id)
    assert (await http.delete(f"/jobs/{job_id}")).status_code == 204
    assert (await http.get(f"/jobs/{job_id}")).status_code == 404
    answer = await http.post(f"/jobs/{job_id}/restore")
    assert (answer.status_code, answer.json()["job_id"]) == (200, job_id)
    assert (await http.get(f"/jobs/{job_id}")).status_code == 200
    assert (await http.post(f"/jobs/{job_id}/restore")).status_code == 404


async def test_a_job_that_waits_is_held_released_prioritized_and_moved(
    http: httpx.AsyncClient, service: FakeService, submission: Submission, job_id: str
) -> None:
    other = (await service.submit(submission, idempotency_key=None)).job_id
    held = (await http.post(f"/jobs/{job_id[:8]}/hold")).json()
    assert held["held_by"] not in (None, "")
    assert (await http.post(f"/jobs/{job_id}/release")).json()["held_by"] is None
    answer = await http.put(f"/jobs/{job_id}/priority", json={"priority": -100})
    assert answer.json()["priority"] == -100
    for wrong in (101, -101, 0.5, None):
        answer = await http.put(f"/jobs/{job_id}/priority", json={"priority": wrong})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = await http.post("/queue/move", json={"jobs": [job_id, other], "place": "first"})
    assert [one["job_id"] for one in answer.json()] == [job_id, other]
    wanted = {"jobs": [job_id], "place": "after", "other": other}
    assert (await http.post("/queue/move", json=wanted)).status_code == 200
    for body in (
        {"jobs": [], "place": "first"},
        {"place": "first"},
        {"jobs": [job_id], "filter": "project:cats", "place": "first"},
        {"jobs": [job_id], "place": "middle"},
    ):
        assert (await http.post("/queue/move", json=body)).status_code == 400
    service.start(job_id)
    for verb in ("hold", "release"):
        assert (await http.post(f"/jobs/{job_id}/{verb}")).status_code == 409


async def test_a_submission_says_its_priority_and_whether_it_is_held(
    http: httpx.AsyncClient,
) -> None:
    spec = {"project": "cats", "priority": 5, "user": "ada"}
    answer = await http.post("/jobs", json={"spec": spec, "bundle": DIGEST, "hold": True})
    assert (answer.json()["priority"], answer.json()["held_by"]) == (5, "ada")
    spec["priority"] = 101
    answer = await http.post("/jobs", json={"spec": spec, "bundle": DIGEST})
    assert answer.status_code == 400
    assert "`spec.priority`" in answer.json()["message"]


async def test_the_queue_is_cleared_in_one_project_or_in_all(
    http: httpx.AsyncClient, job_id: str
) -> None:
    answer = await http.post("/queue/clear", json={"project": "dogs"})
    assert answer.json() == {"removed": 0, "job_ids": []}
    answer = await http.post("/queue/clear", json={"filter": "nonsense"})
    assert answer.status_code == 400
    answer = await http.post("/queue/clear", json={"project": None, "filter": "project:cats"})
    assert answer.json() == {"removed": 1, "job_ids": [job_id]}


async def test_queue_settings_are_changed(http: httpx.AsyncClient) -> None:
    before: dict[str, Any] = {
        "max_running_jobs": 1,
        "max_running_per_project": None,
        "max_running_per_user": None,
        "project_limits": {},
        "user_limits": {},
        "backfill_seconds": 86_400.0,
        "paused": None,
        "paused_projects": [],
    }
    assert (await http.get("/queue")).json() == before
    answer = await http.put("/queue", json={"max_running_jobs": 4})
    assert answer.json() == {**before, "max_running_jobs": 4}
    assert (await http.get("/queue")).json() == answer.json()
    more = {"max_running_per_user": 2, "project_limits": {"cats": 1}, "backfill_seconds": 0.0}
    changed = await http.put("/queue", json=more)
    assert changed.json() == {**answer.json(), **more}
    answer = await http.put("/queue", json=answer.json())
    assert (answer.status_code, "`paused`" in answer.json()["message"]) == (400, True)


async def test_the_queue_and_a_project_are_paused_and_resumed(
    http: httpx.AsyncClient, job_id: str
) -> None:
    paused = (await http.post("/queue/pause", json={})).json()
    assert paused["paused"]["project"] is None
    assert (await http.get("/info")).json()["queue"] == paused
    answer = await http.post("/queue/pause", json={"project": "cats"})
    assert [one["project"] for one in answer.json()["paused_projects"]] == ["cats"]
    await http.post("/queue/resume", json={"project": "cats"})
    answer = await http.post("/queue/resume", json={"project": None})
    assert (answer.json()["paused"], answer.json()["paused_projects"]) == (None, [])
    assert (await http.post("/queue/pause", json={"project": "dogs"})).status_code == 404


async def test_projects_are_listed(http: httpx.AsyncClient, job_id: str) -> None:
    assert [one["name"] for one in (await http.get("/projects")).json()] == ["cats"]


async def test_a_project_is_renamed_described_and_deleted(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    answer = await http.post("/projects/cats/rename", json={"new_name": "a ü%?"})
    assert (answer.status_code, answer.json()["name"]) == (200, "a ü%?")
    path = "/projects/a%20%C3%BC%25%3F"
    answer = await http.put(f"{path}/description", json={"description": "# All"})
    assert answer.json()["description"] == "# All"
    assert (await http.get("/projects")).json() == [answer.json()]
    answer = await http.put(f"{path}/retention", json={"rule": {"keep_last": 2, "keep_days": 1.5}})
    assert (answer.json()["retention"]["keep_last"], answer.status_code) == (2, 200)
    assert (await http.delete(path)).status_code == 409
    service.finish(job_id)
    gone = {"name": "a ü%?", "jobs": 1}
    assert (await http.delete(path)).json() == gone
    assert (await http.delete(path)).status_code == 404
    assert (await http.post(f"{path}/restore")).json() == gone
    assert (await http.post(f"{path}/restore")).status_code == 404


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"keep_last": 0}, "keep_last"),
        ({"keep_days": -1}, "keep_days"),
        ({"keep": 1}, "keep"),
        (3, "rule"),
    ],
)
async def test_a_rule_that_keeps_nothing_is_refused(
    http: httpx.AsyncClient, job_id: str, rule: object, problem: str
) -> None:
    answer = await http.put("/projects/cats/retention", json={"rule": rule})
    assert answer.status_code == 400
    assert problem in answer.json()["message"]


async def test_garbage_is_shown_and_collected(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    await http.put("/projects/cats/retention", json={"rule": {"keep_last": 1}})
    assert (await http.get("/garbage")).json()["jobs"] == []
    service.finish(job_id)
    found = (await http.get("/garbage")).json()
    assert [one["job_id"] for one in found["jobs"]] == [job_id]
    assert (await http.post("/garbage")).json() == found
    assert (await http.get(f"/jobs/{job_id}")).status_code == 404


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a\nb", "x" * 201])
async def test_a_project_cannot_get_a_name_that_no_submission_could_give(
    http: httpx.AsyncClient, job_id: str, name: str
) -> None:
    answer = await http.post("/projects/cats/rename", json={"new_name": name})
    assert answer.status_code == 400
    assert "`new_name`" in answer.json()["message"]


async def test_an_archive_is_a_download(http: httpx.AsyncClient, job_id: str) -> None:
    answer = await http.get(f"/jobs/{job_id}/archive")
    assert answer.headers["content-type"] == "application/gzip"
    assert f"{job_id}.tar.gz" in answer.headers["content-disposition"]
    assert answer.content.endswith(f"{job_id} 19\n".encode())


async def test_an_archive_is_gone_on_with_where_it_is_still_the_same(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    path = f"/jobs/{job_id}/archive"
    changing = await http.get(path)
    assert "etag" not in changing.headers
    service.archive_tag = '"first"'
    whole = await http.get(path)
    assert (whole.headers["etag"], whole.headers["x-offset"]) == ('"first"', "0")
    for offset in (1, 50_000, len(whole.content), len(whole.content) + 1):
        rest = await http.get(path, params={"offset": offset}, headers={"If-Range": '"first"'})
        assert rest.content == whole.content[offset:]
        assert rest.headers["x-offset"] == str(offset)
    service.archive_tag = '"second"'
    again = await http.get(path, params={"offset": 50}, headers={"If-Range": '"first"'})
    assert (again.content, again.headers["x-offset"]) == (whole.content, "0")
    assert (await http.get(path, params={"offset": -1})).status_code == 400


async def test_an_artifact_is_gone_on_with_until_it_is_saved_again(
    http: httpx.AsyncClient, service: FakeService, job_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(bytes(range(250)) * 1000)
    service.save_artifact(job_id, "model", file)
    path = f"/jobs/{job_id}/artifacts/model"
    tag = (await http.get(path)).headers["etag"]
    rest = await http.get(path, params={"offset": 123_456}, headers={"If-Range": tag})
    assert rest.content == file.read_bytes()[123_456:]
    assert rest.headers["x-offset"] == "123456"
    unnamed = await http.get(path, params={"offset": 123_456})
    assert unnamed.headers["x-offset"] == "0"
    file.write_bytes(b"another")
    other = await http.get(path, params={"offset": 123_456}, headers={"If-Range": tag})
    assert (other.content, other.headers["x-offset"]) == (b"another", "0")


async def test_tensorboard_logs_are_a_download(http: httpx.AsyncClient, job_id: str) -> None:
    answer = await http.get(f"/jobs/{job_id[:8]}/tensorboard", params={"since": 5})
    assert answer.headers["content-type"] == "application/gzip"
    assert f"{job_id}-tensorboard.tar.gz" in answer.headers["content-disposition"]
    assert answer.text == f"logs of {job_id} since 5"
    for since in ("-1", "soon", str(2**63)):
        refused = await http.get(f"/jobs/{job_id}/tensorboard", params={"since": since})
        assert refused.status_code == 400


@pytest.mark.parametrize("key", NAMES)
async def test_an_artifact_is_found_by_any_key(
    http: httpx.AsyncClient, service: FakeService, job_id: str, tmp_path: Path, key: str
) -> None:
    file = tmp_path / 'mo"del\u00fc.pt'
    file.write_bytes(b"weights" * 100_000)
    service.save_artifact(job_id, key, file)
    assert (await http.get(f"/jobs/{job_id}/artifacts")).json()[0]["key"] == key
    quoted = "".join(f"%{byte:02X}" for byte in key.encode())
    answer = await http.get(f"/jobs/{job_id}/artifacts/{quoted}")
    assert answer.content == b"weights" * 100_000
    assert answer.headers["content-length"] == "700000"
    assert answer.headers["content-disposition"].endswith("mo%22del%C3%BC.pt")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_tags_are_set_and_removed(http: httpx.AsyncClient, job_id: str) -> None:
    path = f"/jobs/{job_id}/tags"
    answer = await http.post(path, json={"tags": {"base": "", "kind": "x=y"}})
    assert (answer.status_code, answer.json()["tags"]) == (200, {"base": "", "kind": "x=y"})
    answer = await http.delete(path, params={"key": ["base", "kind"]})
    assert answer.json()["tags"] == {}
    assert (await http.delete(path, params={"key": "base"})).status_code == 404
    assert (await http.delete(path)).status_code == 400


@pytest.mark.parametrize("tags", [{}, {"": "x"}, {"k" * 201: ""}, {"a": "\0"}, {"a": 1}])
async def test_tags_that_no_job_can_have_are_refused(
    http: httpx.AsyncClient, job_id: str, tags: dict[str, Any]
) -> None:
    answer = await http.post(f"/jobs/{job_id}/tags", json={"tags": tags})
    assert answer.status_code == 400
    assert "tags" in answer.json()["message"]


async def test_notes_are_added_and_listed(http: httpx.AsyncClient, job_id: str) -> None:
    answer = await http.post(f"/jobs/{job_id}/notes", json={"text": "# Ünicode\n\nfine"})
    assert (answer.status_code, answer.json()["text"]) == (201, "# Ünicode\n\nfine")
    assert answer.json()["author"]
    assert (await http.get(f"/jobs/{job_id}/notes")).json() == [answer.json()]


@pytest.mark.parametrize("text", ["", " \n\t", "a\0b", "x" * 100_001, None])
async def test_a_note_that_says_nothing_is_refused(
    http: httpx.AsyncClient, job_id: str, text: str | None
) -> None:
    answer = await http.post(f"/jobs/{job_id}/notes", json={"text": text})
    assert answer.status_code == 400
    assert "`text`" in answer.json()["message"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_metric_is_read_by_any_name(
    http: httpx.AsyncClient, service: FakeService, job_id: str, name: str
) -> None:
    service.measure(job_id, name, *(float(number % 7) for number in range(2_500)))
    (summary,) = (await http.get(f"/jobs/{job_id}/metrics")).json()
    assert (summary["name"], summary["count"], summary["max"]) == (name, 2_500, 6)
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    first = (await http.get(f"/jobs/{job_id}/metrics/{quoted}")).json()
    assert (len(first["points"]), first["next_position"]) == (1_000, 1_000)
    page = {"start": 2_000, "limit": 1_000}
    last = (await http.get(f"/jobs/{job_id}/metrics/{quoted}", params=page)).json()
    assert (len(last["points"]), last["next_position"]) == (500, None)
    course = (await http.get(f"/jobs/{job_id}/metrics/{quoted}", params={"points": 10})).json()
    assert course["decimated"]
    assert course["points"][-1]["position"] == 2_499
    assert len(course["points"]) <= 32


@pytest.mark.parametrize("params", [{"points": 0}, {"points": 10_001}, {"start": -1}, {"limit": 0}])
async def test_what_is_asked_of_a_metric_has_bounds(
    http: httpx.AsyncClient, service: FakeService, job_id: str, params: dict[str, int]
) -> None:
    service.measure(job_id, "loss", 1)
    answer = await http.get(f"/jobs/{job_id}/metrics/loss", params=params)
    assert answer.status_code == 400
    assert f"`{next(iter(params))}`" in answer.json()["message"]
    assert (await http.get(f"/jobs/{job_id}/metrics/none")).status_code == 404


async def test_answers_that_break_the_contract_are_noticed(
    http: httpx.AsyncClient, contract: Contract, job_id: str
) -> None:
    schema = {"$ref": "#/components/schemas/JobView"}
    view = (await http.get(f"/jobs/{job_id}")).json()
    assert list(contract.problems(view, schema, "job")) == []
    broken = {"state": "asleep", "num_gpus": "1", "submitted_at": "2024-05-01T12:00:00"}
    for name, value in broken.items():
        assert len(list(contract.problems({**view, name: value}, schema, "job"))) == 1, name
    del view["job_id"]
    assert list(contract.problems(view, schema, "job")) == ["job: no job_id"]


def test_operation_ids_are_the_clients_methods(contract: Contract) -> None:
    methods = {
        name
        for name, _ in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_")
    }
    own = {"send", "follow", "json", "open", "close", "wait", "news"}
    assert contract.operations().keys() == methods - own


def test_every_operation_is_described(contract: Contract) -> None:
    for operation_id, operation in contract.operations().items():
        assert operation["summary"], operation_id
        assert operation["description"], operation_id
        assert operation["tags"], operation_id
        assert "422" not in operation["responses"], operation_id
        for parameter in operation.get("parameters", []):
            assert parameter["schema"], operation_id
        for status, response in operation["responses"].items():
            if (operation_id, status) in (("has_bundle", "404"), ("readiness", "503")):
                continue  # a status that is an answer, and no error
            if status == "default" or status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/WireError"}, operation_id


async def test_openapi_is_served_and_no_page_that_needs_a_network(
    http: httpx.AsyncClient,
) -> None:
    unchecked = {"x-unchecked": "1"}
    document = (await http.get("/openapi.json", headers=unchecked)).json()
    assert document["info"]["title"] == "Atlas"
    for page in ("/docs", "/redoc"):
        assert (await http.get(f"http://atlas{page}")).status_code == 404


async def test_a_submission_may_say_where_it_comes_from(
    http: httpx.AsyncClient, submission: Submission
) -> None:
    git = {"commit": "a" * 40, "dirty": True, "diff": "+1\n", "a_newer_field": 1}
    body = {**submission.model_dump(mode="json"), "origin": {"user": "ada", "git": git, "new": 2}}

    job = (await http.post("/jobs", json=body)).json()

    answer = await http.get(f"/jobs/{job['job_id']}/provenance")
    origin = answer.json()["origin"]
    assert (origin["user"], origin["git"]["diff"]) == ("ada", "+1\n")
    assert (await http.get("/jobs/nowhere/provenance")).status_code == 404


@pytest.mark.parametrize(
    ("git", "place"),
    [
        ({"commit": "HEAD"}, "origin.git.commit"),
        ({"diff": "x" * 500_001}, "origin.git.diff"),
        ({"untracked": ["x"] * 1001}, "origin.git.untracked"),
        ({"untracked_left_out": -1}, "origin.git.untracked_left_out"),
    ],
)
async def test_an_origin_that_cannot_be_is_refused(
    http: httpx.AsyncClient, submission: Submission, git: dict[str, object], place: str
) -> None:
    body = {**submission.model_dump(mode="json"), "origin": {"git": git}}

    answer = await http.post("/jobs", json=body)

    assert answer.status_code == 400
    assert place in answer.json()["message"]


async def test_the_source_of_two_jobs_is_compared(
    http: httpx.AsyncClient, service: FakeService, submission: Submission, job_id: str
) -> None:
    other = f"sha256:{'1' * 64}"
    service.bundles[other] = b""
    changed = submission.model_copy(update={"bundle": other})
    other_id = (await service.submit(changed, idempotency_key=None)).job_id

    answer = (await http.get(f"/jobs/{job_id}/diff/{other_id}")).json()

    assert (answer["job_id"], answer["other_id"]) == (job_id, other_id)
    assert [file["path"] for file in answer["files"]] == ["main.py"]
    assert (await http.get(f"/jobs/{job_id}/diff/{job_id}")).json()["files"] == []
    assert (await http.get(f"/jobs/{job_id}/diff/nowhere")).status_code == 404


async def test_what_the_scheduler_measured_is_listed_when_asked_for(
    http: httpx.AsyncClient, service: FakeService, job_id: str
) -> None:
    service.measure(job_id, "loss", 1)
    service.measure(job_id, "system/cpu_percent", 50, 70)
    logged = (await http.get(f"/jobs/{job_id}/metrics")).json()
    measured = (await http.get(f"/jobs/{job_id}/metrics", params={"system": True})).json()
    assert [one["name"] for one in logged] == ["loss"]
    assert [(one["name"], one["max"]) for one in measured] == [("system/cpu_percent", 70)]
    points = (await http.get(f"/jobs/{job_id}/metrics/system/cpu_percent")).json()
    assert points["count"] == 2


async def test_the_machine_and_its_disk_are_told(
    http: httpx.AsyncClient, service: FakeService
) -> None:
    host = (await http.get("/host")).json()
    assert (host["cpu_percent"], host["gpus"][0]["name"]) == (12.5, "Tesla T4")
    disk = (await http.get("/disk")).json()
    assert (disk["complete"], disk["projects"][0]["name"]) == (True, "digits")


async def test_built_images_are_listed_and_pruned(http: httpx.AsyncClient) -> None:
    found = (await http.get("/images")).json()
    assert found["images"][0]["tag"] == f"atlas-build/abcd1234:{'3f2a' * 4}"
    assert found["size_bytes"] == 70_000_000
    kept = await http.post("/images/prune", json={"unused_days": 1})
    assert kept.json()["removed"] == 0
    pruned = await http.post("/images/prune", json={})
    assert pruned.json() == {"removed": 1, "freed_bytes": 70_000_000, "in_use": 0}
    refused = await http.post("/images/prune", json={"unused_days": -1})
    assert refused.status_code == 400


async def test_environments_are_listed_and_pruned(http: httpx.AsyncClient) -> None:
    found = (await http.get("/environments")).json()
    assert found["environments"][0]["packages"] == ["numpy==2.1.0"]
    assert found["max_bytes"] == 20_000_000_000
    kept = await http.post("/environments/prune", json={"unused_days": 1})
    assert kept.json() == {"removed": 0, "freed_bytes": 0, "in_use": 0}
    pruned = await http.post("/environments/prune", json={})
    assert pruned.json() == {"removed": 1, "freed_bytes": 80_000_000, "in_use": 0}
    refused = await http.post("/environments/prune", json={"unused_days": -1})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("route", ["/host", "/disk"])
async def test_a_disk_that_hangs_is_an_error_and_no_wait(
    http: httpx.AsyncClient, service: FakeService, route: str
) -> None:
    service.machine.problem = ServerFault("The disk does not answer.")
    answer = await http.get(route)
    assert (answer.status_code, answer.json()["error"]) == (500, "server_fault")


async def test_tokens_are_made_shown_once_and_revoked(http: httpx.AsyncClient) -> None:
    made = await http.post("/tokens", json={"name": "ci", "role": "submit"})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("atlas_")
    assert (await http.get("/tokens")).json()[0]["token_id"] == made.json()["token_id"]
    assert "secret" not in (await http.get("/tokens")).json()[0]
    rotated = await http.post("/tokens/ci/rotate", json={})
    assert rotated.json()["rotated_from"] == made.json()["token_id"]
    assert len((await http.delete("/tokens/ci")).json()) == 2
    assert (await http.delete("/tokens/other")).status_code == 404
    refused = await http.post("/tokens", json={"name": "no\nname", "role": "submit"})
    assert refused.status_code == 400


async def test_the_owner_is_known_by_the_socket(http: httpx.AsyncClient) -> None:
    me = (await http.get("/caller")).json()
    assert (me["role"], me["source"], me["token_id"]) == ("admin", "unix socket", None)
