"""Repeats jobs: the same bundle, image and parameters, except for what is changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from foundations import calls
from foundations.calls import Call
from foundations.errors import ConfigError, NotFound
from foundations.kept_keys import submit_again
from foundations.models import Accepted, JobDetail, JobSpec, Submission
from foundations.origin import here
from foundations.preparation import explain, plain_params, split_command
from foundations.provenance import Origin
from foundations.submitter import current_user
from foundations.transport.repetition import patiently
from foundations.unpinned import image_that_ran

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.job_creation import Request


def rerun_spec(
    job: JobDetail,
    *,
    command: str | Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> JobSpec:
    """Return what a job must be told to do the same again.

    Args:
        job: the job to repeat.
        command: in place of its command; None and empty keep it.
        params: added to its parameters; the last value of a key counts.
        changes: other fields of the spec, such as `num_gpus`; environment variables and tags are
            added to the job's.

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
    wanted = dict(changes or {})
    is_another = wanted.get("image") not in (None, job.spec.image)
    for key, added_to in (("environment", job.spec.environment), ("tags", job.spec.tags)):
        if key in wanted:
            wanted[key] = {**added_to, **wanted[key]}
    decided = {
        # A project may have another name since the job was submitted.
        "project": job.project,
        **wanted,
        "command": split_command(command) or job.spec.command,
        "params": {**job.spec.params, **plain_params(params or {})},
        "user": current_user(),
        "rerun_of": job.job_id,
        "pinned_image": None if is_another else image_that_ran(job),
        **({"build": None} if is_another else {}),
    }
    try:
        return JobSpec.model_validate({**job.spec.model_dump(), **decided})
    except ValidationError as error:
        raise ConfigError(explain(error)) from error


def like(job: JobDetail, written: Mapping[str, Any]) -> Request:
    """Return what makes the request for a job like another: with all that the other was told.

    Args:
        job: the other job.
        written: the same as the scheduler wrote it, from JSON.
    """
    return partial(submit_again, old=job.spec, written=written["spec"])


def request_like(client: Client, job: JobDetail) -> Request:
    """Return the same as `like`, of a job that the scheduler is asked for once more."""
    return like(job, client.json(calls.jobs.job(job.job_id)))


def repetition(
    job: JobDetail,
    spec: JobSpec,
    *,
    request: Request,
    origin: Origin | None = None,
    hold: bool = False,
) -> Call[Accepted]:
    """Return the request that queues a job in the bundle of another; sent twice, it queues one.

    Args:
        job: the other job.
        spec: what to run, as `rerun_spec` makes it.
        request: makes the request, as `like` returns it.
        origin: where the request comes from.
        hold: let it wait until it is released.
    """
    submission = Submission.model_validate(
        {"spec": spec, "bundle": job.bundle, "origin": origin, "hold": hold}
    )
    return request(submission, idempotency_key=str(uuid.uuid4()))


def create_rerun(client: Client, job: JobDetail, spec: JobSpec, *, hold: bool = False) -> Accepted:
    """Queue one job in the bundle of another; a lost answer never queues it twice.

    What git knew of the files, the server has with the other job.

    Raises:
        NotFound: the bundle is not there any more.
    """
    request = request_like(client, job)
    call = repetition(job, spec, request=request, origin=here(Path.cwd()), hold=hold)
    try:
        return patiently(lambda: client.send(call), client.patience)
    except NotFound as error:
        raise NotFound(
            f"The scheduler no longer has what job `{job.job_id}` ran ({job.bundle}), so it cannot "
            "be repeated from there. To run the current directory with the same settings: "
            "`foundations rerun job --here`"
        ) from error
