"""What a submit form means, written as a command and as Python; no widgets."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from atlas_tui.submit_form import Draft, written
from foundations.models import JobDetail, JobSpec
from foundations.preparation import Asked


def submit_command(draft: Draft, asked: Asked, *, scheduler: str) -> str:
    """Write the command that submits the same."""
    words = ["foundations", "submit", scheduler, draft.directory.strip() or ".", *_options(asked)]
    return shlex.join([*words, "--detach", *asked.command])


def submit_call(draft: Draft, asked: Asked, *, scheduler: str) -> str:
    """Write the Python that submits the same."""
    given: dict[str, Any] = {
        "scheduler_config": scheduler,
        "job_directory": draft.directory.strip() or ".",
        "command": list(asked.command),
        "project_name": asked.project_name,
        "params": dict(asked.params or {}),
        "num_gpus": asked.num_gpus,
        "cpus": asked.cpus,
        "ram": asked.ram_gb,
        "image": asked.image,
        "tags": dict(asked.tags or {}),
        "environment": dict(asked.environment or {}),
        "priority": asked.priority,
        "hold": asked.hold or None,
    }
    said = [f"{name}={value!r}" for name, value in given.items() if value not in (None, {}, [])]
    return f"foundations.submit({', '.join(said)})"


def repeat_command(spec: JobSpec, job: JobDetail, *, scheduler: str, hold: bool = False) -> str:
    """Write the command that repeats a job with the same changes."""
    words = ["foundations", "rerun", "job", scheduler, job.job_id[:8]]
    if spec.command != job.spec.command:
        words += ["--command", shlex.join(spec.command)]
    words += [*_options(_difference(spec, job)), *(["--hold"] if hold else [])]
    return shlex.join([*words, "--detach"])


def repeat_call(spec: JobSpec, job: JobDetail) -> str:
    """Write the Python that repeats a job with the same changes."""
    changed = _difference(spec, job)
    said = [f"params={dict(changed.params)!r}"] if changed.params else []
    if spec.command != job.spec.command:
        said.append(f"command={list(spec.command)!r}")
    other = _spec_fields(changed)
    said += [f"changes={other!r}"] if other else []
    return f"SubmittedJob(client, {job.job_id[:8]!r}).rerun({', '.join(said)})"


def _options(asked: Asked) -> list[str]:
    """Options in the words of `submit` and `rerun job`."""
    words: list[str] = []
    for option, value in (
        ("--project-name", asked.project_name),
        ("--num-gpus", asked.num_gpus),
        ("--cpus", asked.cpus),
        ("--ram", asked.ram_gb),
        ("--image", asked.image),
        ("--priority", asked.priority),
    ):
        words += [] if value is None else [option, str(value)]
    words += ["--hold"] if asked.hold else []
    for name, value in (asked.params or {}).items():
        words += ["-p", f"{name}={written(value)}"]
    for name, value in (asked.environment or {}).items():
        words += ["--env", f"{name}={value}"]
    for name, value in (asked.tags or {}).items():
        words += ["--tag", f"{name}={value}"]
    return words


def _difference(spec: JobSpec, job: JobDetail) -> Asked:
    """What a spec asks beyond that of the job it repeats, command left aside."""
    before = job.spec
    return Asked(
        project_name=None if spec.project == job.project else spec.project,
        num_gpus=None if spec.num_gpus == before.num_gpus else spec.num_gpus,
        cpus=None if spec.cpus == before.cpus else spec.cpus,
        ram_gb=None if spec.ram_gb == before.ram_gb else spec.ram_gb,
        image=None if spec.image == before.image else spec.image,
        priority=None if spec.priority == before.priority else spec.priority,
        params=_new(spec.params, before.params),
        environment=_new(spec.environment, before.environment),
        tags=_new(spec.tags, before.tags),
    )


def _new(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in now.items() if name not in before or before[name] != value
    }


def _spec_fields(asked: Asked) -> dict[str, Any]:
    given = {
        "project": asked.project_name,
        "num_gpus": asked.num_gpus,
        "cpus": asked.cpus,
        "ram_gb": asked.ram_gb,
        "image": asked.image,
        "priority": asked.priority,
        "environment": dict(asked.environment or {}) or None,
        "tags": dict(asked.tags or {}) or None,
    }
    return {name: value for name, value in given.items() if value is not None}
