"""Figure: a small request to a port of a job, straight and through the scheduler's API."""

from __future__ import annotations

import socket
from collections.abc import Callable

from bench import rig
from bench.measure import Figure, Peer, Plan, Result, timed
from foundations.beside.forwarding import Forward
from foundations.models import JobSpec, JobState, Submission

TARGET_MS = 10.0
_QUESTION = b"x" * 200
_ANSWER_BYTES = 1_000
_SERVES = f"""
import os, socket, threading

def answer(connection):
    with connection:
        while connection.recv(4096):
            connection.sendall(bytes({_ANSWER_BYTES}))

server = socket.create_server(("127.0.0.1", 0))
with open("port.part", "w") as file:
    file.write(str(server.getsockname()[1]))
os.rename("port.part", "port")
while True:
    threading.Thread(target=answer, args=server.accept()[:1], daemon=True).start()
"""


def run(plan: Plan) -> Result:
    """Ask a job of the process engine in turns: on open connections, and on new ones."""
    with rig.workspace() as root, rig.server({"engine": "process"}) as server:
        project = rig.make_project(root / "project")
        (project / "main.py").write_text(_SERVES, encoding="utf-8")
        digest = rig.upload(server.client, project, root / "packed")
        wanted = Submission(spec=JobSpec(project="bench", command=("main.py",)), bundle=digest)
        job_id = server.client.submit(wanted).job_id
        rig.until(lambda: server.client.job(job_id).state is JobState.RUNNING)
        place = server.home.job_dir(job_id) / "job_source" / "port"
        rig.until(place.exists)
        port = int(place.read_text(encoding="ascii"))
        with Forward(server.client, job_id, [(0, port)]) as forward:
            return Result(
                [
                    _figure("on an open connection", plan, forward.local_port, port, _on_open),
                    _figure("on a new connection", plan, forward.local_port, port, _on_new),
                ]
            )


def _figure(
    what: str,
    plan: Plan,
    forwarded: int,
    straight: int,
    ask: Callable[[int, int, list[float]], None],
) -> Figure:
    through: list[float] = []
    bare: list[float] = []
    for _ in range(plan.count(5, 2)):
        ask(forwarded, 20, through)
        ask(straight, 20, bare)
    peer = Peer("straight to the port", bare)
    return Figure(f"forward: a small request {what}", through, target=TARGET_MS, peer=peer)


def _on_open(port: int, times: int, samples: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        _ask(connection)
        for _ in range(times):
            with timed(samples):
                _ask(connection)


def _on_new(port: int, times: int, samples: list[float]) -> None:
    for _ in range(times):
        with timed(samples), socket.create_connection(("127.0.0.1", port)) as connection:
            _ask(connection)


def _ask(connection: socket.socket) -> None:
    connection.sendall(_QUESTION)
    left = _ANSWER_BYTES
    while left > 0:
        left -= len(connection.recv(left))
