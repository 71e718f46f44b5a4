"""A local run as a job of the database."""

from __future__ import annotations

from atlas_scheduler.core.job import Job
from atlas_scheduler.store.job_rows import StoredJob
from atlas_scheduler.store.run_dirs import RunDescription
from foundations.models import JobSpec, JobState

ENGINE = "local"
"""Stands where other jobs have the name of their engine, so that filters find it."""


def local_run_job(run: RunDescription, *, order: int) -> StoredJob:
    """Make the job of a local run, as it is before it is known to run."""
    job = Job(
        job_id=run.job_id,
        project=run.project,
        state=JobState.QUEUED,
        order=order,
        submitted_at_ms=int(run.started_at * 1000),
        is_local=True,
    )
    spec = JobSpec(project=run.project, command=run.command, user=run.user)
    return StoredJob(
        job=job, spec=spec, bundle=None, bundle_size_bytes=0, engine=ENGINE, local_run=run
    )
