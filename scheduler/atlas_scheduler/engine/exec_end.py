"""Ends a command beside a job in its container, from outside: Docker's API has nothing for that."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.05


def end_command(
    inspect: Callable[[], Mapping[str, Any]], *, grace_seconds: float = _GRACE_SECONDS
) -> None:
    """Hang up on a command and all in its session, then kill what is left; blocks.

    Nothing is done where its processes are not to be seen from here, as with a remote engine.

    Args:
        inspect: asks the engine about the command.
        grace_seconds: how long it may take to end by itself.
    """
    for number in (signal.SIGHUP, signal.SIGKILL):
        found = inspect()
        leader = found.get("Pid") or 0
        if not found.get("Running") or not _is_in(leader, str(found.get("ContainerID", ""))):
            return
        for process in _session(leader):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)
        deadline = time.monotonic() + grace_seconds
        while inspect().get("Running") and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)


def _is_in(process: int, container_id: str) -> bool:
    """Tell whether a process of this machine is the one in a container that an engine means.

    Its mounts say so: engines keep `/etc/hostname` of a container in a directory named after it.
    Control groups do not, as podman without root makes none.
    """
    try:
        mounts = Path(f"/proc/{process}/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool(container_id) and container_id in mounts


def _session(leader: int) -> list[int]:
    found = []
    for process in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if process == leader or os.getsid(process) == leader:
                found.append(process)
    return found
