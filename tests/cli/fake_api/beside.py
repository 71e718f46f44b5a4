"""Commands that run beside jobs, and tunnels to their ports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from foundations.beside.frames import EXIT, STDERR, STDOUT, frame
from foundations.errors import JobConflict
from foundations.models import ExecView, JobState, TunnelView
from tests.cli.fake_api.replies import Route, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


JOB_PORT = 8888
"""The one port that jobs listen at here."""


def _start_exec(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state is not JobState.RUNNING:
        raise JobConflict(
            f"Job `{job.job_id}` is {job.state}: only a job that runs has commands beside it."
        )
    command = json.loads(request.read())["command"]
    return json_of(ExecView(exec_id="e1", job_id=job.job_id, command=command), status=201)


def _exec_output(scheduler: FakeScheduler, request: httpx.Request, _: str) -> httpx.Response:
    """Say what every command says here, and exit with 4."""
    written = frame(STDOUT, b"out\xff\n") + frame(STDERR, b"err\n") + frame(EXIT, b"4")
    rest = written[int(request.url.params["offset"]) :]
    return httpx.Response(200, stream=httpx.ByteStream(rest))


def _open_tunnel(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    port = int(request.url.path.split("/")[-2])
    if port != JOB_PORT:
        raise JobConflict(f"No process of the job listens at port {port} now.")
    return json_of(TunnelView(tunnel_id="t1", job_id=job.job_id, port=port), status=201)


def _read_tunnel(scheduler: FakeScheduler, request: httpx.Request, _: str) -> httpx.Response:
    """Send what every job sends here."""
    rest = (frame(STDOUT, b"hello") + frame(EXIT, b"0"))[int(request.url.params["offset"]) :]
    return httpx.Response(200, stream=httpx.ByteStream(rest))


def _done(scheduler: FakeScheduler, request: httpx.Request, _: str) -> httpx.Response:
    return httpx.Response(204)


ROUTES: list[Route] = [
    ("POST", "/jobs/([^/]+)/execs", _start_exec),
    ("GET", "/execs/([^/]+)/output", _exec_output),
    ("POST", "/execs/([^/]+)/input", _done),
    ("PUT", "/execs/([^/]+)/terminal", _done),
    ("DELETE", "/execs/([^/]+)", _done),
    ("POST", "/jobs/([^/]+)/ports/[0-9]+/tunnels", _open_tunnel),
    ("GET", "/tunnels/([^/]+)/output", _read_tunnel),
    ("POST", "/tunnels/([^/]+)/input", _done),
    ("DELETE", "/tunnels/([^/]+)", _done),
]
