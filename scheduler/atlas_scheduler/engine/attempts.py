"""The private directory of one attempt of the process engine: what its shim keeps there.

The files and who writes them are described in `atlas_worker.shim`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from atlas_scheduler.boot import boot_id


@dataclass(frozen=True, slots=True)
class StartRecord:
    """What the shim wrote before the job's program ran."""

    pid: int
    pgid: int
    at_ms: int
    start_ticks: int
    """With the boot id it tells the job from a later process with its number."""
    boot_id: str
    shim_pid: int


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """What the shim wrote after the job's program ended."""

    exit_code: int
    at_ms: int
    error: str | None
    """Why the program could not be started, if it could not."""


class AttemptDir:
    """One attempt's directory, whether it is there or not. Everything here blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def spec(self) -> Path:
        """What the shim is to start."""
        return self.path / "spec.json"

    @property
    def started(self) -> StartRecord | None:
        """How it started; None when the job's program never ran."""
        record = self._read("started.json")
        if record is None:
            return None
        return StartRecord(**{field.name: record[field.name] for field in fields(StartRecord)})

    @property
    def exited(self) -> ExitRecord | None:
        """How it ended; None when it did not, or nobody saw it."""
        record = self._read("exit.json")
        if record is None:
            return None
        return ExitRecord(record["exit_code"], record["at_ms"], record.get("error"))

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        return record

    def write_spec(self, spec: dict[str, Any]) -> None:
        """Make the directory and the spec, readable by their owner only."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A name of its own: a start may be repeated while the first one is under way.
        file, partial = tempfile.mkstemp(dir=self.path, prefix="spec.")
        try:
            os.write(file, json.dumps(spec).encode())
        finally:
            os.close(file)
        Path(partial).rename(self.spec)

    @property
    def interpreter(self) -> str | None:
        """The Python that the standard entry point was started with; None for another one."""
        match (self._read(self.spec.name) or {}).get("argv"):
            case [str(python), "-m", "atlas_worker", *_]:
                return python
        return None

    @property
    def surroundings(self) -> tuple[dict[str, str], str] | None:
        """The environment and the directory that the job's program was started in."""
        spec = self._read(self.spec.name)
        return None if spec is None else (spec["env"], spec["cwd"])

    @property
    def has_shim(self) -> bool:
        """Whether the shim lives, and with it the job."""
        try:
            with self._lock_file() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def await_shim(self) -> None:
        """Wait until the shim is gone. Nothing can cut this short."""
        try:
            with self._lock_file() as file:
                fcntl.flock(file, fcntl.LOCK_SH)
        except FileNotFoundError:
            return

    @contextmanager
    def _lock_file(self) -> Iterator[int]:
        file = os.open(self.path / "shim.lock", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)

    def signal_job(self, number: signal.Signals) -> None:
        """Send a signal to the job's process group, if that is still the job's."""
        started = self.started
        if started is None or self.exited is not None:
            return
        # While the shim lives, it keeps the number from being used again.
        if self.has_shim or is_same_process(started):
            try:
                os.killpg(started.pgid, number)
            except ProcessLookupError:
                return

    def remove(self) -> None:
        """Delete the directory; a missing one is fine."""
        shutil.rmtree(self.path, ignore_errors=True)


def is_same_process(started: StartRecord) -> bool:
    """Tell whether the job's main process is still there."""
    try:
        stat = Path(f"/proc/{started.pid}/stat").read_bytes()
    except OSError:
        return False
    # The second field is a name in parentheses, which may hold spaces and parentheses.
    start_ticks = int(stat.rpartition(b")")[2].split()[19])
    return start_ticks == started.start_ticks and boot_id() == started.boot_id
