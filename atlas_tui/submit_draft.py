"""What stands in a submit form: as typed, as a job was told it, and what empty fields mean."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from foundations.errors import ConfigError
from foundations.image_config import ImageConfig
from foundations.job_config import load_job_config
from foundations.models import ImageBuild, JobDetail, Retries
from foundations.text.durations import write_duration


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form; an empty text asks for nothing."""

    directory: str = ""
    command: str = ""
    project: str = ""
    params: str = ""
    """A `NAME=VALUE` on each line."""
    num_gpus: str = ""
    cpus: str = ""
    ram: str = ""
    shm: str = ""
    image: str = ""
    tags: str = ""
    """`NAME=VALUE` words."""
    environment: str = ""
    secrets: str = ""
    """Names, each with `:env` behind it if it is to be a variable too."""
    time_limit: str = ""
    queue_ttl: str = ""
    retries: str = ""
    retry_delay: str = ""
    priority: str = ""
    hold: str = ""
    """`yes`, to let it wait until it is released."""
    after: str = ""
    """Ids, each with `:ok`, `:any` or `:failed` behind it if wanted."""
    at: str = ""
    unique: str = ""
    array: str = ""
    cron: str = ""


FIELDS = tuple(one.name for one in fields(Draft))
LABELS = {
    "directory": "Directory",
    "command": "Command",
    "project": "Project",
    "params": "Parameters",
    "num_gpus": "GPUs",
    "cpus": "CPUs",
    "ram": "RAM in GB",
    "shm": "Shared GB",
    "image": "Image",
    "tags": "Tags",
    "environment": "Environment",
    "secrets": "Secrets",
    "time_limit": "Time limit",
    "queue_ttl": "Queue TTL",
    "retries": "Retries",
    "retry_delay": "Retry delay",
    "priority": "Priority",
    "hold": "Hold",
    "after": "After jobs",
    "at": "Not before",
    "unique": "Unique key",
    "array": "Array",
    "cron": "Cron",
}
SECTIONS = {"num_gpus": "NEEDS", "tags": "MARKS", "time_limit": "LIMITS", "priority": "QUEUE"}
"""Titles, by the field that they stand above."""
ONLY_NEW = ("secrets", "after", "at", "unique", "array", "cron")
"""Fields that a rerun has not: it gets the secrets of the job, and runs once and at once."""
_TERM_HINTS = {
    "after": "none; ID, ID:any or ID:failed of each",
    "at": "at once; in 2h, 18:30, 2027-01-31T08:00",
    "unique": "none; a key that one job has at a time",
    "array": "one job; 0-99, 1,4,7-9, 0-99:10%4",
    "cron": "once; minute hour day month weekday",
}


class FieldProblem(Exception):
    """Something in the form is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def draft_of(job: JobDetail) -> Draft:
    """Fill a form with what a job was told."""
    spec = job.spec
    return Draft(
        command=shlex.join(spec.command),
        project=job.project,
        params=_param_lines(spec.params),
        num_gpus=str(spec.num_gpus) if spec.num_gpus else "",
        cpus=_number(spec.cpus),
        ram=_number(spec.ram_gb),
        shm=_number(spec.shm_gb),
        image=spec.image or "",
        tags=_pairs(spec.tags),
        environment=_pairs(spec.environment),
        time_limit=_duration(spec.time_limit_seconds),
        queue_ttl=_duration(spec.queue_ttl_seconds),
        retries=retries_text(spec.retries),
        retry_delay=_duration(spec.retry_delay_seconds),
        priority=str(spec.priority) if spec.priority else "",
    )


def hints_of(job: JobDetail) -> Draft:
    """Say what an empty field means in the form that repeats a job."""
    spec = job.spec
    only_new = dict.fromkeys(ONLY_NEW, "not in a rerun; choose a directory for that")
    return Draft(
        directory=f"the files of job {job.job_id[:8]}; a path takes others",
        num_gpus=str(spec.num_gpus),
        cpus=_number(spec.cpus) or "no limit",
        ram=_number(spec.ram_gb) or "no limit",
        shm=_number(spec.shm_gb) or "the server's",
        image=_image(spec.image, spec.build),
        time_limit=_duration(spec.time_limit_seconds) or "no limit",
        queue_ttl=_duration(spec.queue_ttl_seconds) or "no limit",
        retries=retries_text(spec.retries) or "none",
        retry_delay=_duration(spec.retry_delay_seconds) or "10s",
        priority=str(spec.priority),
        hold="no",
        **only_new,
    )


def defaults_of(directory: Path, *, clones: JobDetail | None = None) -> Draft:
    """Say what an empty field means in a directory: `job.config.yaml`, then the defaults.

    Of a job that it `clones` those that the form does not begin with: secrets and the image's
    Dockerfile.

    Raises:
        FieldProblem: the file is not valid.
    """
    try:
        config = load_job_config(directory)
    except ConfigError as error:
        raise FieldProblem("directory", str(error)) from error
    image = config.worker.image
    secrets = config.worker.secrets or ({} if clones is None else clones.spec.secrets)
    built = clones.spec.build if clones is not None and image is None else _build(image)
    return Draft(
        directory=str(directory),
        command=shlex.join(config.command),
        project=config.project_name or directory.name,
        params=_param_lines(config.params),
        num_gpus=str(config.num_gpus or 0),
        cpus=_number(config.cpus) or "no limit",
        ram=_number(config.ram) or "no limit",
        shm=_number(config.shm) or "the server's",
        image=_image(image if isinstance(image, str) else None, built),
        tags=_pairs(config.tags),
        environment=_pairs(config.worker.environment),
        secrets=" ".join(
            name if use == "file" else f"{name}:{use}" for name, use in secrets.items()
        ),
        time_limit=_duration(config.time_limit) or "no limit; such as 90m or 1d12h",
        queue_ttl=_duration(config.queue_ttl) or "no limit; such as 2h",
        retries=retries_text(config.retries) or "none; 2, or exit=2,oom=1,lost=3",
        retry_delay=_duration(config.retry_delay) or "10s",
        priority=str(config.priority or 0),
        hold="no",
        **_TERM_HINTS,
    )


def written(value: Any) -> str:
    """A parameter as `-p` reads it back: text as it is unless it would be read as JSON."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            if value == value.strip() and value.isprintable():
                return value
        return json.dumps(value)
    return json.dumps(value)


def retries_text(retries: Retries | None) -> str:
    """Retries as `--retries` reads them back."""
    counts = {} if retries is None else retries.model_dump()
    return ",".join(f"{cause}={count}" for cause, count in counts.items() if count)


def _build(image: object) -> ImageBuild | None:
    if not isinstance(image, ImageConfig):
        return None
    return ImageBuild.model_validate(image.build.model_dump())


def _image(name: str | None, build: ImageBuild | None) -> str:
    if build is not None:
        return f"built from {build.dockerfile}"
    return name or "the standard worker"


def _param_lines(params: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}={written(value)}" for name, value in params.items())


def _pairs(values: Mapping[str, str]) -> str:
    return shlex.join(_pair_words(values.items()))


def _pair_words(items: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}={value}" for name, value in items]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _duration(seconds: int | None) -> str:
    return "" if seconds is None else write_duration(seconds)
