"""What a running job uses of its machine, and the points of its `system/…` series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from foundations.models import SYSTEM_PREFIX

CPU_TOTAL = f"{SYSTEM_PREFIX}cpu_seconds"
"""The series that every sample adds a point to."""
MEMORY_PEAK = f"{SYSTEM_PREFIX}memory_peak_bytes"
POINTS_AT_ONE_PACE = 500
"""After so many points of a series, each next one takes twice as long to come."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt has used since its start, and what it uses now. None is not known."""

    at_ms: int
    """When this was so, by the clock that times its start."""
    cpu_seconds: float
    """Processor time of all its processes since its start."""
    memory_bytes: int | None = None
    """Held now, without what the system could drop at once (the cache of files)."""
    threads: int | None = None
    """Of all its processes; each has at least one."""
    disk_read_bytes: int | None = None
    """Since its start, like the next three."""
    disk_write_bytes: int | None = None
    network_receive_bytes: int | None = None
    network_send_bytes: int | None = None
    cpu_limit: float | None = None
    """So many processors it may use at once; None is all there are."""
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GpuUsage:
    """One GPU as it is now. None is what its driver does not tell."""

    utilization_percent: float | None = None
    """Of the time in which at least one program ran on it."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None


_TOTALS = (
    "disk_read_bytes",
    "disk_write_bytes",
    "network_receive_bytes",
    "network_send_bytes",
)


def at_start(at_ms: int) -> Usage:
    """What an attempt has used when it starts."""
    return Usage(
        at_ms=at_ms,
        cpu_seconds=0.0,
        disk_read_bytes=0,
        disk_write_bytes=0,
        network_receive_bytes=0,
        network_send_bytes=0,
    )


def points(
    usage: Usage, before: Usage | None, *, peak_memory_bytes: float | None = None
) -> dict[str, float]:
    """The points that a sample adds, by the name of their series.

    Args:
        usage: the sample.
        before: the one before it; without one there is nothing to make a rate of.
        peak_memory_bytes: the most that was sampled before.
    """
    found: dict[str, float | None] = {
        "cpu_seconds": usage.cpu_seconds,
        "memory_bytes": usage.memory_bytes,
        "threads": usage.threads,
    }
    if usage.memory_bytes is not None:
        found["memory_peak_bytes"] = max(usage.memory_bytes, peak_memory_bytes or 0)
        if usage.memory_limit_bytes:
            found["memory_percent_of_limit"] = 100 * usage.memory_bytes / usage.memory_limit_bytes
    if before is not None and usage.at_ms > before.at_ms:
        found |= _rates(usage, before)
    return {SYSTEM_PREFIX + name: value for name, value in found.items() if value is not None}


def _rates(usage: Usage, before: Usage) -> dict[str, float | None]:
    seconds = (usage.at_ms - before.at_ms) / 1000
    cpu_percent = 100 * max(0.0, usage.cpu_seconds - before.cpu_seconds) / seconds
    found: dict[str, float | None] = {"cpu_percent": cpu_percent}
    if usage.cpu_limit:
        found["cpu_percent_of_limit"] = cpu_percent / usage.cpu_limit
    for name in _TOTALS:
        total, earlier = getattr(usage, name), getattr(before, name)
        if total is not None and earlier is not None:
            found[f"{name}_per_second"] = max(0, total - earlier) / seconds
    return found


def gpu_points(held: Iterable[str], gpus: Mapping[str, GpuUsage]) -> dict[str, float]:
    """The points of the GPUs that a job holds, numbered from 0 as the job itself sees them.

    Args:
        held: their ids, in the order in which the job was given them.
        gpus: what is known of the machine's GPUs, by id.
    """
    found: dict[str, float] = {}
    for number, uuid in enumerate(held):
        gpu = gpus.get(uuid, GpuUsage())
        values = {
            "utilization_percent": gpu.utilization_percent,
            "memory_bytes": gpu.memory_used_bytes,
            "power_watts": gpu.power_watts,
            "temperature_celsius": gpu.temperature_celsius,
        }
        found |= {
            f"{SYSTEM_PREFIX}gpu{number}/{name}": value
            for name, value in values.items()
            if value is not None
        }
    return found


def interval_seconds(points: int, shortest_seconds: float) -> float:
    """Say how long after its newest point a series gets the next one.

    The longer a job runs, the longer it is: a week has about four thousand points when the
    shortest is five seconds.
    """
    return float(shortest_seconds * 2 ** (points // POINTS_AT_ONE_PACE))
