"""Reads `job.config.yaml`, and says of what is wrong in it where that is and what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from foundations.errors import ConfigError
from foundations.image_config import BY_NAME, TO_BUILD, BuildConfig, ImageConfig
from foundations.job_config import JobConfig, VolumeConfig, WorkerConfig, find_infinite
from foundations.yaml_source import YamlSource, read_yaml, unknown_key

FILE_NAME = "job.config.yaml"

_NO_KEYS = ("[key]", BY_NAME, TO_BUILD)
"""Parts of where pydantic finds an error that are no keys of the file."""
_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    ("worker",): WorkerConfig,
    ("worker", "image"): ImageConfig,
    ("worker", "image", "build"): BuildConfig,
}
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
        config = JobConfig.model_validate(_with_written_text(source))
    except ValidationError as error:
        complaints = [_complaint(source, one) for one in error.errors(include_url=False)]
        raise ConfigError("\n".join(dict.fromkeys(complaints))) from error
    _check_agreement(source, config)
    return config


def _with_written_text(source: YamlSource) -> dict[str, Any]:
    """Give environment variables and tags the text that the file has: `1.10`, not 1.1."""
    data: dict[str, Any] = dict(source.data)
    _keep_written(source, data, ("tags",))
    if isinstance(data.get("worker"), dict):
        data["worker"] = dict(data["worker"])
        _keep_written(source, data["worker"], ("worker", "environment"))
        _keep_build_args(source, data["worker"])
    return data


def _keep_build_args(source: YamlSource, worker: dict[str, Any]) -> None:
    image = worker.get("image")
    build = image.get("build") if isinstance(image, dict) else None
    if isinstance(image, dict) and isinstance(build, dict):
        kept = dict(build)
        _keep_written(source, kept, ("worker", "image", "build", "args"))
        worker["image"] = {**image, "build": kept}


def _keep_written(source: YamlSource, section: dict[str, Any], location: tuple[str, ...]) -> None:
    values = section.get(location[-1])
    if isinstance(values, dict):
        section[location[-1]] = {
            key: source.raw.get((*location, str(key)), value) if value is not None else None
            for key, value in values.items()
        }


def _complaint(source: YamlSource, error: ErrorDetails) -> str:
    location = tuple(str(part) for part in error["loc"] if part not in _NO_KEYS)
    dotted = ".".join(location)
    if location in _HINTS and error["type"] == "extra_forbidden":
        return source.complaint(f"`{dotted}` {_HINTS[location]}", location)
    if error["type"] == "extra_forbidden":
        section = _fields_at(location[:-1])
        return source.complaint(unknown_key(location[-1], section), location)
    if error["type"] == "none_required" or error["input"] is None:
        return source.complaint(f"`{dotted}` has no value", location)
    message = error["msg"][0].lower() + error["msg"][1:]
    return source.complaint(f"`{dotted}`: {message}, not {_short(error['input'])}", location)


def _fields_at(location: tuple[str, ...]) -> list[str]:
    if not location:
        return list(JobConfig.model_fields)
    return list(_SECTIONS.get(location, VolumeConfig).model_fields)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


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
