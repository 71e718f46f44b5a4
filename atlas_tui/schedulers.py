"""The schedulers that are configured here, and which of them answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from foundations import autostart, scheduler_status
from foundations.client import AsyncClient
from foundations.configs import SchedulerConfig
from foundations.home import Home
from foundations.job_states import JobState
from foundations.scheduler_status import SchedulerStatus
from foundations.transport.reconnection import Patience

AT_ONCE = Patience(deferred_seconds=0)
"""Whoever looks at the screen is told of a limit at once, rather than left to wait for it."""

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
    asked = partial(scheduler_status.schedulers, home=home, timeout_seconds=PROBE_SECONDS)
    return [_probe(status, home) for status in await asyncio.to_thread(asked)]


def _probe(status: SchedulerStatus, home: Home) -> Probe:
    name, config, info = status.name, status.config, status.info
    problem = status.problem or "no answer"
    if config is None:
        return Probe(name, None, problem.removeprefix(f"{status.path}").lstrip(":, "))
    can_start = autostart.is_own_scheduler(config, home=home)
    if info is None:
        note = "not running; choosing it starts it" if can_start else problem
        return Probe(name, config, note, False, can_start)
    note = f"{info.version}, {info.engine.name}, {info.states.get(JobState.RUNNING, 0)} running"
    return Probe(name, config, note, True, can_start)


def reach(config: SchedulerConfig) -> AsyncClient:
    """A client for a config.

    Raises:
        ConfigError: the URL cannot be one.
    """
    return AsyncClient(
        config.scheduler_url, token=config.token, trust=config.trust, patience=AT_ONCE
    )


async def ensure_running(config: SchedulerConfig, home: Home) -> None:
    """Start one's own scheduler when it does not answer: of this home, or of the account there.

    Raises:
        Unreachable: it could not be started, or ssh does not get there without asking.
    """
    if config.is_by_ssh:
        await asyncio.to_thread(autostart.reach_by_ssh, config, home=home)
    if autostart.is_own_scheduler(config, home=home) and not autostart.is_answering(home):
        await asyncio.to_thread(autostart.start_server, home)
