"""What a clone keeps of its job when it copies another directory; no widgets."""

from __future__ import annotations

from foundations.job_config import JobConfig
from foundations.models import JobSpec


def kept_keys(spec: JobSpec, job: JobSpec, config: JobConfig) -> list[str]:
    """The settings that a form has no field for and the directory says nothing of.

    Args:
        spec: what form and directory come to.
        job: what the job was told that is cloned.
        config: `job.config.yaml` of the directory.

    Returns:
        Names of fields of the spec that are to be those of the job.
    """
    worker = config.worker
    is_said = {
        "build": spec.image is not None or spec.build is not None,
        "pull": worker.pull is not None,
        "entrypoint": worker.entrypoint is not None or config.entrypoint is not None,
        "python": worker.python is not None,
        "working_dir": worker.working_dir is not None,
        "secrets": bool(spec.secrets),
        "volumes": bool(worker.volumes),
        "log_level": "log_level" in config.model_fields_set,
    }
    return [
        name
        for name, said in is_said.items()
        if not said and getattr(job, name) and getattr(job, name) != getattr(spec, name)
    ]
