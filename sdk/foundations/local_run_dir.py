"""The directory of a local run: made in one piece, locked, and the files in it that say what it is.

The scheduler finds it by these files (docs/records.md).
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress

from foundations.recorder import clean

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

DESCRIPTION, ENDED, LOCK, HEARTBEAT = "run.json", "ended.json", "run.lock", "heartbeat"
_LONGEST_ARGUMENT = 100_000
_MOST_ARGUMENTS = 4_000


def make_directory(project: str) -> Tuple[str, int]:
    """Make the directory of a new run; it gets its name when it is complete and locked.

    Returns:
        The directory, which is called by the run's id, and the descriptor that holds its lock.

    Raises:
        ImportError: this system knows no such locks.
        OSError: it cannot be made.
    """
    import fcntl  # not everywhere
    import uuid

    run_id = str(uuid.uuid4())
    parent = _parent()
    path, part = os.path.join(parent, run_id), os.path.join(parent, ".{}.part".format(run_id))
    os.mkdir(part, 0o700)
    for name in ("records", "artifacts"):
        os.mkdir(os.path.join(part, name))
    lock = os.open(os.path.join(part, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A file system without locks leaves the process id to tell whether it lives.
        with suppress(OSError):
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _complete(part, path, {"job_id": run_id, "project": project})
    except (OSError, ImportError):
        os.close(lock)
        raise
    return path, lock


def write_json(path: str, content: Dict[str, Any]) -> None:
    """Write a JSON file so that nobody sees a part of it."""
    part = "{}.{}.part".format(path, os.getpid())
    with open(part, "w", encoding="ascii") as file:
        json.dump(content, file)
    os.replace(part, path)


def _complete(part: str, path: str, named: Dict[str, str]) -> None:
    """Describe the run in its directory, and give the directory its name."""
    from foundations.local_machine import describe_machine, start_heartbeat

    machine = describe_machine(part)
    write_json(os.path.join(part, DESCRIPTION), {**named, **_description(), **machine})
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    os.close(os.open(os.path.join(part, HEARTBEAT), flags, 0o600))
    os.rename(part, path)
    if machine["beats"]:
        start_heartbeat(os.path.join(path, HEARTBEAT))


def _parent() -> str:
    """Make the home, for its owner alone, and the place for directories of jobs in it."""
    home = os.path.realpath(
        os.path.expanduser(os.environ.get("FOUNDATIONS_HOME") or "~/.foundations")
    )
    os.makedirs(home, mode=0o700, exist_ok=True)
    parent = os.path.join(home, "local_docker_scheduler", "work_dir")
    os.makedirs(parent, exist_ok=True)
    return parent


def _description() -> Dict[str, Any]:
    return {
        "version": 1,
        "command": [_argument(each) for each in sys.argv[:_MOST_ARGUMENTS]] or [""],
        "working_dir": clean(os.getcwd()),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "interpreter": clean(sys.executable or ""),
        "interactive": hasattr(sys, "ps1") or "ipykernel" in sys.modules,
        "started_at": time.time(),
    }


def _argument(text: str) -> str:
    return clean(str(text)[:_LONGEST_ARGUMENT]).replace("\0", "")
