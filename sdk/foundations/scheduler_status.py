"""All configured schedulers, and which of them answer: asked at the same time."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from foundations import autostart, configs, default_config
from foundations.configs import ConfigFile, SchedulerConfig
from foundations.errors import AtlasError, NotFound, SchedulerError
from foundations.home import Home
from foundations.transport.reconnection import Patience

if TYPE_CHECKING:
    from foundations.models import CallerView, SchedulerInfo

ANSWER_SECONDS = 2.0
"""Longest wait for the answers, however many are asked."""


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """One scheduler config, and what came of asking its scheduler."""

    name: str
    path: Path
    is_default: bool = False
    """Whether it is meant where none is named."""
    config: SchedulerConfig | None = None
    """None where the file is not valid."""
    reachable: bool = False
    """Whether a scheduler answers there, be it with a refusal."""
    info: SchedulerInfo | None = None
    """What it says of itself; None unless it knows who asks."""
    me: CallerView | None = None
    """Who asks, as it knows them."""
    problem: str | None = None
    """What keeps it from being used."""

    @property
    def url(self) -> str | None:
        """Where the scheduler is."""
        return None if self.config is None else self.config.scheduler_url

    @property
    def version(self) -> str | None:
        """Which Atlas runs there."""
        return None if self.info is None else self.info.version


def schedulers(
    *, home: Home | None = None, timeout_seconds: float = ANSWER_SECONDS
) -> list[SchedulerStatus]:
    """Ask every configured scheduler who it is; none is started, and none holds up the others.

    Args:
        home: whose configs; by default the user's own. Those below the current directory count.
        timeout_seconds: longest wait for all of them.
    """
    home = Home.default() if home is None else home
    configs.ensure_default(home)
    chosen = default_config.default_name(home)
    found = [
        _read(SchedulerStatus(file.name, file.path, is_default=file.name == chosen))
        for file in configs.list_configs(home=home, cwd=Path.cwd())
    ]
    return _ask_all(found, timeout_seconds)


def look_at(config: SchedulerConfig, *, timeout_seconds: float = ANSWER_SECONDS) -> SchedulerStatus:
    """Ask one scheduler who it is; nothing is started."""
    return _ask(SchedulerStatus(config.name, config.path, config=config), timeout_seconds)


def _read(status: SchedulerStatus) -> SchedulerStatus:
    try:
        return replace(status, config=configs.read(ConfigFile(status.name, status.path)))
    except AtlasError as error:
        return replace(status, problem=error.message)


def _ask_all(found: list[SchedulerStatus], timeout_seconds: float) -> list[SchedulerStatus]:
    """Ask in threads that nobody waits for at the end: looking up a name may take its time."""
    answers: queue.SimpleQueue[tuple[int, SchedulerStatus]] = queue.SimpleQueue()

    def ask(index: int) -> None:
        answers.put((index, _ask(found[index], timeout_seconds)))

    missing = {index for index, status in enumerate(found) if status.config is not None}
    for index in missing:
        threading.Thread(target=ask, args=(index,), daemon=True).start()
    told = list(found)
    # A little longer than each has, so that it can say itself what went wrong.
    deadline = time.monotonic() + timeout_seconds + 0.5
    while missing:
        try:
            index, status = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        told[index] = status
        missing.discard(index)
    for index in missing:
        told[index] = replace(told[index], problem=f"no answer within {timeout_seconds:g} s")
    return told


def _ask(status: SchedulerStatus, timeout_seconds: float) -> SchedulerStatus:
    from foundations.client import Client

    config = status.config
    assert config is not None
    try:
        autostart.look_for(config)
        with Client(
            config.scheduler_url,
            token=config.token,
            trust=config.trust,
            timeout_seconds=timeout_seconds,
            patience=Patience(deferred_seconds=0),
        ) as client:
            client.health()
            found = replace(status, reachable=True, info=client.info())
            with suppress(NotFound):  # older ones know nobody by name
                found = replace(found, me=client.whoami())
            return found
    except SchedulerError as error:
        return replace(status, reachable=True, problem=error.message)
    except AtlasError as error:
        return replace(status, problem=error.message)
