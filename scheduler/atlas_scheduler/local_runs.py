"""Finds local runs in the home, follows them to their end, and stops them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from atlas_scheduler.core.events import Event, Exited, Gone
from atlas_scheduler.core.job import Job
from atlas_scheduler.service import Service
from atlas_scheduler.store.run_dirs import (
    Life,
    Machine,
    RunDescription,
    RunEnd,
    is_its_process,
    last_sign_ms,
    life,
    read_description,
    read_end,
    request_stop,
    signs_of_life,
)
from foundations.errors import AtlasError
from foundations.local_machine import describe_machine

LOOK_SECONDS = 0.5
"""How often the home is searched for new runs, and a run for its end."""
SILENCE_SECONDS = 600.0
"""A run of another machine that touches its heartbeat and is silent for so long is lost."""
SILENCE_WITHOUT_HEARTBEAT_SECONDS = 86_400.0
"""The same for one that has no heartbeat, and shows only what it records."""

log = structlog.get_logger(__name__)


class LocalRuns:
    """What the scheduler does with programs that it did not start."""

    def __init__(
        self,
        service: Service,
        *,
        seconds: Callable[[], float],
        here: Machine | None = None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Follow the runs of a service's home.

        Args:
            service: takes them into the jobs.
            seconds: a clock that goes on evenly.
            here: the machine that this is; None finds it out.
            look_seconds: how often to look.
        """
        self._service = service
        self._home = service.home
        self._seconds = seconds
        self._here = here or Machine.model_validate(describe_machine(str(self._home.root)))
        self._look_seconds = look_seconds
        self._seen: set[str] = set()

    async def find(self) -> None:
        """Take new runs into the jobs as they come, until cancelled."""
        while True:
            try:
                await self.look()
            except (AtlasError, OSError) as error:
                log.error("local runs cannot be taken in", problem=str(error))
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> None:
        """Take the runs into the jobs that are there now and were not before, oldest first."""
        names, runs = await asyncio.to_thread(self._new_runs)
        for run in runs:
            if await self._service.enter_local_run(run):
                log.info("found a local run", job_id=run.job_id, project=run.project)
        self._seen = names

    async def end(self, job: Job) -> Event:
        """Wait for the end of a run. Every record is in its file when this returns."""
        run = await self._description(job)
        silence = _Silence(self._seconds)
        while True:
            event = await asyncio.to_thread(self._ended, job, run, silence)
            if event is not None:
                return event
            await asyncio.sleep(self._look_seconds)

    async def stop(self, job: Job, *, grace_seconds: float) -> None:
        """Ask a run to end: by `should_stop`, and its process on this machine by signals.

        A session, such as a notebook, is never signalled: it is more than its run. Nor is a
        process of another machine.
        """
        run = await self._description(job)
        await asyncio.to_thread(request_stop, self._home.job_dir(job.job_id))
        if run.interactive or run.boot_id is None or run.boot_id != self._here.boot_id:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not is_its_process(run):
                return
            with suppress(ProcessLookupError, PermissionError):
                os.kill(run.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await _gone(run)

    async def _description(self, job: Job) -> RunDescription:
        run = (await self._service.load(job.job_id)).local_run
        assert run is not None, "only local runs are followed here"
        return run

    def _new_runs(self) -> tuple[set[str], list[RunDescription]]:
        """List the directories of jobs, and the runs among those that are new."""
        names = self._names()
        described = [read_description(self._home.job_dir(name)) for name in names - self._seen]
        found = [run for run in described if run is not None]
        return names, sorted(found, key=lambda run: run.started_at)

    def _names(self) -> set[str]:
        with suppress(FileNotFoundError), os.scandir(self._home.job_dirs) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".")}
        return set()

    def _ended(self, job: Job, run: RunDescription, silence: _Silence) -> Event | None:
        """Say how a run ended; None while it goes on."""
        job_dir = self._home.job_dir(job.job_id)
        # Asked before its end is read: a process that is dead says nothing more.
        why = self._death(job_dir, run, silence)
        end = read_end(job_dir)
        began_ms = job.started_at_ms or 0
        if end is not None:
            return _exit(end, began_ms)
        if why is None:
            return None
        return Gone(max(began_ms, last_sign_ms(job_dir)), why)

    def _death(self, job_dir: Path, run: RunDescription, silence: _Silence) -> str | None:
        if not job_dir.is_dir():
            return "its directory was removed"
        found = life(job_dir, run, self._here)
        if found is Life.DEAD:
            return "its process ended without saying how: it was killed, or it crashed"
        if found is Life.RESTARTED:
            return "the machine was restarted while it ran"
        if found is Life.ALIVE:
            return None
        limit = SILENCE_SECONDS if run.beats else SILENCE_WITHOUT_HEARTBEAT_SECONDS
        if silence.lasts(signs_of_life(job_dir)) < limit:
            return None
        return f"it runs on {run.host}, and gave no sign of life for {limit / 60:g} minutes"


async def _gone(run: RunDescription) -> None:
    while is_its_process(run):  # noqa: ASYNC110 - no event tells of a process that is no child
        await asyncio.sleep(0.05)


class _Silence:
    """For how long something stays the same, by this process's own clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._since = seconds()
        self._signs: object = None

    def lasts(self, signs: object) -> float:
        """Hear the signs of now; return for how many seconds they have been these."""
        if signs != self._signs:
            self._signs, self._since = signs, self._seconds()
        return self._seconds() - self._since


def _exit(end: RunEnd, began_ms: int) -> Exited:
    return Exited(
        max(began_ms, int(end.at * 1000)),
        exit_code=end.exit_code,
        error=end.error,
        interrupted=end.interrupted,
    )
