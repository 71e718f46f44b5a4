"""A job that listens at a port, and conversations with it through `foundations forward`."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

SERVES = """
import socket, socketserver, threading

class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        taken = bytearray()
        while piece := self.request.recv(65536):
            taken += piece
            if taken == b"count":
                self.request.sendall(b"counting")
        self.request.sendall(bytes(taken[::-1]))

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

server = Server(("127.0.0.1", 0), Echo)
print(server.server_address[1], "is the port", flush=True)
server.serve_forever()
"""
MUCH = bytes(range(256)) * 40_000


def serve(
    scheduler: Scheduler, name: str, *, by: str = "scheduler", **environment: str
) -> tuple[str, int]:
    """Run a job that sends back what it was sent, backwards, once that has ended.

    `by` is the scheduler config that it is submitted to, in the home that `environment` names.
    """
    project = write_project(scheduler.root / name, {"main.py": SERVES})
    done = scheduler.cli("submit", "--detach", by, str(project), environment=environment)
    job_id = done.out.strip()
    scheduler.wait_for_text(job_id, " is the port\n")
    return job_id, int(scheduler.log(job_id).split()[-4])


@contextmanager
def forwarded(
    scheduler: Scheduler, job_id: str, port: int, *, by: str = "scheduler", **environment: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run `foundations forward` beside the test; give it, and the port here.

    `by` is the scheduler config that reaches the scheduler, in the home that `environment` names.
    """
    command = ("forward", "job", by, job_id[:8], f"0:{port}", "--json")
    with scheduler.begin("foundations", *command, environment=environment) as process:
        assert process.stdout is not None
        lines = ""
        while not lines.rstrip().endswith("\n}"):
            line = process.stdout.readline()
            assert line, lines
            lines += line
        document = json.loads(lines)
        assert document["job_id"] == job_id
        (place,) = document["ports"]
        assert (place["address"], place["port"]) == ("127.0.0.1", port)
        yield process, place["local_port"]


def converse(port: int, data: bytes) -> bytes:
    """Send something, close that direction, and read all of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def assert_carries(local: int) -> None:
    """Check that a forwarded port carries every byte both ways, of several at once."""
    assert converse(local, b"") == b"", "a direction that ends at once"
    assert converse(local, MUCH) == MUCH[::-1]
    with (
        socket.create_connection(("127.0.0.1", local), timeout=60) as idle,
        ThreadPoolExecutor(8) as pool,
    ):
        said = [str(number).encode() * 1000 for number in range(10, 22)]
        found = list(pool.map(lambda data: converse(local, data), said))
        assert found == [data[::-1] for data in said]
        idle.sendall(b"count")
        assert idle.recv(100) == b"counting", "it was open while others came and went"
