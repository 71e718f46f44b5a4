"""`foundations forward`: what it prints, what it refuses, and what it carries."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from click.testing import CliRunner, Result

from foundations.beside.forwarding import Forward
from foundations.cli.__main__ import cli
from foundations.errors import ConfigError
from tests.cli.fake_api.beside import JOB_PORT
from tests.cli.fake_scheduler import FakeScheduler

RUNS = "b" * 36


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        cli, ["forward", "job", "scheduler", RUNS, *arguments], prog_name="foundations"
    )


def test_it_carries_to_the_job_s_port_and_says_what_does_not_answer(
    scheduler: FakeScheduler,
) -> None:
    scheduler.start(scheduler.add(RUNS))
    said: list[str] = []
    asked: list[str] = []
    told = threading.Event()

    def tell(text: str) -> None:
        said.append(text)
        told.set()

    scheduler.on_request = lambda request: asked.append(f"{request.method} {request.url.path}")
    with (
        scheduler.client() as client,
        Forward(client, RUNS[:8], [(0, JOB_PORT), (0, 9)], tell=tell) as forward,
    ):
        assert [place.port for place in forward.ports] == [JOB_PORT, 9]
        assert forward.url == f"http://127.0.0.1:{forward.local_port}"
        with socket.create_connection(("127.0.0.1", forward.local_port), 20) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: connection.recv(100), b"")) == b"hello"
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection(("127.0.0.1", forward.ports[1].local_port), 20) as refused,
        ):
            refused.recv(100)
        assert told.wait(20)
    assert said == ["No process of the job listens at port 9 now."]
    assert "POST /api/v1/tunnels/t1/input" in asked


def test_a_job_that_has_ended_is_refused_and_one_that_ends_makes_the_exit_code(
    scheduler: FakeScheduler,
) -> None:
    job = scheduler.add(RUNS)
    refused = run("0:80")
    assert refused.exit_code == 1
    assert "is queued: only a job that runs has ports" in refused.stderr
    scheduler.start(job)
    scheduler.on_request = lambda request: (
        scheduler.finish(job, exit_code=1) if request.url.path.endswith("/changes") else None
    )
    done = run("0:80", "0:81", "--json")
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    assert document["job_id"] == RUNS
    assert [place["port"] for place in document["ports"]] == [80, 81]
    assert f"Job '{RUNS}' is failed: its ports are gone." in done.stderr


def test_a_port_here_that_is_taken_and_words_that_are_no_ports_are_refused(
    scheduler: FakeScheduler,
) -> None:
    scheduler.start(scheduler.add(RUNS))
    with socket.create_server(("127.0.0.1", 0)) as taken, scheduler.client() as client:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"port {port} of .*: Address already in use"),
            Forward(client, RUNS, [(port, 80)]),
        ):
            pass
    for words, complaint in (
        ("http", "is not PORT or LOCAL:PORT"),
        ("1:70000", "is not PORT or LOCAL:PORT"),
        ("8:0", "0 is no port of a job"),
    ):
        refused = run(words)
        assert (refused.exit_code, complaint in refused.stderr) == (2, True), refused.stderr
