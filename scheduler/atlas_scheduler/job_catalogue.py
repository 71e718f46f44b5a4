"""What can be asked about jobs: lists, single jobs, arrays, where they come from, their metrics.

`job_files` has what is kept of them in files.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.filters import FilterError, Query, narrowed, parse
from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.seeds import seeds
from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.engine.process import ProcessEngine
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.job_files import JobFiles
from atlas_scheduler.outlook import Outlook
from atlas_scheduler.store import (
    array_refs,
    arrays,
    dependencies,
    history,
    jobs,
    metric_points,
    pauses,
    provenance,
    queue_places,
    records,
    remarks,
)
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.disk_guard import DiskGuard
from atlas_scheduler.store.disk_guard import places as disk_places
from atlas_scheduler.store.job_search import search
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.listings import Listings
from atlas_scheduler.supply import Supply
from atlas_scheduler.views import JobViews, job_detail
from foundations.errors import InvalidRequest
from foundations.home import Home
from foundations.models import (
    ArrayView,
    JobDetail,
    JobPage,
    JobState,
    JobView,
    MetricSeries,
    MetricSummary,
    QueueSettings,
    Waiting,
)
from foundations.parameters import flatten_parameters
from foundations.provenance import Provenance

HISTORY_LIMIT = 1_000
"""Most history rows that are shown of one job."""
SEARCH_SECONDS = 20.0
"""A page of jobs that takes longer is given up: no filter may keep a reader from the others."""


class JobCatalogue(JobFiles):
    """The answers about jobs. Methods raise `foundations.errors.SchedulerError` kinds."""

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
        self.instance = instance
        self.engine = engine
        self.supply = Supply()
        self.disk_guard = DiskGuard(disk_places(home))
        self._queue = queue
        self._clock_ms = clock_ms
        self._listings = Listings()
        self._outlook = Outlook()
        self._job_views = JobViews()

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
            query = parsed(filter or "", project=project, states=states or (), user=user)
            pick = partial(self._search, query=query, limit=limit, cursor=cursor)

        def look(conn: sqlite3.Connection) -> JobPage:
            found, next_cursor = pick(conn)
            return JobPage(jobs=self._views(conn, found), next_cursor=next_cursor)

        return await self._look_within_limits(look)

    def _search(
        self, conn: sqlite3.Connection, *, query: Query, limit: int, cursor: str | None
    ) -> tuple[list[StoredJob], str | None]:
        now_ms = self._clock_ms()
        with self._placed(conn, query, now_ms):
            return search(conn, query, now_ms=now_ms, limit=limit, cursor=cursor)

    def _window(
        self, conn: sqlite3.Connection, *, query: Query, offset: int, limit: int
    ) -> JobPage:
        now_ms = self._clock_ms()
        with self._placed(conn, query, now_ms):
            found, total = self._listings.window(
                conn, query, now_ms=now_ms, offset=offset, limit=limit
            )
        return JobPage(jobs=self._views(conn, found), total=total)

    def _placed(
        self, conn: sqlite3.Connection, query: Query, now_ms: int
    ) -> AbstractContextManager[None]:
        """Let a search know the places in the queue, where it asks for them."""
        if not query.names(BuiltIn.PLACE):
            return nullcontext()
        return queue_places.known(self._outlook.places(conn, self._capacity(conn), now_ms=now_ms))

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
                    "container": attempt.name if _has_container(stored) else None,
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
        more: dict[str, object] = {"log_size_bytes": self.log_size(detail.job_id)}
        if detail.state is JobState.STARTING:
            more["doing"] = self.last_log_line(detail.job_id) or None
        return detail.model_copy(update=more)

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
            self._job_views.of(one, recorded[one.job.job_id], waiting=waiting, now_ms=now_ms)
            for one in found
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


def _has_container(stored: StoredJob) -> bool:
    """Whether the latest attempt has or had one, as far as is known before its start."""
    is_plain = stored.bundle is None or stored.engine == ProcessEngine.name
    return stored.job.attempt > 0 and not is_plain
