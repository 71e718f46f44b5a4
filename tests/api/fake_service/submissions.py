"""Jobs and arrays that are submitted."""

from __future__ import annotations

import uuid

from atlas_scheduler.core.bounds import Bounds
from foundations.errors import InvalidRequest, NotFound
from foundations.models import (
    FINAL_STATES,
    Accepted,
    ArrayView,
    JobState,
    NewArray,
    Submission,
    SubmissionCheck,
)
from foundations.models.arrays import read_indices
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.state import FakeJob, State, meant_by


class Submissions(State):
    """Jobs and arrays that are submitted, in memory."""

    async def submit(
        self,
        submission: Submission,
        *,
        idempotency_key: str | None,
        bounds: Bounds | None = None,
    ) -> Accepted:
        self.submissions += 1
        if idempotency_key is not None and idempotency_key in self._keys:
            return self._accepted(self._jobs[self._keys[idempotency_key]])
        holder = next((job for job in self._jobs.values() if _has_key(job, submission)), None)
        if holder is not None:
            return self._accepted(holder, existed=True)
        if submission.bundle not in self.bundles:
            raise NotFound(f"Bundle {submission.bundle} is not here. Upload it first.")
        job = FakeJob(str(uuid.uuid4()), submission, priority=submission.spec.priority)
        job.held_by = submission.spec.user if submission.hold else None
        self._jobs[job.job_id] = job
        if idempotency_key is not None:
            self._keys[idempotency_key] = job.job_id
        self._move(job.job_id, "Submitted", JobState.QUEUED)
        return self._accepted(job)

    async def check_submission(
        self, wanted: SubmissionCheck, *, bounds: Bounds | None = None
    ) -> None:
        if wanted.plan.spec.num_gpus > 0:
            raise InvalidRequest("The job asks for a GPU and this scheduler has no GPU.")

    def _accepted(self, job: FakeJob, *, existed: bool = False) -> Accepted:
        return Accepted.model_validate({**dict(self._view(job)), "existed": existed})

    async def submit_array(
        self, wanted: NewArray, *, idempotency_key: str | None, bounds: Bounds | None = None
    ) -> ArrayView:
        if idempotency_key is not None and idempotency_key in self._keys:
            return await self.array(self._keys[idempotency_key])
        array_id = str(uuid.uuid4())
        indices = read_indices(wanted.indices)
        for _ in indices:
            await self.submit(wanted.submission, idempotency_key=None)
        self._arrays[array_id] = ArrayView(
            array_id=array_id,
            project=wanted.submission.spec.project,
            indices=wanted.indices,
            size=len(indices),
            max_at_once=wanted.max_at_once,
            submitted_at=MOMENT,
            states={JobState.QUEUED: len(indices)},
        )
        if idempotency_key is not None:
            self._keys[idempotency_key] = array_id
        return self._arrays[array_id]

    async def array(self, ref: str) -> ArrayView:
        return self._arrays[meant_by(ref, self._arrays, what="array")[0]]


def _has_key(job: FakeJob, submission: Submission) -> bool:
    """Whether a job that goes on has the unique key of a submission."""
    has_key = submission.unique is not None and job.submission.unique == submission.unique
    return has_key and job.state not in FINAL_STATES
