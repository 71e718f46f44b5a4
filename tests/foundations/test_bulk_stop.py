"""Stopping many jobs at once, of schedulers that know how and of older ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from foundations.errors import InvalidRequest, JobConflict, NotFound, Unreachable
from tests.foundations.twins import Kind, Twin, answering, both

pytestmark = pytest.mark.anyio

Answer = tuple[int, dict[str, Any]]
AT = "2026-01-01T00:00:00Z"


def job_view(job_id: str, state: str) -> dict[str, Any]:
    known = {"project": "cats", "command": ["main.py"], "user": "ada", "submitted_at": AT}
    return {"job_id": job_id, "state": state} | known


class Older:
    """A scheduler that can stop one job only, and lists two jobs a page."""

    def __init__(self, states: dict[str, str], *, unknown: int = 405) -> None:
        self.states = states
        self.unknown = unknown
        self.asked: list[str] = []
        self.after_listing: Callable[[], None] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        self.asked.append(f"{request.method} {path}")
        status, body = self._answer(request, path)
        return httpx.Response(status, json=body, headers={"X-Atlas-Version": "0.0.9"})

    def _answer(self, request: httpx.Request, path: str) -> Answer:
        if path == "/jobs/stop":
            code = {404: "not_found", 405: "invalid_request"}[self.unknown]
            return self.unknown, {"error": code, "message": f"There is no POST {path}."}
        if path == "/jobs":
            return 200, self._page(request)
        return self._stop(path.removeprefix("/jobs/").removesuffix("/stop"))

    def _page(self, request: httpx.Request) -> dict[str, Any]:
        assert request.url.params.get_list("state") == ["queued", "starting", "running"]
        assert request.url.params["filter"] == "tag:sweep"
        found = list(self.states)
        start = int(request.url.params.get("cursor", "0"))
        rest = {"next_cursor": str(start + 2)} if start + 2 < len(found) else {}
        jobs = [job_view(one, self.states[one]) for one in found[start : start + 2]]
        if not rest:
            self.after_listing()
        return {"jobs": jobs} | rest

    def _stop(self, job_id: str) -> Answer:
        match self.states.get(job_id):
            case None:
                return 404, {"error": "not_found", "message": f"There is no job `{job_id}`."}
            case "queued":
                return 202, job_view(job_id, "stopped")
            case "running":
                return 202, job_view(job_id, "stopping")
            case "of bob":
                return 403, {"error": "forbidden", "message": "It is of bob."}
            case state:
                text = f"Job `{job_id}` is {state} and cannot be stopped"
                return 409, {"error": "job_conflict", "message": text}


@both
@pytest.mark.parametrize("unknown", [404, 405])
async def test_an_older_scheduler_is_asked_for_one_job_after_the_other(
    kind: Kind, unknown: int
) -> None:
    older = Older({"a1": "queued", "b2": "running", "c3": "completed"}, unknown=unknown)
    async with Twin(kind, "http://lab", network=answering(older)) as client:
        answer = await client.ask("stop_jobs", ["a1", "b2", "c3", "d4", "a1"])

    assert (answer.stopped, answer.stopping) == (["a1"], ["b2"])
    assert [(one.job, one.error) for one in answer.refused] == [
        ("c3", JobConflict.code),
        ("d4", NotFound.code),
    ]
    assert answer.refused[1].message == "There is no job `d4`."
    assert older.asked == [
        "POST /jobs/stop",
        *("POST /jobs/a1/stop", "POST /jobs/b2/stop", "POST /jobs/c3/stop", "POST /jobs/d4/stop"),
    ]


@both
async def test_what_a_filter_takes_of_an_older_scheduler_is_listed_then_stopped(
    kind: Kind,
) -> None:
    older = Older({"a1": "queued", "b2": "running", "c3": "queued"})
    older.after_listing = lambda: older.states.update(b2="of bob", c3="completed")
    async with Twin(kind, "http://lab", network=answering(older)) as client:
        answer = await client.ask("stop_jobs", filter="tag:sweep", at_most=3)

    assert (answer.stopped, answer.stopping, answer.refused) == (["a1"], [], [])


@both
async def test_a_filter_that_takes_nothing_of_an_older_scheduler_stops_nothing(kind: Kind) -> None:
    older = Older({})
    async with Twin(kind, "http://lab", network=answering(older)) as client:
        answer = await client.ask("stop_jobs", filter="tag:sweep")

    assert (answer.stopped, answer.stopping, answer.refused) == ([], [], [])
    assert older.asked == ["POST /jobs/stop", "GET /jobs"]


@both
async def test_of_an_older_scheduler_too_no_more_than_was_confirmed_is_stopped(kind: Kind) -> None:
    older = Older({"a1": "queued", "b2": "queued", "c3": "queued"})
    async with Twin(kind, "http://lab", network=answering(older)) as client:
        with pytest.raises(JobConflict) as caught:
            await client.ask("stop_jobs", filter="tag:sweep", at_most=2)
        with pytest.raises(InvalidRequest) as unclear:
            await client.ask("stop_jobs")

    assert caught.value.message == (
        "The filter takes 3 jobs by now, more than the 2 that were confirmed. None was stopped: "
        "look at them again."
    )
    assert unclear.value.message == "Give either `jobs` or a `filter`."
    assert not [one for one in older.asked if one.startswith("POST /jobs/a")]


@both
async def test_more_jobs_than_one_request_may_name_are_asked_for_in_several(kind: Kind) -> None:
    sizes: list[int] = []

    def newer(request: httpx.Request) -> httpx.Response:
        jobs = json.loads(request.read())["jobs"]
        sizes.append(len(jobs))
        refused = [{"job": jobs[0], "error": "not_found", "message": "There is no such job."}]
        return httpx.Response(200, json={"stopped": jobs[1:], "stopping": [], "refused": refused})

    jobs = [f"{number:032x}" for number in range(20_001)]
    async with Twin(kind, "http://lab", network=answering(newer)) as client:
        answer = await client.ask("stop_jobs", jobs)

    assert sizes == [10_000, 10_000, 1]
    assert [one.job for one in answer.refused] == [jobs[0], jobs[10_000], jobs[20_000]]
    assert len(answer.stopped) == 19_998


@both
async def test_whatever_answers_in_place_of_a_scheduler_stops_nothing(kind: Kind) -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, text="<html>nothing here</html>")

    async with Twin(kind, "http://lab", network=answering(elsewhere)) as client:
        with pytest.raises(Unreachable, match="Something that is not an Atlas scheduler answers"):
            await client.ask("stop_jobs", ["a1", "b2"])
