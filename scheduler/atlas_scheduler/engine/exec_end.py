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
    inspect: Callable[[], Mapping[str, Any]],
    main_process: Callable[[str], int],
    *,
    grace_seconds: float = _GRACE_SECONDS,
) -> None:
    """Hang up on a command and all in its session, then kill what is left; blocks.

    Nothing is done where its processes are not to be seen from here, as with a remote engine.

    Args:
        inspect: asks the engine about the command.
        main_process: asks it for the process that a container, by its id, was started with.
        grace_seconds: how long it may take to end by itself.
    """
    for number in (signal.SIGHUP, signal.SIGKILL):
        found = inspect()
        leader, container_id = found.get("Pid") or 0, str(found.get("ContainerID", ""))
        if not found.get("Running") or not leader:
            return
        # Podman without root puts containers into no control groups of their own.
        if not (_is_in(leader, container_id) or _is_beside(leader, main_process(container_id))):
            return
        for process in _session(leader):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)
        deadline = time.monotonic() + grace_seconds
        while inspect().get("Running") and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)


def _is_in(process: int, container_id: str) -> bool:
    """Tell whether a process of this machine is the one in a container that an engine means."""
    try:
        groups = Path(f"/proc/{process}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool(container_id) and container_id in groups


def _is_beside(process: int, other: int) -> bool:
    """Tell whether two processes of this machine share a container that this one is not in."""
    spaces = []
    for pid in (process, other, os.getpid()):
        try:
            spaces.append(Path(f"/proc/{pid}/ns/pid").stat().st_ino)
        except OSError:
            return False
    return spaces[0] == spaces[1] != spaces[2]


def _session(leader: int) -> list[int]:
    found = []
    for process in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if process == leader or os.getsid(process) == leader:
                found.append(process)
    return found
