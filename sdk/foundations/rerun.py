"""Repeats jobs: the same bundle, image and parameters, except for what is changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from foundations.errors import ConfigError, NotFound, Unreachable
from foundations.models import JobDetail, JobSpec, JobView, Submission
from foundations.preparation import current_user, explain, plain_params, split_command

if TYPE_CHECKING:
    from foundations.client import Client


def rerun_spec(
    job: JobDetail,
    *,
    command: str | Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
) -> JobSpec:
    """Return what a job must be told to do the same again.

    Args:
        job: the job to repeat.
        command: in place of its command; None and empty keep it.
        params: added to its parameters; the last value of a key counts.

    Raises:
        ConfigError: the job is a local run; a parameter has no JSON form; or the command cannot
            be one.
    """
    if job.local:
        raise ConfigError(
            f"Job `{job.job_id}` is a local run: it ran where it lay, and no copy of its files was "
            "kept that could run again. To run that directory as a job, submit it instead: "
            "`foundations submit scheduler DIR`"
        )
    changes = {
        # A project may have another name since the job was submitted.
        "project": job.project,
        "command": split_command(command) or job.spec.command,
        "params": {**job.spec.params, **plain_params(params or {})},
        "user": current_user(),
        "rerun_of": job.job_id,
    }
    try:
        return JobSpec.model_validate({**job.spec.model_dump(), **changes})
    except ValidationError as error:
        raise ConfigError(explain(error)) from error


def unpinned(job: JobDetail) -> tuple[str, ...]:
    """Say what may differ in a rerun although nobody changed it, as far as the job tells."""
    image = job.spec.image
    if job.engine == "process":
        python = job.spec.python or "python3"
        return (f"The packages of {python} are those that are installed now.",)
    if image is None:
        return (
            ()
            if job.engine is None
            else ("The standard worker image may have been rebuilt since.",)
        )
    if "@sha256:" in image:
        return ()
    return (f"The image {image} is named by a tag, which may mean another image now.",)


def create_rerun(client: Client, job: JobDetail, spec: JobSpec) -> JobView:
    """Queue one job in the bundle of another; a lost answer never queues it twice.

    Raises:
        NotFound: the bundle is not there any more.
    """
    submission = Submission.model_validate({"spec": spec, "bundle": job.bundle})
    key = str(uuid.uuid4())
    try:
        try:
            return client.submit(submission, idempotency_key=key)
        except Unreachable:
            return client.submit(submission, idempotency_key=key)
    except NotFound as error:
        raise NotFound(
            f"The scheduler no longer has what job `{job.job_id}` ran ({job.bundle}), so it cannot "
            "be repeated from there. To run the current directory with the same settings: "
            "`foundations rerun job --here`"
        ) from error
