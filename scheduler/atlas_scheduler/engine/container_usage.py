"""What containers use, as Docker's statistics tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from docker.errors import APIError

from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.engine.state import parse_time_ms
from atlas_scheduler.engine.timed_calls import TimedCalls

STATISTICS_SECONDS = 5.0
"""Longest wait for the statistics of one container; Docker takes up to two seconds for them."""
CALLS_AT_ONCE = 16
"""Docker may take a second for each, most of it asleep."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use at most; None is no limit."""

    cpus: float | None = None
    memory_bytes: int | None = None

    @classmethod
    def from_inspect(cls, answer: Mapping[str, Any]) -> Limits:
        """Read the answer of `GET /containers/{name}/json`."""
        config = answer["HostConfig"]
        nano_cpus = config.get("NanoCpus") or 0
        return cls(
            cpus=nano_cpus / 1e9 if nano_cpus else None, memory_bytes=config.get("Memory") or None
        )


class ContainerUsage:
    """Reads the statistics of containers, of several at once."""

    def __init__(self, daemon: Daemon, ask: TimedCalls) -> None:
        self._daemon = daemon
        self._ask = ask
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._limits: dict[str, Limits] = {}

    async def of(self, attempts: Iterable[AttemptId]) -> dict[AttemptId, Usage]:
        """Say what the containers of attempts use: those that run, as far as Docker can tell.

        Raises:
            EngineDown: no answer came.
        """
        found: dict[AttemptId, Usage] = {}

        async def look(attempt: AttemptId) -> None:
            async with self._calls:
                usage = await self._ask(partial(self._read, attempt.name), takes_long=True)
            if usage is not None:
                found[attempt] = usage

        try:
            async with asyncio.TaskGroup() as group:
                for attempt in attempts:
                    group.create_task(look(attempt))
        except ExceptionGroup as silence:
            raise silence.exceptions[0] from None
        return found

    def _read(self, name: str) -> Usage | None:
        try:
            limits = self._limits.get(name)
            if limits is None:
                answer = self._daemon.call(lambda api: api.inspect_container(name))
                limits = self._limits[name] = Limits.from_inspect(answer)
            # An engine that does not know the second parameter looks twice, a second apart.
            statistics = self._daemon.ask_json(
                f"/containers/{name}/stats",
                {"stream": "false", "one-shot": "true"},
                silence_seconds=STATISTICS_SECONDS,
            )
        except APIError:
            return None
        return usage_from(statistics, limits)

    def forget(self, name: str) -> None:
        """Let go of what is known of a container that is removed."""
        self._limits.pop(name, None)


def usage_from(statistics: Mapping[str, Any], limits: Limits) -> Usage | None:
    """Read the answer of `GET /containers/{name}/stats`; None when the container does not run."""
    at_ms = parse_time_ms(statistics.get("read"))
    if at_ms is None or not statistics.get("memory_stats"):
        return None
    networks = (statistics.get("networks") or {}).values()
    return Usage(
        at_ms=at_ms,
        cpu_seconds=statistics["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory_bytes=_memory_bytes(statistics["memory_stats"]),
        threads=(statistics.get("pids_stats") or {}).get("current"),
        disk_read_bytes=_disk_bytes(statistics, "read"),
        disk_write_bytes=_disk_bytes(statistics, "write"),
        network_receive_bytes=sum(one["rx_bytes"] for one in networks) if networks else None,
        network_send_bytes=sum(one["tx_bytes"] for one in networks) if networks else None,
        cpu_limit=limits.cpus,
        memory_limit_bytes=limits.memory_bytes,
    )


def _memory_bytes(memory: Mapping[str, Any]) -> int | None:
    usage: int | None = memory.get("usage")
    if usage is None:
        return None
    details = memory.get("stats") or {}
    # The name is that of cgroup v1, then of v2.
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return int(max(0, usage - cache))


def _disk_bytes(statistics: Mapping[str, Any], operation: str) -> int | None:
    """Add up all disks; None where the kernel does not count, or not yet."""
    rows = (statistics.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    if not rows:
        return None
    return sum(int(row["value"]) for row in rows if row["op"].lower() == operation)
