"""Commands and shells beside real jobs, as their users run them."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project
from tests.tui.terminal import Terminal

WAITS = "import time\nopen('mine.txt', 'w').write('made')\nprint('begun')\ntime.sleep(600)\n"
FROM_PYTHON = """
import sys
import foundations

job = foundations.get_job(sys.argv[1])
done = job.execute(["sh", "-c", "cat; exit 7"], input=b"told\\x00")
print(done)
"""

LEAVES_WORD = (
    "trap 'echo gone > left.txt; exit' HUP; echo begun $((1 + 1)); while :; do sleep 1; done"
)


def begin(scheduler: Scheduler, name: str) -> str:
    job_id = scheduler.submit(write_project(scheduler.root / name, {"main.py": WAITS}))
    scheduler.wait_for_text(job_id, "begun")
    return job_id


def test_a_command_runs_where_the_job_runs(shared: Scheduler) -> None:
    job_id = begin(shared, "beside")
    command = 'cat mine.txt; echo "$FOUNDATIONS_JOB_ID" >&2; exit 3'
    done = shared.cli("exec", "job", "scheduler", job_id[:8], "--", "sh", "-c", command, code=3)
    assert (done.out, done.err) == ("made", f"{job_id}\n")
    piped = subprocess.run(
        ["foundations", "exec", "job", "scheduler", job_id, "-i", "--", "od", "-An", "-tx1"],
        env=shared.environment,
        input=b"\x00\xfe",
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert piped.stdout.split() == [b"00", b"fe"]
    done = shared.python(FROM_PYTHON, arguments=[job_id])
    assert done.out == "Executed(exit_code=7, stdout=b'told\\x00', stderr=b'')\n"
    history = json.loads(shared.cli("show", "job", "scheduler", job_id, "--json").out)["history"]
    assert sum(one["event"] == "CommandRun" for one in history) == 3
    shared.cli("stop", "job", "scheduler", job_id)
    refused = shared.cli("exec", "job", "scheduler", job_id, "true", code=1)
    assert "is stopped: only a job that runs has commands beside it" in refused.err


def test_a_shell_ends_with_its_job_and_leaves_the_terminal_as_it_was(
    shared: Scheduler, tmp_path: Path
) -> None:
    job_id = begin(shared, "shell")
    terminal = Terminal(
        ["foundations", "shell", "job", "scheduler", job_id],
        environment={**shared.environment, "TERM": "xterm-256color"},
        directory=tmp_path,
        size=(91, 30),
    )
    try:
        terminal.type("echo $((40 + 2)); stty size; cat mine.txt\r")
        terminal.until_seen("42\r\n30 91\r\nmade")
        terminal.type("sleep 600\r")
        terminal.until_seen("sleep 600\r\n")
        terminal.type("\x03")
        terminal.until_seen("^C")
        terminal.type("\r")
        terminal.type("echo $((50 + 3))\r")
        terminal.until_seen("53\r\n")
        shared.cli("stop", "job", "scheduler", job_id)
        terminal.wait(30)
        assert terminal.has_modes_of_before
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_ends_at_once_with_the_client_that_is_told_to(
    shared: Scheduler, number: signal.Signals
) -> None:
    job_id = begin(shared, f"left-{number}")
    with subprocess.Popen(
        ["foundations", "exec", "job", "scheduler", job_id, "--", "sh", "-c", LEAVES_WORD],
        env=shared.environment,
        stdout=subprocess.PIPE,
    ) as client:
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == b"begun 2\n"
            client.send_signal(number)
            assert client.wait(30) == 128 + number
        finally:
            client.kill()
    left = shared.cli("exec", "job", "scheduler", job_id, "--", "cat", "left.txt")
    assert left.out == "gone\n"
    shared.cli("stop", "job", "scheduler", job_id)


def test_a_shell_ends_at_once_when_its_terminal_goes_away(
    shared: Scheduler, tmp_path: Path
) -> None:
    job_id = begin(shared, "hangup")
    terminal = Terminal(
        ["foundations", "shell", "job", "scheduler", job_id],
        environment={**shared.environment, "TERM": "xterm-256color"},
        directory=tmp_path,
    )
    try:
        terminal.type(f'sh -c "{LEAVES_WORD.replace("$", chr(92) + "$")}"\r')
        terminal.until_seen("begun 2")
        terminal.hang_up()
        terminal.wait(30)
    finally:
        terminal.close()
    left = shared.cli("exec", "job", "scheduler", job_id, "--", "cat", "left.txt")
    assert left.out == "gone\n"
    shared.cli("stop", "job", "scheduler", job_id)
