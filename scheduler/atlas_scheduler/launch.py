"""From a stored job to the `Launch` that an engine takes."""

from __future__ import annotations

from pathlib import Path

from atlas_scheduler.engine.port import AttemptId, Launch
from atlas_scheduler.store.archives import LOG
from atlas_scheduler.store.jobs import StoredJob
from foundations.home import Home

GB = 10**9


def plan_launch(stored: StoredJob, *, attempt: AttemptId, home: Home, library_dir: Path) -> Launch:
    """Say how to start the job's attempt: a closed set of fields, nothing passed through."""
    job, spec = stored.job, stored.spec
    return Launch(
        attempt=attempt,
        job_dir=home.job_dir(job.job_id),
        library_dir=library_dir,
        log_path=home.archive(job.job_id) / LOG,
        command=spec.command,
        entrypoint=spec.entrypoint,
        image=spec.image,
        build=spec.build,
        pull=spec.pull,
        pinned_image=spec.pinned_image,
        python=spec.python,
        working_dir=spec.working_dir,
        environment={
            **spec.environment,
            "FOUNDATIONS_JOB_ID": job.job_id,
            "FOUNDATIONS_ATTEMPT": str(attempt.attempt),
            "FOUNDATIONS_PROJECT_NAME": job.project,
            "FOUNDATIONS_USER": spec.user,
            "FOUNDATIONS_LOG_LEVEL": spec.log_level,
        },
        secret_variables=tuple(sorted(name for name, use in spec.secrets.items() if use == "env")),
        volumes=spec.volumes,
        gpus=job.gpus,
        cpus=spec.cpus,
        ram_bytes=_size_bytes(spec.ram_gb),
        shm_bytes=_size_bytes(spec.shm_gb),
    )


def _size_bytes(size_gb: float | None) -> int | None:
    """A size in bytes; never 0, which means no limit to engines."""
    return None if size_gb is None else max(1, int(size_gb * GB))
