"""What the scheduler refuses of a submission: asked before the files come, and when they are there.

Whoever submits a large directory asks first (`check_submission`). The verbs that submit go by the
same judgement, so that what is refused late could have been refused early.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.capacity import refusal
from atlas_scheduler.core.dependencies import Condition
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.recurrence import BadRecurrence, next_after
from atlas_scheduler.core.resources import Needs
from atlas_scheduler.secret_keeping import SecretKeeping
from atlas_scheduler.store import array_refs, arrays, jobs
from atlas_scheduler.store.holdings import (
    require_own,
    require_places,
    require_possible_size,
    require_space,
)
from atlas_scheduler.store.threads import in_thread
from atlas_scheduler.store.uploads import too_large
from foundations.bundles.listing import parse_listing
from foundations.errors import InvalidRequest
from foundations.models import After, JobState, Plan, SubmissionCheck
from foundations.models.arrays import read_indices

MOST_DEPENDENCIES = 100_000
"""Of one submission: each of its jobs on each of the others."""

Others = Mapping[str, tuple[Condition, JobState]]
"""By their ids, the jobs to come after: how each must end, and where it stands."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A submission that nothing speaks against."""

    holder: Job | None
    """The job that has its unique key, and is not asked to end."""
    others: Others


class Acceptance(SecretKeeping):
    """Decides what may be submitted at all."""

    max_bundle_bytes: int = 20 * 10**9
    """Largest bundle that is accepted, packed or in all its files."""

    async def check_submission(
        self, wanted: SubmissionCheck, *, bounds: Bounds | None = None
    ) -> None:
        """Refuse what would be refused once its bundle is here; changes nothing.

        Raises:
            SchedulerError: as the verb would that submits it.
        """
        plan, count = wanted.plan, 1
        if wanted.indices is not None:
            refuse_for_array(plan)
            count = len(read_indices(wanted.indices))
        elif wanted.cron is not None:
            refuse_for_schedule(plan)
            first_time(wanted.cron, wanted.time_zone, self._clock_ms())
            bounds = None  # its jobs are held to them, each when its time comes
        if wanted.bundle_bytes > self.max_bundle_bytes:
            raise too_large("The bundle", self.max_bundle_bytes)
        await self._require_possible(plan)

        def judge(conn: sqlite3.Connection) -> Judged:
            if bounds is not None:
                require_possible_size(bounds, size_bytes=wanted.bundle_bytes)
            return self._judge(conn, plan, bounds, count=count)

        await self._database.read(judge)

    async def _require_space_for(self, bounds: Bounds, digest: str, listing: bytes) -> None:
        """Refuse files of a bundle that nobody could submit.

        Raises:
            TooMany: there is no space for it.
        """
        if bounds.stored_bytes is None:
            return
        size_bytes = await in_thread(lambda: parse_listing(listing).size_bytes)
        await self._database.read(
            lambda conn: require_space(conn, bounds, bundle=digest, size_bytes=size_bytes)
        )

    async def _require_possible(self, plan: Plan) -> None:
        """Refuse what no scheduler in this shape could ever run.

        Raises:
            InvalidRequest: it asks for more than there is in all, or for secrets that are not here.
        """
        self._refuse_impossible(plan)
        await self._need_secrets(plan.spec)

    def _refuse_impossible(self, plan: Plan) -> None:
        spec = plan.spec
        needs = Needs(spec.num_gpus, spec.cpus or 0, spec.ram_gb or 0)
        reason = refusal(needs, self._capacity())
        if reason is not None and self.engine.capabilities is not None:
            raise InvalidRequest(f"{reason[0].upper()}{reason[1:]}.")

    def _judge(
        self, conn: sqlite3.Connection, plan: Plan, bounds: Bounds | None, *, count: int
    ) -> Judged:
        """Say how a submission fits in with what is there.

        Args:
            conn: the database.
            plan: what is submitted.
            bounds: how far whoever submits may go.
            count: how many jobs it makes.

        Raises:
            Forbidden: a job of somebody else has its unique key.
            InvalidRequest: what it comes after makes no sense.
            NotFound: there is no such job.
            TooMany: there is no room for its jobs.
        """
        found = rivals(conn, plan)
        if bounds is not None and bounds.only_own:
            require_own(found, plan, user=bounds.user, sharing=self.sharing)
        holder = next((one for one in found if one.state is not JobState.STOPPING), None)
        if skips(plan, holder):
            return Judged(holder, {})
        if bounds is not None:
            require_places(conn, bounds, jobs=count)
        others = others_of(conn, plan.after)
        require_few(count, others)
        return Judged(holder, others)


def refuse_for_array(plan: Plan) -> None:
    """Refuse what only a single job can have.

    Raises:
        InvalidRequest: it has a unique key.
    """
    if plan.unique is not None:
        raise InvalidRequest("A unique key is that of one job: an array cannot have it.")


def refuse_for_schedule(plan: Plan) -> None:
    """Refuse what is about one job in particular.

    Raises:
        InvalidRequest: it has such a thing.
    """
    once = {"after": plan.after, "unique": plan.unique, "not_before": plan.not_before}
    given = [name for name, value in once.items() if value]
    if given:
        raise InvalidRequest(f"A schedule submits many jobs: `{given[0]}` is for a single one.")


def first_time(cron: str, time_zone: str, now_ms: int) -> int:
    """Return when a schedule submits first.

    Raises:
        InvalidRequest: its times cannot be read, or never come.
    """
    try:
        return next_after(cron, time_zone, now_ms)
    except BadRecurrence as error:
        raise InvalidRequest(str(error)) from error


def skips(plan: Plan, holder: Job | None) -> bool:
    """Whether nothing is submitted, as a job has the unique key."""
    return holder is not None and plan.unique is not None and plan.unique.if_exists == "skip"


def rivals(conn: sqlite3.Connection, plan: Plan) -> list[Job]:
    """Jobs that have the unique key of a submission and have not ended."""
    if plan.unique is None:
        return []
    return jobs.with_unique_key(conn, plan.spec.project, plan.unique.key)


def others_of(conn: sqlite3.Connection, wanted: Sequence[After]) -> Others:
    """Find the jobs to come after.

    Raises:
        InvalidRequest: one is named twice.
        NotFound: there is no such job.
    """
    found: dict[str, tuple[Condition, JobState]] = {}
    for one in wanted:
        if one.array is not None:
            named = arrays.members(conn, array_refs.resolve(conn, one.array))
        else:
            job = jobs.load_job(conn, jobs.resolve(conn, one.job))
            named = {job.job_id: job.state}
        twice = next((job_id for job_id in named if job_id in found), None)
        if twice is not None:
            raise InvalidRequest(f"Job `{twice}` is named twice as one to come after.")
        condition = Condition(one.on)
        found |= {job_id: (condition, state) for job_id, state in named.items()}
    return found


def require_few(count: int, others: Others) -> None:
    """Refuse more dependencies than one submission may make.

    Raises:
        InvalidRequest: so many jobs after so many others are too many.
    """
    if count * len(others) > MOST_DEPENDENCIES:
        raise InvalidRequest(
            f"{count} jobs after {len(others)} others are more than {MOST_DEPENDENCIES} "
            "dependencies. Put one job in between."
        )
