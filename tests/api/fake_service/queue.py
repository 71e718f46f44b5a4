"""The queue: its settings, its order, and what it holds back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foundations.errors import InvalidRequest, JobConflict
from foundations.models import (
    Cleared,
    JobState,
    JobView,
    NewQueueSettings,
    PauseView,
    QueueChange,
    QueueView,
)
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.projects import Projects
from tests.api.fake_service.state import FakeJob


class Queue(Projects):
    """The queue: its settings, its order, and what it holds back, in memory."""

    async def queue_settings(self) -> QueueView:
        return self._queue

    async def set_queue_settings(self, wanted: NewQueueSettings, *, by: str) -> QueueView:
        given = wanted.model_dump(exclude_defaults=True)
        return self._change_queue("QueueChanged", **given)

    async def pause_queue(self, project: str | None, *, by: str) -> QueueView:
        if project is not None:
            self._require_project(project)
            pauses = [PauseView(by=by, at=MOMENT, project=project)]
            return self._change_queue("QueuePaused", project, paused_projects=pauses)
        return self._change_queue("QueuePaused", paused=PauseView(by=by, at=MOMENT))

    async def resume_queue(self, project: str | None, *, by: str) -> QueueView:
        if project is not None:
            self._require_project(project)
            return self._change_queue("QueueResumed", project, paused_projects=[])
        return self._change_queue("QueueResumed", paused=None)

    def _change_queue(self, event: str, project: str | None = None, **changed: Any) -> QueueView:
        self._queue = self._queue.model_copy(update=changed)
        change = QueueChange(seq=self._next_seq(), at=MOMENT, event=event, project=project)
        self._queue_changes.append(change)
        self.announce()
        return self._queue

    async def clear_queue(
        self,
        project: str | None,
        *,
        by: str,
        filter: str | None = None,
        only_of: str | None = None,
    ) -> Cleared:
        if filter == "nonsense":
            raise InvalidRequest("The filter is not valid at column 1.")
        cleared = [
            job_id
            for job_id, job in self._jobs.items()
            if job.state is JobState.QUEUED and project in (None, job.submission.spec.project)
        ]
        for job_id in cleared:
            self._jobs[job_id].reason = f"stopped by {by}"
            self._move(job_id, "StopRequested", JobState.STOPPED)
        return Cleared(removed=len(cleared), job_ids=cleared)

    async def move(
        self,
        refs: Sequence[str],
        place: str,
        other: str | None,
        *,
        by: str,
        only_of: str | None = None,
    ) -> list[JobView]:
        if (place in ("before", "after")) != (other is not None):
            raise InvalidRequest(f"`{place}` and `other` do not fit.")
        if other is not None:
            await self.resolve(other)
        found = [self._waiting(await self.resolve(ref)) for ref in refs]
        for job in found:
            self.happen(job.job_id, "Moved")
        return [self._view(job) for job in found]

    async def set_priority(self, ref: str, priority: int, *, by: str) -> JobView:
        job = self._waiting(await self.resolve(ref))
        job.priority = priority
        return self._view(job)

    async def hold(self, ref: str, *, by: str) -> JobView:
        job = self._waiting(await self.resolve(ref))
        job.held_by = by
        return self._view(job)

    async def release(self, ref: str, *, by: str) -> JobView:
        job = self._waiting(await self.resolve(ref))
        job.held_by = None
        return self._view(job)

    def _waiting(self, job_id: str) -> FakeJob:
        job = self._jobs[job_id]
        if job.state is not JobState.QUEUED:
            raise JobConflict(f"Job `{job_id}` is {job.state} and does not wait.")
        return job
