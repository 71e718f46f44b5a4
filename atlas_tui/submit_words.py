"""What a submit form means, written as a command and as Python; no widgets."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from atlas_tui.submit_draft import Draft, retries_text, written
from atlas_tui.submit_form import AS_ASKED, words_of
from foundations.models import JobDetail, JobSpec
from foundations.preparation import Asked
from foundations.text.durations import write_duration


def submit_command(draft: Draft, asked: Asked, *, scheduler: str) -> str:
    """Write the command that submits the same."""
    words = ["foundations", "submit", scheduler, draft.directory.strip() or ".", *_options(asked)]
    words += [word for name in words_of(draft.secrets) for word in ("--secret", name)]
    words += [word for job in words_of(draft.after) for word in ("--after", job)]
    for option, text in (
        ("--at", draft.at),
        ("--unique", draft.unique),
        ("--array", draft.array),
        ("--cron", draft.cron),
    ):
        words += [option, text.strip()] if text.strip() else []
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
        "shm": asked.shm_gb,
        "image": asked.image,
        "tags": dict(asked.tags or {}),
        "environment": dict(asked.environment or {}),
        "secrets": words_of(draft.secrets),
        "time_limit": draft.time_limit.strip() or None,
        "queue_ttl": draft.queue_ttl.strip() or None,
        "retries": draft.retries.strip() or None,
        "retry_delay": draft.retry_delay.strip() or None,
        "priority": asked.priority,
        "hold": asked.hold or None,
        "after": words_of(draft.after),
        "at": draft.at.strip() or None,
        "unique": draft.unique.strip() or None,
    }
    said = [f"{name}={value!r}" for name, value in given.items() if value not in (None, {}, [])]
    name, first = "submit", []
    if asked.terms.array is not None:
        name, first = "submit_array", [repr(asked.terms.array)]
    elif asked.terms.cron is not None:
        name, first = "submit_schedule", [repr(asked.terms.cron)]
    return f"foundations.{name}({', '.join([*first, *said])})"


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
        ("--shm", asked.shm_gb),
        ("--image", asked.image),
        ("--time-limit", _duration(asked.time_limit_seconds)),
        ("--queue-ttl", _duration(asked.queue_ttl_seconds)),
        ("--retries", retries_text(asked.retries) or None),
        ("--retry-delay", _duration(asked.retry_delay_seconds)),
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
    other = {
        name: getattr(spec, name)
        for name in AS_ASKED
        if getattr(spec, name) != getattr(before, name)
    }
    return Asked(
        **other,
        project_name=None if spec.project == job.project else spec.project,
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
        **{name: getattr(asked, name) for name in AS_ASKED},
        "project": asked.project_name,
        "retries": asked.retries and asked.retries.model_dump(exclude_defaults=True),
        "environment": dict(asked.environment or {}) or None,
        "tags": dict(asked.tags or {}) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _duration(seconds: int | None) -> str | None:
    return None if seconds is None else write_duration(seconds)
