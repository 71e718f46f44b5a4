"""Decides what a submission will run: what was asked, then `job.config.yaml`, then the defaults."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import JsonValue, ValidationError

from foundations.doubts import doubts
from foundations.errors import ConfigError
from foundations.image_config import decide_image
from foundations.job_config import (
    JobConfig,
    find_infinite,
    load_job_config,
    resolve_volumes,
)
from foundations.models import JobSpec, LogLevel, PullPolicy, Retries
from foundations.own_parameters import own_parameters
from foundations.submitter import current_user
from foundations.terms import NO_TERMS, Terms

if TYPE_CHECKING:
    from foundations.configs import SchedulerConfig

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a submitter asks for. It wins over `job.config.yaml`; None and empty ask nothing."""

    command: Sequence[str] = ()
    project_name: str | None = None
    num_gpus: int | float | None = None
    priority: int | None = None
    hold: bool = False
    """Whether it waits until it is released."""
    ram_gb: float | None = None
    cpus: float | None = None
    shm_gb: float | None = None
    image: str | None = None
    build: str | Mapping[str, Any] | None = None
    """A Dockerfile of the project to build the image from, or parts of `image: build:`."""
    pull: PullPolicy | None = None
    entrypoint: str | Sequence[str] | None = None
    params: Mapping[str, Any] | None = None
    environment: Mapping[str, str] | None = None
    secrets: Mapping[str, str] | None = None
    """By name, how the job gets it: `file` or `env`."""
    tags: Mapping[str, str] | None = None
    time_limit_seconds: int | None = None
    queue_ttl_seconds: int | None = None
    retries: Retries | None = None
    retry_delay_seconds: int | None = None
    terms: Terms = NO_TERMS
    """How often it runs, and what it waits for."""
    interpreter: str | None = None
    """The submitter's own Python, for jobs that run as plain processes on the same machine."""


@dataclass(frozen=True)
class PreparedSubmission:
    """A job that is ready to be packed and sent."""

    job_dir: Path
    """Absolute path of the directory that is copied."""
    spec: JobSpec
    log_level: LogLevel
    """Least severe messages that the project wants to see."""
    warnings: tuple[str, ...] = ()
    hold: bool = False
    """Whether it waits until it is released."""
    terms: Terms = NO_TERMS
    """How often it runs, and what it waits for."""


def prepare_submission(
    job_dir: str | os.PathLike[str], asked: Asked, *, config: SchedulerConfig
) -> PreparedSubmission:
    """Decide what will run: the submitter's wishes, then `job.config.yaml`, then the defaults.

    Raises:
        ConfigError: the directory is missing, or something asked for or configured is wrong.
    """
    # Links are kept, so that the project is called what the user calls its directory.
    directory = Path(os.path.abspath(Path(job_dir).expanduser()))  # noqa: PTH100 - resolve() follows links
    if not directory.is_dir():
        what = "is not a directory" if directory.exists() else "does not exist"
        raise ConfigError(f"Cannot submit {directory}: it {what}.")
    project = load_job_config(directory)
    command = _relative_script(split_command(asked.command), directory) or project.command
    try:
        spec = _spec(asked, project, command, directory, config=config)
    except ValidationError as error:
        raise ConfigError(_refusal(error, asked, project)) from error
    return PreparedSubmission(
        job_dir=directory,
        spec=spec,
        log_level=project.log_level,
        warnings=doubts(directory, spec),
        hold=asked.hold,
        terms=asked.terms,
    )


