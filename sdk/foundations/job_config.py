"""`job.config.yaml`: what a project says about its jobs."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from foundations.config_complaints import describe_error, errors_by_line, key_location, keys_at
from foundations.errors import ConfigError
from foundations.image_config import Image
from foundations.limits import read_retries
from foundations.models import (
    DEFAULT_COMMAND,
    AbsolutePath,
    Argument,
    EnvironmentName,
    GpuCount,
    LogLevel,
    Priority,
    ProjectName,
    PullPolicy,
    Retries,
    SecretName,
    SecretUse,
    Volume,
)
from foundations.models.limits import Pause, Seconds
from foundations.secret_uses import by_name
from foundations.text.durations import read_duration
from foundations.written_text import with_written_text
from foundations.yaml_source import YamlSource, read_yaml

FILE_NAME = "job.config.yaml"


def split_words(value: Any) -> Any:
    """Split a command that is given as one line, as a shell would; leave lists as they are."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise ValueError("has a quote that is not closed, or ends with a backslash") from error
    return tuple(value) if isinstance(value, list) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Words = Annotated[tuple[Argument, ...], BeforeValidator(split_words), Field(max_length=4096)]
Program = Annotated[
    tuple[Argument, ...], BeforeValidator(split_words), Field(min_length=1, max_length=64)
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


def _said(read: Callable[[Any], Any]) -> BeforeValidator:
    """Read a value, and word what is wrong with it as its reader does."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise PydanticCustomError("limit", "{said}", {"said": str(error)}) from error

    return BeforeValidator(validate)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class VolumeConfig(_Section):
    """Where a host path appears in the container."""

    bind: AbsolutePath
    """Path in the container."""
    mode: Literal["ro", "rw"] | None = None
    """Without it a path can be written and a volume of the admin's only read."""


class WorkerConfig(_Section):
    """The part below `worker:`: the environment that the job runs in."""

    image: Image | None = None
    """Docker image, or `build:` and a Dockerfile; the standard worker when it is not given."""
    pull: PullPolicy | None = None
    """When a registry is asked for it."""
    environment: dict[EnvironmentName, Argument] = {}
    """Environment variables; values are taken as they are written."""
    secrets: Annotated[dict[SecretName, SecretUse], BeforeValidator(by_name)] = {}
    """Secrets that the job gets: by name, as a `file` or in the environment (`env`) too."""
    volumes: dict[Text, VolumeConfig] = {}
    """What of the scheduler's machine the job sees, by path or by the admin's name for it."""
    working_dir: Text | None = None
    """Where the command starts; relative paths start at the project."""
    command: Words | None = None
    """What to run when `submit` names no command."""
    args: Words = ()
    """Arguments after `command`."""
    entrypoint: Program | None = None
    """Replaces the image's entry point."""
    python: Text | None = None
    """Interpreter, where jobs run as plain processes."""


class JobConfig(_Section):
    """The whole file. What `submit` is told on its command line wins over it."""

    project_name: ProjectName | None = None
    """Project of the jobs; the directory's name when it is not given."""
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = "INFO"
    """Least severe messages that `submit` prints."""
    num_gpus: GpuCount | None = None
    """GPUs of a job, or below 1 a share of one."""
    priority: Priority | None = None
    """Larger goes first in the queue."""
    ram: Annotated[float, Field(gt=0, le=1_048_576)] | None = None
    """Memory limit of a job in GB (10^9 bytes)."""
    cpus: Annotated[float, Field(gt=0, le=4096)] | None = None
    """Processors of a job."""
    shm: Annotated[float, Field(gt=0, le=1_048_576)] | None = None
    """Size of a job's /dev/shm in GB (10^9 bytes)."""
    entrypoint: Program | None = None
    """Same as `worker: entrypoint:`."""
    time_limit: Annotated[Seconds | None, _said(read_duration)] = None
    """Longest that an attempt of a job may run."""
    queue_ttl: Annotated[Seconds | None, _said(read_duration)] = None
    """Longest that a job may wait in the queue."""
    retries: Annotated[Retries | None, _said(read_retries)] = None
    """How often a job is tried again: a number, or one by cause."""
    retry_delay: Annotated[Pause | None, _said(read_duration)] = None
    """Pause before the first retry; it doubles with each."""
    params: dict[str, JsonValue] = {}
    """Parameters, as `foundations.load_parameters()` returns them."""
    tags: dict[Annotated[str, StringConstraints(min_length=1, max_length=200)], Argument] = {}
    """Tags that every job gets."""
    worker: WorkerConfig = WorkerConfig()
    """Environment that the job runs in."""

    @property
    def command(self) -> tuple[str, ...]:
        """What to run when `submit` names no command."""
        return (self.worker.command or DEFAULT_COMMAND) + self.worker.args


_HINTS: dict[tuple[str, ...], str] = {
    ("worker", "resources"): "is not supported: use `num_gpus`, `ram` (GB) and `cpus` at the top",
    ("gpus",): "is called `num_gpus`",
    ("memory",): "is called `ram`, in GB",
    ("ram_gb",): "is called `ram`, in GB",
    ("shm_size",): "is called `shm`, in GB",
    ("env",): "is called `environment` and stands below `worker:`",
    ("worker", "env"): "is called `environment`",
    ("worker", "build"): "belongs below `image`: `image: {build: ./Dockerfile}`",
    ("worker", "dockerfile"): "is written `image: {build: ./Dockerfile}`",
    **{
        (key,): "belongs below `worker:`"
        for key in WorkerConfig.model_fields
        if key != "entrypoint"
    },
    **{
        ("worker", key): "belongs at the top of the file, not below `worker:`"
        for key in JobConfig.model_fields
        if key not in WorkerConfig.model_fields
    },
}


def load_job_config(job_dir: Path) -> JobConfig:
    """Read a project's `job.config.yaml`; a missing or empty file means the defaults.

    Raises:
        ConfigError: the file is not valid; the text names file, line and the nearest known key.
    """
    try:
        source = read_yaml(job_dir / FILE_NAME)
    except FileNotFoundError:
        return JobConfig()
    if source.data is None:
        return JobConfig()
    if not isinstance(source.data, dict):
        raise ConfigError(source.complaint("must hold `key: value` lines"))
    try:
        config = JobConfig.model_validate(with_written_text(source))
    except ValidationError as error:
        complaints = [_complaint(source, one) for one in errors_by_line(source, error)]
        raise ConfigError("\n".join(dict.fromkeys(complaints))) from error
    _check_agreement(source, config)
    return config


def resolve_volumes(volumes: Mapping[str, VolumeConfig], *, job_dir: Path) -> tuple[Volume, ...]:
    """Make host paths absolute: `~` is the submitter's home, relative paths start at the project.

    What has no `/` and begins with neither `~` nor `.` is the name of a volume.

    Raises:
        ConfigError: a host path cannot be made absolute, or a name cannot be one.
    """
    resolved = []
    for host, volume in volumes.items():
        if "/" not in host and not host.startswith(("~", ".")):
            resolved.append(_named(host, volume))
            continue
        try:
            path = job_dir / Path(host).expanduser()
        except RuntimeError as error:
            raise ConfigError(f"volumes: {host}: {error}") from error
        resolved.append(Volume(host=str(path), bind=volume.bind, mode=volume.mode or "rw"))
    return tuple(resolved)


def _named(name: str, volume: VolumeConfig) -> Volume:
    try:
        return Volume(host=name, bind=volume.bind, mode=volume.mode or "ro")
    except ValidationError as error:
        raise ConfigError(
            f"volumes: {name!r} cannot be the name of a volume. A path in the project begins with "
            f"`./`."
        ) from error


def find_infinite(value: JsonValue, path: str) -> str | None:
    """Return the path of a number that JSON cannot hold, or None."""
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    items: list[tuple[str, JsonValue]] = []
    if isinstance(value, dict):
        items = [(f"{path}.{key}", inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
    return next((bad for name, inner in items if (bad := find_infinite(inner, name))), None)


def _complaint(source: YamlSource, error: ErrorDetails) -> str:
    location = key_location(source, error)
    if location in _HINTS and error["type"] == "extra_forbidden":
        return source.complaint(f"`{'.'.join(location)}` {_HINTS[location]}", location)
    return describe_error(source, error, keys_at(JobConfig, location[:-1]))


def _check_agreement(source: YamlSource, config: JobConfig) -> None:
    inner = config.worker.entrypoint
    if config.entrypoint is not None and inner is not None and config.entrypoint != inner:
        raise ConfigError(
            source.complaint(
                "`entrypoint` and `worker.entrypoint` differ; keep one of them", ("entrypoint",)
            )
        )
    bad = find_infinite(config.params, "params")
    if bad is not None:
        raise ConfigError(source.complaint(f"`{bad}` is not a finite number", bad.split(".")))
