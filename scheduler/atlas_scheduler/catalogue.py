"""What can be asked of the scheduler: jobs, projects and changes; `job_files` adds their files.

Nothing here changes anything; `service.Service` adds the verbs that do.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import foundations
from atlas_scheduler.core.access import Sharing
from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.filters import FilterError, Query, narrowed, parse
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.core.retention import Policy
from atlas_scheduler.core.seeds import seeds
from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.environment_shelf import EnvironmentShelf
from atlas_scheduler.execs import Execs, Tunnels
from atlas_scheduler.feed import Feed, Interest, News
from atlas_scheduler.image_shelf import ImageShelf
from atlas_scheduler.job_files import JobFiles
from atlas_scheduler.job_secrets import JobSecrets
from atlas_scheduler.machine import Machine
from atlas_scheduler.outlook import Outlook
from atlas_scheduler.ownership import Ownership
from atlas_scheduler.served_certificate import ServedCertificate
from atlas_scheduler.store import (
    array_refs,
    arrays,
    dependencies,
    history,
    jobs,
    metric_points,
    owners,
    pauses,
    projects,
    provenance,
    records,
    remarks,
    retention,
)
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.disk_guard import DiskGuard
from atlas_scheduler.store.disk_guard import places as disk_places
from atlas_scheduler.store.environments import Environments
from atlas_scheduler.store.job_search import search
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.listings import Listings
from atlas_scheduler.store.queue import QueueLine
from atlas_scheduler.supply import Supply
from atlas_scheduler.telemetry import Telemetry
from atlas_scheduler.tokens import Tokens
from atlas_scheduler.views import job_detail, job_view, project_view, queue_view
from foundations.errors import InvalidRequest
from foundations.home import Home
from foundations.models import (
    API_VERSION,
    ArrayView,
    JobDetail,
    JobPage,
    JobState,
    JobView,
    MetricSeries,
    MetricSummary,
    ProjectView,
    QueueSettings,
    QueueView,
    SchedulerInfo,
    Waiting,
)
from foundations.provenance import Provenance
from foundations.tracking import flatten_parameters

HISTORY_LIMIT = 1_000
"""Most history rows that are shown of one job."""
SEARCH_SECONDS = 20.0
"""A page of jobs that takes longer is given up: no filter may keep a reader from the others."""


class Catalogue(JobFiles):
    """The scheduler's answers. Methods raise `foundations.errors.SchedulerError` kinds."""

    delete_grace_ms: int = 10_000
    """For how long a deletion can be undone."""
    listening: tuple[str, ...] = ()
    certificate: ServedCertificate | None = None
    """Where it is asked beside its Unix socket, as URLs."""
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
        super().__init__(database, home)
        self.machine = Machine(database, home, clock_ms=clock_ms)
        self.disk_guard = DiskGuard(disk_places(home))
        self.environments = EnvironmentShelf(Environments(home))
        """The ones that jobs share."""
        self.images = ImageShelf(None)
        """The ones that were built for jobs."""
        self.offered_volumes: Mapping[str, OfferedVolume] = {}
        """What jobs can name in place of paths."""
        self.engine = engine
        self.supply = Supply()
        self.instance = instance
        self._queue = queue
        self._clock_ms = clock_ms
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
        self._listings = Listings()
        self._outlook = Outlook()
        self._line = QueueLine()
        self._writes: set[asyncio.Task[Any]] = set()
        self._chores: set[asyncio.Task[None]] = set()

    # -- the scheduler

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

    def _project(self, conn: sqlite3.Connection, name: str) -> ProjectView:
        own = retention.own_rules(conn)
        return project_view(projects.view(conn, name), self.retention, own.get(name))

    # -- jobs

    async def holding(self) -> list[Job]:
        """Jobs that occupy a slot."""
        return await self._database.read(jobs.holding)

    async def running_locally(self) -> list[Job]:
        """Local runs that have not ended."""
        return await self._database.read(jobs.running_locally)

    async def unfinished_archives(self) -> list[Job]:
        """Final jobs whose archive is not complete."""
        return await self._database.read(jobs.unfinished_archives)

    async def jobs(  # noqa: PLR0913 - one argument a parameter of the query
        self,
        *,
        project: str | None = None,
        states: Sequence[JobState] | None = None,
        filter: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        offset: int | None = None,
        user: str | None = None,
    ) -> JobPage:
        """One page of jobs: newest first, unless the filter says otherwise.

        With `offset` the page begins at that place of the list and says how long the list is. With
        `user` there are only jobs of theirs.

        Raises:
            InvalidRequest: the filter has an error, or takes too long; the cursor is of another
                list.
        """
        if offset is not None:
            if cursor is not None:
                raise InvalidRequest("`cursor` and `offset` exclude each other.")
            query = parsed(filter or "", project=project, states=states or (), user=user)
            return await self._look_within_limits(
                partial(self._window, query=query, offset=offset, limit=limit)
            )
        if filter is None and user is None:
            pick = partial(jobs.page, project=project, states=states, limit=limit, cursor=cursor)
        else:
            pick = partial(
                search,
                query=parsed(filter or "", project=project, states=states or (), user=user),
                now_ms=self._clock_ms(),
                limit=limit,
                cursor=cursor,
            )

        def look(conn: sqlite3.Connection) -> JobPage:
            found, next_cursor = pick(conn)
            return JobPage(jobs=self._views(conn, found), next_cursor=next_cursor)

        return await self._look_within_limits(look)

    def _window(
        self, conn: sqlite3.Connection, *, query: Query, offset: int, limit: int
    ) -> JobPage:
        found, total = self._listings.window(
            conn, query, now_ms=self._clock_ms(), offset=offset, limit=limit
        )
        return JobPage(jobs=self._views(conn, found), total=total)

    async def _look_within_limits(self, look: Callable[[sqlite3.Connection], JobPage]) -> JobPage:
        try:
            async with asyncio.timeout(SEARCH_SECONDS):
                return await self._database.read(look)
        except TimeoutError as error:
            raise InvalidRequest(
                f"The search took longer than {SEARCH_SECONDS:g} seconds and was given up. Add a "
                "condition that takes fewer jobs, such as `project:NAME` or `since:7d`."
            ) from error

    async def view(self, job_id: str, *, explain: bool = True) -> JobView:
        """A job as lists show it; with `explain` also why it waits."""
        (view,) = await self._database.read(
            lambda conn: self._views(conn, [jobs.load(conn, job_id)], explain=explain)
        )
        return view

    async def job(self, ref: str) -> JobDetail:
        """Everything about one job."""

        def look(conn: sqlite3.Connection) -> JobDetail:
            stored = jobs.load(conn, jobs.resolve(conn, ref))
            job_id = stored.job.job_id
            attempt = AttemptId(self.instance, job_id, stored.job.attempt)
            return job_detail(
                stored,
                records.of_jobs(conn, [job_id])[job_id],
                waiting=self._waiting(conn, [stored]),
                now_ms=self._clock_ms(),
                more={
                    "container": attempt.name if attempt.attempt and stored.bundle else None,
                    "metric_series": records.series(conn, job_id),
                    "system_series": records.series(conn, job_id, system=True),
                    "artifacts": records.artifacts(conn, job_id),
                    "skipped_records": records.skipped(conn, job_id),
                    "notes": remarks.notes(conn, job_id),
                    "history": history.changes_since(conn, 0, job_id=job_id, limit=HISTORY_LIMIT),
                    "after": dependencies.of_job(conn, job_id),
                    "whole_array": stored.job.array and arrays.view(conn, stored.job.array),
                    "provenance": self._provenance(conn, stored),
                },
            )

        detail = await self._database.read(look)
        return detail.model_copy(update={"log_size_bytes": self.log_size(detail.job_id)})

    async def array(self, ref: str) -> ArrayView:
        """An array of jobs, and how they stand.

        Raises:
            NotFound: there is no such array, or none of its jobs is left.
        """
        return await self._database.read(
            lambda conn: arrays.view(conn, array_refs.resolve(conn, ref))
        )

    async def provenance(self, ref: str) -> Provenance:
        """Everything about where a job comes from, with the diff."""

        def look(conn: sqlite3.Connection) -> Provenance:
            stored = jobs.load(conn, jobs.resolve(conn, ref))
            return self._provenance(conn, stored, with_diff=True)

        return await self._database.read(look)

    async def metrics(self, ref: str, *, system: bool = False) -> list[MetricSummary]:
        """Each metric of a job in a row, by name; with `system` what the scheduler measured."""
        return await self._database.read(
            lambda conn: records.series(conn, jobs.resolve(conn, ref), system=system)
        )

    async def metric(
        self, ref: str, name: str, *, stretches: int | None, start: int, limit: int
    ) -> MetricSeries:
        """One metric's points: a page of them, or with `stretches` those that show its course.

        Raises:
            NotFound: the job logged no such metric.
        """

        def look(conn: sqlite3.Connection) -> MetricSeries:
            job_id = jobs.resolve(conn, ref)
            if stretches is not None:
                return metric_points.decimated(conn, job_id, name, stretches=stretches)
            return metric_points.page(conn, job_id, name, start=start, limit=limit)

        return await self._database.read(look)

    # -- changes

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
        return self.feed.follow(since, Interest(job_id, queue, records, host), follow=follow)

    # -- the queue as it stands

    @staticmethod
    def _provenance(
        conn: sqlite3.Connection, stored: StoredJob, *, with_diff: bool = False
    ) -> Provenance:
        job_id, spec = stored.job.job_id, stored.spec
        logged = records.of_jobs(conn, [job_id])[job_id].parameters
        given = seeds({**flatten_parameters(spec.params), **logged}, spec.environment)
        known = provenance.load(conn, job_id, with_diff=with_diff)
        return known.model_copy(update={"seeds": given})

    def _capacity(self, conn: sqlite3.Connection | None = None) -> Capacity:
        """What there is in all, and with a connection what somebody or an array holds back."""
        disk = self.disk_guard.reason
        if conn is None:
            return self.supply.capacity(self._queue, self.engine, disk)
        return self.supply.capacity(
            self._queue, self.engine, disk, pauses.in_force(conn), arrays.limits(conn)
        )

    def _waiting(self, conn: sqlite3.Connection, shown: Iterable[StoredJob]) -> dict[str, Waiting]:
        queued = [one.job.job_id for one in shown if one.job.state is JobState.QUEUED]
        if not queued:
            return {}
        return self._outlook.of(conn, queued, self._capacity(conn), now_ms=self._clock_ms())

    def _views(
        self, conn: sqlite3.Connection, found: Sequence[StoredJob], *, explain: bool = True
    ) -> list[JobView]:
        recorded = records.of_jobs(conn, [one.job.job_id for one in found])
        waiting = self._waiting(conn, found) if explain else {}
        now_ms = self._clock_ms()
        return [
            job_view(one, recorded[one.job.job_id], waiting=waiting, now_ms=now_ms) for one in found
        ]


def parsed(
    filter: str, *, project: str | None, states: Iterable[JobState], user: str | None = None
) -> Query:
    """Read a filter, and narrow it to a project, states and a user.

    Raises:
        InvalidRequest: it has an error; the message shows where.
    """
    try:
        return narrowed(parse(filter), project=project, states=states, user=user)
    except FilterError as error:
        raise InvalidRequest(str(error)) from error
