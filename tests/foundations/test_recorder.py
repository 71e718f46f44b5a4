"""Recording loses nothing that was told, and never ends a training run."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import foundations
from atlas_scheduler.store.event_lines import parse_lines
from atlas_scheduler.store.record_kinds import Metric
from tests.foundations.job_dir import JobDir, enter_job
from tests.worker.interpreters import job_environment


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobDir:
    return enter_job(tmp_path, monkeypatch)


def test_trouble_with_the_event_file_is_told_once_and_never_raised(
    job: JobDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (job.path / "file").write_text("")
    monkeypatch.setenv("ATLAS_EVENTS", str(job.path / "file" / "events.jsonl"))
    for step in range(10):
        foundations.log_metric("loss", 0.5, step=step)
        foundations.log_param("lr", 0.1)

    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Cannot record to" in told
    assert "Not a directory; the job goes on." in told


def test_a_closed_standard_error_is_no_trouble(job: JobDir) -> None:
    ended = job.run(
        "import os, sys, foundations\n"
        "os.environ.pop('ATLAS_EVENTS')\n"
        "sys.stderr.close()\n"
        "foundations.log_metric('loss', 1)\n"
        "sys.stderr = None\n"
        "foundations.set_tag('x')\n"
        "print('went on')\n"
    )

    assert ended.stdout == "went on\n"


def test_after_a_full_disk_records_go_on_whole(job: JobDir) -> None:
    """The last line that fits is broken off in the middle; it must not take the next along."""
    ended = job.run(
        "import resource, foundations\n"
        "def limit(size): resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))\n"
        "limit(1000)\n"
        "for step in range(100): foundations.log_metric('before', 0.5, step=step)\n"
        "limit(-1)\n"
        "for step in range(3): foundations.log_metric('after', 0.5, step=step)\n"
    )

    assert ended.returncode == 0
    assert ended.stderr.count("Cannot record to") == 1
    found = parse_lines(job.events.read_bytes())
    assert found.bad_lines == 1
    steps = [(record.key, record.step) for record in found.records if isinstance(record, Metric)]
    whole = len(steps) - 3
    assert steps == [("before", n) for n in range(whole)] + [("after", n) for n in range(3)]


def test_a_line_that_another_process_broke_off_does_not_take_the_next_along(job: JobDir) -> None:
    job.events.write_bytes(b'{"event":"param","key":"a","value":1}\n{"event":"par')
    foundations.log_param("b", 2)

    found = parse_lines(job.events.read_bytes())
    assert [record[0] for record in found.records] == ["a", "b"]
    assert found.bad_lines == 1


def test_what_was_recorded_survives_a_kill(job: JobDir) -> None:
    script = (
        "import foundations, itertools\n"
        "for step in itertools.count():\n"
        "    foundations.log_metric('loss', 0.5, step=step)\n"
        "    print(step, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=job_environment(job.path),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 500:
                break
        process.send_signal(signal.SIGKILL)
        told = [500, *(int(line) for line in process.stdout if line.endswith("\n"))]

    steps = [line["step"] for line in job.lines()]
    assert steps == list(range(len(steps)))
    assert len(steps) > max(told)


def test_threads_and_forked_processes_record_at_the_same_time(job: JobDir) -> None:
    ended = job.run(
        "import os, threading, foundations\n"
        "foundations.log_metric('start', 0)\n"
        "def record(name):\n"
        "    for step in range(100):\n"
        "        foundations.log_metric(name, 'x' * 9000, step=step)\n"
        "children = []\n"
        "for number in range(3):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        names = ['%d.%d' % (number, thread) for thread in range(3)]\n"
        "        threads = [threading.Thread(target=record, args=(name,)) for name in names]\n"
        "        [thread.start() for thread in threads]\n"
        "        [thread.join() for thread in threads]\n"
        "        os._exit(0)\n"
        "    children.append(pid)\n"
        "print([os.waitpid(pid, 0)[1] for pid in children])\n"
    )

    assert ended.stdout == "[0, 0, 0]\n"
    steps: dict[str, list[int]] = {}
    for line in job.lines()[1:]:
        steps.setdefault(line["key"], []).append(line["step"])
    assert len(steps) == 9
    assert all(found == list(range(100)) for found in steps.values())


def test_threads_of_this_process_open_the_file_together(job: JobDir) -> None:
    gate = threading.Barrier(8)

    def record(number: int) -> None:
        gate.wait()
        foundations.log_metric("loss", number)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(line["value"] for line in job.lines()) == list(range(8))


def test_a_job_that_closes_all_files_keeps_its_records_out_of_its_own_files(job: JobDir) -> None:
    ended = job.run(
        "import os, foundations\n"
        "foundations.log_metric('loss', 1)\n"
        "os.closerange(3, 256)\n"
        "checkpoints = [os.open('checkpoint%d' % n, os.O_CREAT | os.O_RDWR) for n in range(8)]\n"
        "foundations.log_metric('loss', 2)\n"
    )

    assert ended.stderr == ""
    assert [line["value"] for line in job.lines()] == [1, 2]
    assert {path.stat().st_size for path in job.source.glob("checkpoint*")} == {0}


def test_a_deleted_event_file_is_made_again(job: JobDir) -> None:
    foundations.log_metric("loss", 1)
    job.events.unlink()
    job.events.parent.rmdir()
    foundations.log_metric("loss", 2)

    assert [line["value"] for line in job.lines()] == [2]
