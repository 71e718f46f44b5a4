"""The schedulers that are configured here, and which of them answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from foundations import autostart, configs
from foundations.client import AsyncClient
from foundations.configs import ConfigFile, SchedulerConfig
from foundations.errors import AtlasError
from foundations.home import Home

PROBE_SECONDS = 2.5
"""Longest wait for an answer; all are asked at the same time."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One scheduler config, and what came of asking."""

    name: str
    config: SchedulerConfig | None
    """None where the file is not valid."""
    note: str
    """Version and engine, or why there is no answer."""
    answers: bool = False
    can_start: bool = False
    """Whether it is this home's own, which is started when it is chosen."""


async def probe_all(home: Home) -> list[Probe]:
    """Ask every configured scheduler, at the same time."""
    files = await asyncio.to_thread(configs.list_configs, home=home, cwd=Path.cwd())
    return list(await asyncio.gather(*(_probe(file, home) for file in files)))


async def _probe(file: ConfigFile, home: Home) -> Probe:
    try:
        config = await asyncio.to_thread(configs.read, file)
    except AtlasError as error:
        return Probe(file.name, None, error.message.removeprefix(f"{file.path}").lstrip(":, "))
    can_start = autostart.is_own_scheduler(config, home=home)
    try:
        async with asyncio.timeout(PROBE_SECONDS), reach(config) as client:
            info = await client.info()
    except TimeoutError:
        return Probe(file.name, config, f"no answer within {PROBE_SECONDS:g} s", False, can_start)
    except AtlasError as error:
        note = "not running; choosing it starts it" if can_start else error.message
        return Probe(file.name, config, note, False, can_start)
    running = sum(info.states.get(state, 0) for state in info.states if state == "running")
    note = f"{info.version}, {info.engine.name}, {running} running"
    return Probe(file.name, config, note, True, can_start)


def reach(config: SchedulerConfig) -> AsyncClient:
    """A client for a config.

    Raises:
        ConfigError: the URL cannot be one.
    """
    return AsyncClient(config.scheduler_url, token=config.token)


async def ensure_running(config: SchedulerConfig, home: Home) -> None:
    """Start one's own scheduler when it does not answer: of this home, or of the account there.

    Raises:
        Unreachable: it could not be started, or ssh does not get there without asking.
    """
    if config.is_by_ssh:
        await asyncio.to_thread(autostart.reach_by_ssh, config, home=home)
    if autostart.is_own_scheduler(config, home=home) and not autostart.is_answering(home):
        await asyncio.to_thread(autostart.start_server, home)
