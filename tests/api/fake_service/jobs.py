"""Jobs: found, looked at, stopped, deleted and restored."""

from __future__ import annotations

from collections.abc import Sequence

from foundations.errors import InvalidRequest, JobConflict, NotFound, SchedulerError
from foundations.models import (
    FINAL_STATES,
    FileDiff,
    JobDetail,
    JobPage,
    JobsStopped,
    JobState,
    JobView,
    SourceDiff,
    StopJobs,
    StopRefusal,
)
from foundations.provenance import Provenance
from tests.api.fake_service.state import State


class Jobs(State):
    """Jobs: found, looked at, stopped, deleted and restored, in memory."""

    async def jobs(
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
        if cursor is not None and not cursor.isdecimal():
            raise InvalidRequest(f"`{cursor}` is no cursor.")
        found = [
            job
            for job in reversed(self._jobs.values())
            if project in (None, job.submission.spec.project)
            and (not states or job.state in states)
        ]
        start = int(cursor or offset or 0)
        end = start + limit
        if offset is not None:
            return JobPage(jobs=[self._view(job) for job in found[start:end]], total=len(found))
        return JobPage(
            jobs=[self._view(job) for job in found[start:end]],
            next_cursor=str(end) if end < len(found) else None,
        )

    async def job(self, ref: str) -> JobDetail:
        job = self._jobs[await self.resolve(ref)]
        return JobDetail(
            **self._view(job).model_dump(),
            spec=job.submission.spec,
            bundle=job.submission.bundle,
            bundle_size_bytes=len(self.bundles[job.submission.bundle]),
            log_size_bytes=len(job.log),
            history=[change for change in self._changes if change.job_id == job.job_id],
        )

    async def provenance(self, ref: str) -> Provenance:
        return Provenance(origin=self._jobs[await self.resolve(ref)].submission.origin)

    async def source_diff(self, ref: str, other: str) -> SourceDiff:
        old = self._jobs[await self.resolve(ref)]
        new = self._jobs[await self.resolve(other)]
        same = old.submission.bundle == new.submission.bundle
        files = [] if same else [FileDiff(path="main.py", change="changed", omitted="binary")]
        return SourceDiff(job_id=old.job_id, other_id=new.job_id, files=files)

    async def stop(self, ref: str, *, by: str) -> JobView:
        job = self._jobs[await self.resolve(ref)]
        if job.state in FINAL_STATES:
            raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be stopped")
        job.reason = f"stopped by {by}"
        waits = job.state is JobState.QUEUED
        self._move(job.job_id, "StopRequested", JobState.STOPPED if waits else JobState.STOPPING)
        return self._view(job)

    async def stop_jobs(
        self, which: StopJobs, *, by: str, only_of: str | None = None
    ) -> JobsStopped:
        if which.filter == "nonsense":
            raise InvalidRequest("The filter is not valid at column 1.")
        going = [one for one, job in self._jobs.items() if job.state not in FINAL_STATES]
        refs = list(which.jobs) or going
        if which.at_most is not None and len(refs) > which.at_most:
            raise JobConflict(f"The filter takes {len(refs)} jobs by now.")
        done: dict[str, list[str]] = {"stopped": [], "stopping": []}
        refused = []
        for ref in refs:
            try:
                job = await self.stop(ref, by=by)
            except SchedulerError as error:
                refused.append(StopRefusal(job=ref, error=error.code, message=error.message))
            else:
                done[job.state].append(job.job_id)
        return JobsStopped(**done, refused=refused)

    async def restore(self, ref: str, *, by: str) -> JobView:
        found = [job_id for job_id in self._deleted if job_id.startswith(ref)]
        if not found:
            raise NotFound(f"There is no deleted job `{ref}` that can be restored.")
        job = self._jobs[found[0]] = self._deleted.pop(found[0])
        self.happen(job.job_id, "Restored")
        return self._view(job)

    async def delete(self, ref: str, *, by: str) -> None:
        job = self._jobs[await self.resolve(ref)]
        if job.state not in FINAL_STATES:
            raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be deleted")
        self.forget(job.job_id)
