"""What a job prints is kept and shown as it was printed, to the byte."""

from __future__ import annotations

import signal
import subprocess

from tests.e2e.driver import BIN, Scheduler
from tests.e2e.processes import read_until
from tests.e2e.projects import until, write_project

HEADLINE = b"No user requirements found.\n"


def test_lines_of_every_length_are_kept(shared: Scheduler) -> None:
    # 16,384 bytes are what Docker logs at once.
    lengths = [0, 1, 100, 16_383, 16_384, 16_385, 32_767, 32_768, 40_000, 5]
    project = write_project(
        shared.root / "lengths",
        {"main.py": f"for length in {lengths}:\n    print('x' * length)\nprint('end', end='')\n"},
    )
    job = shared.wait(shared.submit(project))
    expected = b"".join(b"x" * length + b"\n" for length in lengths) + b"end"
    assert (shared.home.archive(job.job_id) / "job.log").read_bytes() == HEADLINE + expected


def test_bytes_that_are_no_text_are_kept(shared: Scheduler) -> None:
    every = bytes(range(256)) * 3
    project = write_project(
        shared.root / "bytes",
        {"main.py": f"import sys\nsys.stdout.buffer.write(bytes.fromhex('{every.hex()}'))\n"},
    )
    job_id = shared.submit(project)
    assert shared.wait(job_id).state == "completed"
    got = subprocess.run(
        [str(BIN / "foundations"), "get", "logs", "scheduler", job_id],
        env=shared.environment,
        cwd=shared.root,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert got.stdout == HEADLINE + every


def test_a_followed_log_comes_as_it_is_printed_and_ends_with_the_job(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "followed",
        {
            "main.py": """\
                import os, time
                print("first")
                while not os.path.exists("go"):
                    time.sleep(0.01)
                print("last")
                """
        },
    )
    job_id = shared.submit(project)
    with shared.begin("foundations", "get", "logs", "--follow", "scheduler", job_id) as following:
        assert following.stdout is not None
        assert following.stdout.readline().encode() == HEADLINE
        assert following.stdout.readline() == "first\n"
        (shared.home.job_dir(job_id) / "job_source" / "go").touch()
        rest, _ = following.communicate(timeout=60)
    assert (rest, following.returncode) == ("last\n", 0)
    tail = shared.cli("get", "logs", "--tail", "1", "scheduler", job_id)
    assert tail.out == "last\n"


def test_ctrl_c_ends_the_streaming_and_not_the_job(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "interrupted",
        {
            "main.py": """\
                import os, time
                print("begun")
                while not os.path.exists("go"):
                    time.sleep(0.01)
                """
        },
    )
    with shared.begin("foundations", "submit", "scheduler", str(project)) as streaming:
        read_until(streaming, "begun")
        streaming.send_signal(signal.SIGINT)
        rest, _ = streaming.communicate(timeout=60)
    assert streaming.returncode == 130
    (listed,) = (one for one in shared.listed() if one["project"] == "interrupted")
    job_id = listed["job_id"]
    assert rest == (
        f"Foundations INFO: Stopped streaming. Job '{job_id}' goes on; to see its output again: "
        f"foundations get logs --follow scheduler {job_id}\n"
    )
    assert shared.job(job_id).state == "running"
    (shared.home.job_dir(job_id) / "job_source" / "go").touch()
    assert shared.wait(job_id).state == "completed"
    until(lambda: not shared.home.job_dir(job_id).exists(), "the work dir is removed")
