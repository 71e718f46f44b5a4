"""What a test does with processes: their output, the locks they hold, and jobs that are ones."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

from foundations.home import Home
from tests.e2e.projects import until


def is_held(lock: Path) -> bool:
    """Tell whether a process holds a lock file."""
    try:
        with lock.open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the output of a process up to the line that holds a text; return what was read."""
    assert process.stdout is not None
    told = ""
    while text not in told:
        line = process.stdout.readline()
        assert line, f"it ended and never said {text!r}: {told}"
        told += line
    return told


def kill_jobs(home: Home) -> None:
    """Kill the jobs of a home's process engine; their shims end by themselves."""
    for record in home.run.glob("attempts/*/started.json"):
        lock = record.parent / "shim.lock"
        # While the shim lives, no other process can have the job's number.
        if is_held(lock):
            with suppress(ProcessLookupError):
                os.killpg(json.loads(record.read_text())["pgid"], signal.SIGKILL)
            until(partial(_is_free, lock), f"the shim of {lock.parent} has ended")


def _is_free(lock: Path) -> bool:
    return not is_held(lock)
