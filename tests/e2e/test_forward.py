"""Ports of real jobs, reached from this machine as their users reach them."""

from __future__ import annotations

import json
import os
import signal
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
FROM_PYTHON = """
import socket, sys
import foundations

job = foundations.get_job(sys.argv[1])
with job.forward(int(sys.argv[2])) as forward:
    with socket.create_connection(("127.0.0.1", forward.local_port)) as connection:
        connection.sendall(b"abc")
        connection.shutdown(socket.SHUT_WR)
        print(connection.recv(10), forward.url.startswith("http://127.0.0.1:"))
"""
MUCH = bytes(range(256)) * 40_000


def serve(scheduler: Scheduler, name: str) -> tuple[str, int]:
    """Run a job that sends back what it was sent, backwards, once that has ended."""
    job_id = scheduler.submit(write_project(scheduler.root / name, {"main.py": SERVES}))
    scheduler.wait_for_text(job_id, " is the port\n")
    return job_id, int(scheduler.log(job_id).split()[-4])


@contextmanager
def forwarded(
    scheduler: Scheduler, job_id: str, port: int
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run `foundations forward` beside the test; give it, and the port here."""
    command = ("forward", "job", "scheduler", job_id[:8], f"0:{port}", "--json")
    with scheduler.begin("foundations", *command) as process:
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


def test_connections_reach_a_port_of_a_job_until_it_ends(shared: Scheduler) -> None:
    job_id, port = serve(shared, "serving")
    with forwarded(shared, job_id, port) as (process, local):
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
        shared.cli("stop", "job", "scheduler", job_id)
        assert process.wait(60) == 3
        assert process.stdout is not None
        assert f"Job '{job_id}' is stopped: its ports are gone." in process.stdout.read()
    refused = shared.cli("forward", "job", "scheduler", job_id, "0:80", code=1)
    assert "is stopped: only a job that runs has ports" in refused.err


def test_python_reaches_a_port_and_ctrl_c_ends_the_command(shared: Scheduler) -> None:
    job_id, port = serve(shared, "serving-python")
    done = shared.python(FROM_PYTHON, arguments=[job_id, str(port)])
    assert done.out == "b'cba' True\n"
    with forwarded(shared, job_id, port) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert shared.job(job_id).state == "running"
    shared.cli("stop", "job", "scheduler", job_id)


def test_what_the_job_does_not_listen_at_is_out_of_reach(shared: Scheduler) -> None:
    """A port of the machine is none of the job's, also where both share the network."""
    job_id, _ = serve(shared, "serving-alone")
    with socket.create_server(("127.0.0.1", 0)) as other:
        others = other.getsockname()[1]
        with forwarded(shared, job_id, others) as (process, local):
            try:
                answer = converse(local, b"hello")
            except ConnectionError:
                answer = b""
            assert answer == b""
            assert process.stdout is not None
            assert "listens at port" in process.stdout.readline()
        other.setblocking(False)
        try:
            other.accept()
        except BlockingIOError:
            pass
        else:
            raise AssertionError("the machine's own service was reached")
    shared.cli("stop", "job", "scheduler", job_id)


def test_after_a_restart_of_the_server_new_connections_work(own: Scheduler) -> None:
    job_id, port = serve(own, "serving-on")
    with forwarded(own, job_id, port) as (process, local):
        assert converse(local, b"abc") == b"cba"
        own.kill()
        own.start()
        assert converse(local, b"abc") == b"cba"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0
    own.cli("stop", "job", "scheduler", job_id)
