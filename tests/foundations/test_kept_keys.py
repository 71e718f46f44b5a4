"""A rerun by an older client keeps what it does not know of the job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from atlas_tui.submitting import submit_directory, submit_repeat
from foundations.cli.__main__ import cli
from foundations.client import AsyncClient, Client
from foundations.models import JobSpec, JobState
from foundations.models.limits import Retries
from foundations.preparation import PreparedSubmission
from foundations.rerun import create_rerun, rerun_spec
from tests.cli import fake_api
from tests.cli.fake_scheduler import FakeScheduler

pytestmark = pytest.mark.anyio
JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
SPEC = JobSpec(project="cats", params={"lr": 0.1}, num_gpus=1, retries=Retries(exit=2))


class Newer(FakeScheduler):
    """A scheduler whose jobs are told more than this version knows."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        job = self.add(JOB_ID, spec=SPEC, state=JobState.COMPLETED)
        self.bundles[job.bundle] = b"packed"

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/jobs"):
            document = json.loads(request.read())
            self.told.append(json.loads(request.read())["spec"])
            document["spec"].pop("dreams", None)
            document["spec"].get("retries", {}).pop("dreamt", None)
            request = httpx.Request("POST", request.url, json=document, headers=request.headers)
            request.headers["Content-Length"] = str(len(request.read()))
        answer = fake_api.answer(self, request)
        if request.url.path.endswith(JOB_ID):
            document = answer.json()
            document["spec"]["dreams"] = {"deep": [1]}
            document["spec"]["retries"]["dreamt"] = 3
            return httpx.Response(200, json=document)
        return answer

    def client(self, url: str = "http://fake") -> Client:
        return Client(url, transport=httpx.MockTransport(self.answer))


@pytest.fixture
def newer() -> Iterator[Newer]:
    made = Newer()
    yield made
    made.close()


def assert_kept(spec: dict[str, Any]) -> None:
    assert spec["dreams"] == {"deep": [1]}
    assert spec["rerun_of"] == JOB_ID


def test_a_rerun_sends_back_what_it_does_not_know(newer: Newer) -> None:
    client = newer.client()
    job = client.job(JOB_ID)
    create_rerun(client, job, rerun_spec(job, params={"lr": 0.2}))

    assert_kept(newer.told[0])
    assert SPEC.retries is not None
    assert newer.told[0]["retries"] == {**SPEC.retries.model_dump(mode="json"), "dreamt": 3}
    assert newer.told[0]["params"] == {"lr": 0.2}


def test_so_does_one_with_the_files_from_here(
    newer: Newer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text("print()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("foundations.cli.rerun.connect", lambda _: newer.client())
    words = ["rerun", "job", "scheduler", JOB_ID, "--here", "--detach", "-p", "lr=0.2"]
    result = CliRunner().invoke(cli, words)

    assert result.exit_code == 0, result.output
    assert_kept(newer.told[0])
    assert newer.told[0]["retries"]["dreamt"] == 3
    assert newer.told[0]["params"] == {"lr": 0.2}
    assert "does not know" not in result.output


def test_what_is_changed_is_not_what_the_job_had(newer: Newer) -> None:
    client = newer.client()
    job = client.job(JOB_ID)
    create_rerun(client, job, rerun_spec(job, changes={"retries": Retries(exit=5)}))

    assert_kept(newer.told[0])
    assert newer.told[0]["retries"] == {"exit": 5}


async def test_so_does_one_of_the_control_center(newer: Newer) -> None:
    async with AsyncClient("http://fake", transport=httpx.MockTransport(newer.answer)) as client:
        job = await client.job(JOB_ID)
        await submit_repeat(client, rerun_spec(job), job)
    assert_kept(newer.told[0])


async def test_so_does_a_clone_with_other_files(newer: Newer, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print()\n")
    prepared = PreparedSubmission(tmp_path, JobSpec(project="dogs", params={"lr": 0.2}), "INFO")
    async with AsyncClient("http://fake", transport=httpx.MockTransport(newer.answer)) as client:
        job = await client.job(JOB_ID)
        await submit_directory(client, prepared, report=lambda _: None, size_bytes=0, clones=job)
    (told,) = newer.told
    assert told["dreams"] == {"deep": [1]}
    assert (told["project"], told["params"]) == ("dogs", {"lr": 0.2})
    assert "rerun_of" not in told


def test_of_a_scheduler_of_the_same_version_nothing_more_is_sent(newer: Newer) -> None:
    client = FakeScheduler.client(newer)
    job = client.job(JOB_ID)
    sent: list[bytes] = []
    newer.on_request = lambda request: sent.append(request.read())
    create_rerun(client, job, rerun_spec(job))
    spec = json.loads(sent[-1])["spec"]
    assert spec == rerun_spec(job).model_dump(mode="json", exclude_defaults=True)
