"""Starts the shim that owns a job's process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from atlas_scheduler.engine.attempts import AttemptDir
from atlas_scheduler.engine.port import StartRefusedError
from foundations.errors import EngineDown

_SHIM_SECONDS = 60.0
"""Longest that a shim may take to start a job; it syncs two small files."""
_REFUSED = 2
"""Exit status of a shim that cannot use its spec."""


def run_shim(shim: Path, attempt: AttemptDir) -> None:
    """Let a shim start what the spec says; returns when the outcome is on disk.

    Raises:
        StartRefusedError: the spec cannot be used.
        EngineDown: nothing was started, and a later try may do it.
    """
    command = [sys.executable, "-I", "-S", str(shim), str(attempt.spec)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SHIM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineDown(f"The job's process cannot be started now: {error}") from error
    problem = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == _REFUSED:
        raise StartRefusedError(f"The job's process cannot be started: {problem}")
    if done.returncode != 0:
        raise EngineDown(f"The job's process cannot be started now: {problem}")
