"""What can be asked of the scheduler: how it stands, its queue, its projects, and what changes.

`job_catalogue` answers about jobs. Nothing here changes anything; `service.Service` adds the verbs
that do.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import foundations
from atlas_scheduler.core.access import Sharing
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.core.retention import Policy
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.environment_shelf import EnvironmentShelf
from atlas_scheduler.execs import Execs, Tunnels
from atlas_scheduler.feed import Feed, Interest, News
from atlas_scheduler.image_shelf import ImageShelf
from atlas_scheduler.job_catalogue import JobCatalogue
from atlas_scheduler.job_secrets import JobSecrets
from atlas_scheduler.machine import Machine
from atlas_scheduler.ownership import Ownership
from atlas_scheduler.served_certificate import ServedCertificate
from atlas_scheduler.store import history, jobs, owners, pauses, projects, retention
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.environments import Environments
from atlas_scheduler.store.queue import QueueLine
from atlas_scheduler.telemetry import Telemetry
from atlas_scheduler.tokens import Tokens
from atlas_scheduler.views import project_view, queue_view
from foundations.home import Home
from foundations.models import API_VERSION, ProjectView, QueueSettings, QueueView, SchedulerInfo


class Catalogue(JobCatalogue):
    """All of the scheduler's answers. Methods raise `foundations.errors.SchedulerError` kinds."""

    delete_grace_ms: int = 10_000
    """For how long a deletion can be undone."""
    listening: tuple[str, ...] = ()
    """Where it is asked beside its Unix socket, as URLs."""
    certificate: ServedCertificate | None = None
    """What it proves itself by there; None where nobody asks by https."""
    retention: Policy = Policy()
    """What the server's settings say that projects keep."""
    sharing: Sharing = Sharing.EVERYONE_READS
    """What others see of somebody's jobs."""

    def __init__(
        self,
        *,
        database: Database,
        home: Home,
        instance: str,
        queue: QueueSettings,
        engine: EngineState,
        clock_ms: Callable[[], int],
    ) -> None:
        super().__init__(
            database=database,
            home=home,
            instance=instance,
            queue=queue,
            engine=engine,
            clock_ms=clock_ms,
        )
        self.machine = Machine(database, home, clock_ms=clock_ms)
        self.environments = EnvironmentShelf(Environments(home))
        """The ones that jobs share."""
        self.images = ImageShelf(None)
        """The ones that were built for jobs."""
        self.offered_volumes: Mapping[str, OfferedVolume] = {}
        """What jobs can name in place of paths."""
        self.feed = Feed(database, lambda: self.machine.host())
        self.execs = Execs()
        """Commands that run beside jobs."""
        self.tunnels = Tunnels()
        """Connections to ports of jobs."""
        self.job_secrets = JobSecrets(home, instance=instance)
        """What jobs are given and nobody is shown."""
        self.ownership = Ownership(database, self.execs, self.tunnels)
        self.tokens = Tokens(database, clock_ms=clock_ms)
        """Who may ask over a network."""
        self.telemetry = Telemetry()
        self._line = QueueLine()
        self._writes: set[asyncio.Task[Any]] = set()
        self._chores: set[asyncio.Task[None]] = set()

    async def info(self) -> SchedulerInfo:
        """Who answers, and how it stands."""
        states, holding, last_seq, paused = await self._database.read(
            lambda conn: (
                jobs.count_by_state(conn),
                jobs.holding(conn),
                history.last_seq(conn),
                pauses.in_force(conn),
            )
        )
        return SchedulerInfo(
            version=foundations.__version__,
            api_version=API_VERSION,
            instance=self.instance,
            pid=os.getpid(),
            home=str(self.home.root),
            engine=self.engine.view(),
            queue=queue_view(self._queue, paused),
            gpus=list(self.engine.gpus),
            cpus=None if math.isinf(self.supply.cpus) else self.supply.cpus,
            ram_gb=None if math.isinf(self.supply.ram_gb) else self.supply.ram_gb,
            states=states,
            slots_taken=len(holding),
            last_seq=last_seq,
            delete_grace_seconds=self.delete_grace_ms / 1000,
            storage=self.disk_guard.view(),
            listening=list(self.listening),
            certificate=None if self.certificate is None else self.certificate.view(),
        )

    async def queue_settings(self) -> QueueView:
        """How the queue is run now, and what is paused."""
        return queue_view(self._queue, await self._database.read(pauses.in_force))

    async def projects(self, *, user: str | None = None) -> list[ProjectView]:
        """Every project, and how its jobs stand; with `user` those in which they have a job."""
        found, own, theirs = await self._database.read(
            lambda conn: (
                jobs.projects(conn),
                retention.own_rules(conn),
                None if user is None else owners.projects_of(conn, user),
            )
        )
        return [
            project_view(one, self.retention, own.get(one.name))
            for one in found
            if theirs is None or one.name in theirs
        ]

    async def holding(self) -> list[Job]:
        """Jobs that occupy a slot."""
        return await self._database.read(jobs.holding)

    async def running_locally(self) -> list[Job]:
        """Local runs that have not ended."""
        return await self._database.read(jobs.running_locally)

    async def unfinished_archives(self) -> list[Job]:
        """Final jobs whose archive is not complete."""
        return await self._database.read(jobs.unfinished_archives)

    def changes(
        self,
        since: int,
        *,
        job_id: str | None = None,
        follow: bool,
        queue: bool = False,
        records: bool = False,
        host: bool = False,
    ) -> AsyncGenerator[News | None]:
        """Every change after `since`, in order, then new ones as they come.

        Args:
            since: sequence number of the last change that is known.
            job_id: only this job.
            follow: go on with what comes.
            queue: tell changes of the queue itself as well.
            records: tell which jobs recorded something, at most once in a second.
            host: tell how busy the machine is, every few seconds.

        Yields:
            News; None as a sign of life when nothing happens for a while.
        """
        return self.feed.follow(
            since, Interest(job_id, queue=queue, records=records, host=host), follow=follow
        )

    def _project(self, conn: sqlite3.Connection, name: str) -> ProjectView:
        own = retention.own_rules(conn)
        return project_view(projects.view(conn, name), self.retention, own.get(name))
