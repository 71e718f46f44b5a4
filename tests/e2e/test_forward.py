"""Ports of real jobs, reached from this machine as their users reach them."""

from __future__ import annotations

import os
import signal
import socket

from tests.e2e.driver import Scheduler
from tests.e2e.ports import assert_carries, converse, forwarded, serve

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


def test_connections_reach_a_port_of_a_job_until_it_ends(shared: Scheduler) -> None:
    job_id, port = serve(shared, "serving")
    with forwarded(shared, job_id, port) as (process, local):
        assert_carries(local)
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
