"""How busy this machine is: processors, memory, and the disk of a directory."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.1
"""How long to look at the processors when there is no recent look to compare with."""
_RECENT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HostReading:
    """One look at the machine."""

    hostname: str
    cpus: int
    cpu_percent: float
    load_average: tuple[float, float, float]
    memory_used_bytes: int
    memory_total_bytes: int
    disk_used_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int


@dataclass(frozen=True, slots=True)
class MachineSize:
    """What the machine has in all."""

    cpus: int
    memory_bytes: int


def machine_size() -> MachineSize:
    """Say what the machine has in all."""
    return MachineSize(psutil.cpu_count() or 1, psutil.virtual_memory().total)


@dataclass(frozen=True, slots=True)
class _Processors:
    at: float
    busy_seconds: float
    all_seconds: float


class HostProbe:
    """Reads the machine. Blocks; use it from one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._before: _Processors | None = None

    def read(self) -> HostReading:
        """Look at the machine."""
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(self._directory))
        return HostReading(
            hostname=socket.gethostname(),
            cpus=os.cpu_count() or 1,
            cpu_percent=self._cpu_percent(),
            load_average=os.getloadavg(),
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            disk_used_bytes=disk.used,
            disk_free_bytes=disk.free,
            disk_total_bytes=disk.total,
        )

    def _cpu_percent(self) -> float:
        """How busy all processors were since the last look, or for a moment from now."""
        before = self._before
        if before is None or time.monotonic() - before.at > _RECENT_SECONDS:
            before = _processors()
            time.sleep(_LOOK_SECONDS)
        now = self._before = _processors()
        passed = now.all_seconds - before.all_seconds
        if passed <= 0:
            return 0.0
        return min(100.0, max(0.0, 100 * (now.busy_seconds - before.busy_seconds) / passed))


def _processors() -> _Processors:
    times = psutil.cpu_times()
    # A guest's time is in its host's too, so that these are not added.
    parts = (times.user, times.nice, times.system, times.irq, times.softirq, times.steal)
    busy_seconds = sum(parts)
    all_seconds = busy_seconds + times.idle + times.iowait
    return _Processors(time.monotonic(), busy_seconds, all_seconds)