def _spec(
    asked: Asked,
    project: JobConfig,
    command: tuple[str, ...],
    directory: Path,
    *,
    config: SchedulerConfig,
) -> JobSpec:
    worker = project.worker
    entrypoint = split_command(asked.entrypoint) or project.entrypoint or worker.entrypoint
    image, build = decide_image(
        worker.image, image=asked.image, build=asked.build, directory=directory
    )
    # What else may be written there than these two words, the model refuses.
    secrets: dict[str, Any] = dict(asked.secrets or {})
    return JobSpec(
        project=_project_name(asked, project, directory),
        command=command,
        secrets={**worker.secrets, **secrets},
        params={**project.params, **plain_params(asked.params or {})} or own_parameters(directory),
        num_gpus=_first(asked.num_gpus, project.num_gpus, 0),
        priority=_first(asked.priority, project.priority, 0),
        cpus=_first(asked.cpus, project.cpus, None),
        ram_gb=_first(asked.ram_gb, project.ram, None),
        shm_gb=_first(asked.shm_gb, project.shm, None),
        image=image,
        build=build,
        pull=_first(asked.pull, worker.pull, "missing"),
        entrypoint=entrypoint or None,
        python=_interpreter(asked, worker.python, directory, config=config),
        working_dir=worker.working_dir,
        environment={**worker.environment, **(asked.environment or {})},
        volumes=resolve_volumes(worker.volumes, job_dir=directory),
        user=current_user(),
        log_level=project.log_level,
        tags={**project.tags, **(asked.tags or {})},
        time_limit_seconds=_first(asked.time_limit_seconds, project.time_limit, None),
        queue_ttl_seconds=_first(asked.queue_ttl_seconds, project.queue_ttl, None),
        retries=_first(asked.retries, project.retries, None),
        retry_delay_seconds=_first(asked.retry_delay_seconds, project.retry_delay, None),
    )


def _project_name(asked: Asked, project: JobConfig, directory: Path) -> str:
    name = asked.project_name or project.project_name or directory.name
    if not name:
        raise ConfigError(f"{directory} has no name to call the project by: give a project name.")
    return name


def _refusal(error: ValidationError, asked: Asked, project: JobConfig) -> str:
    """What is wrong with what a job is told, and where a name comes from that nobody gave."""
    said = explain(error)
    unnamed = not (asked.project_name or project.project_name)
    if unnamed and any(one["loc"] == ("project",) for one in error.errors(include_url=False)):
        said += "\nThat is the name of the directory: give a project name."
    return said


def plain_params(params: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Turn parameters into what JSON can hold: tuples become lists, NumPy scalars numbers.

    Raises:
        ConfigError: a value has no JSON form; the text names it.
    """
    plain = {_text_key(key, "params"): _plain(params[key], f"params[{key!r}]") for key in params}
    bad = find_infinite(plain, "params")
    if bad is not None:
        raise ConfigError(f"{bad} is not a finite number, which JSON cannot hold")
    return plain


def _plain(value: Any, path: str) -> JsonValue:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
        case Mapping():
            return {_text_key(key, path): _plain(value[key], f"{path}[{key!r}]") for key in value}
        case os.PathLike():
            return str(os.fspath(value))
    for unwrap in ("tolist", "item"):  # arrays and scalars of NumPy and what behaves like it
        if callable(getattr(value, unwrap, None)):
            return _plain(getattr(value, unwrap)(), path)
    raise ConfigError(f"{path} cannot be a parameter: {type(value).__name__} has no JSON form")


def _text_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise ConfigError(f"{path}: the key {key!r} is not text")
    return key


def split_command(command: str | Sequence[str] | None) -> tuple[str, ...]:
    """Split a command line into words; one that is empty says nothing."""
    if command is None:
        return ()
    words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    return tuple(words) if any(words) else ()


def _relative_script(command: tuple[str, ...], directory: Path) -> tuple[str, ...]:
    """Make the script's path relative when it is an absolute one inside the job directory."""
    if not command or not Path(command[0]).is_absolute():
        return command
    script = Path(command[0])
    for start in (directory, directory.resolve()):
        if script.is_relative_to(start):
            return (str(script.relative_to(start)), *command[1:])
    return command


def _interpreter(
    asked: Asked, configured: str | None, directory: Path, *, config: SchedulerConfig
) -> str | None:
    if configured is None:
        return asked.interpreter if config.is_local else None
    if "/" not in configured:
        return configured
    return str(directory / Path(configured).expanduser())


def _first(asked: T | None, configured: T | None, default: T) -> T:
    if asked is not None:
        return asked
    return default if configured is None else configured


_NAMES = {
    "ram_gb": "ram",
    "shm_gb": "shm",
    "project": "project name",
    "time_limit_seconds": "time_limit",
    "queue_ttl_seconds": "queue_ttl",
    "retry_delay_seconds": "retry_delay",
}


def explain(error: ValidationError) -> str:
    """Say in the submitter's words what is wrong with a spec."""
    complaints = []
    for one in error.errors(include_url=False):
        name, *rest = (str(part) for part in one["loc"] if part != "[key]")
        where = ".".join([_NAMES.get(name, name), *rest])
        complaints.append(f"{where}: {one['msg']}, not {one['input']!r}")
    return "\n".join(dict.fromkeys(complaints))
