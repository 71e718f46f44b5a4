"""What a submit form means: its texts read by the rules of the command line; no widgets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from foundations.cli.submit import active_python
from foundations.cli.submit_values import GPU_COUNT, read_environment, read_params, read_tags
from foundations.configs import SchedulerConfig
from foundations.errors import ConfigError
from foundations.image_config import ImageConfig
from foundations.job_config import load_job_config
from foundations.models import ImageBuild, JobDetail, JobSpec
from foundations.preparation import Asked, PreparedSubmission, prepare_submission, split_command
from foundations.rerun import rerun_spec

T = TypeVar("T")

_FIELD_OF = {
    "project name": "project",
    "params": "params",
    "environment": "environment",
    "tags": "tags",
    "command": "command",
    "num_gpus": "num_gpus",
    "priority": "priority",
    "cpus": "cpus",
    "ram": "ram",
    "image": "image",
}
"""The field at which a complaint about a spec is shown, by the complaint's first words."""


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
    image: str = ""
    tags: str = ""
    """`NAME=VALUE` words."""
    environment: str = ""
    priority: str = ""
    hold: str = ""
    """`yes`, to let it wait until it is released."""


FIELDS = tuple(one.name for one in fields(Draft))


class FieldProblem(Exception):
    """Something in the form is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def read_draft(draft: Draft) -> Asked:
    """Read the form as the command line reads its options.

    Raises:
        FieldProblem: a text cannot be read.
    """
    number = click.FLOAT
    return Asked(
        command=_read("command", split_command, draft.command),
        project_name=draft.project.strip() or None,
        params=_read("params", lambda text: read_params(None, _lines(text)), draft.params),
        num_gpus=_optional("num_gpus", GPU_COUNT, draft.num_gpus),
        cpus=_optional("cpus", number, draft.cpus),
        ram_gb=_optional("ram", number, draft.ram),
        image=draft.image.strip() or None,
        tags=_read("tags", lambda text: read_tags(shlex.split(text)), draft.tags),
        environment=_read(
            "environment", lambda text: read_environment(shlex.split(text)), draft.environment
        ),
        priority=_optional("priority", click.IntRange(-100, 100), draft.priority),
        hold=bool(_optional("hold", click.BOOL, draft.hold)),
        interpreter=active_python(),
    )


def prepare(draft: Draft, *, config: SchedulerConfig) -> PreparedSubmission:
    """Decide what a form about a directory would run.

    Raises:
        FieldProblem: the directory, its `job.config.yaml` or something in the form is wrong.
    """
    if not draft.directory.strip():
        raise FieldProblem("directory", "choose the directory that is to be copied")
    asked = read_draft(draft)
    try:
        return prepare_submission(draft.directory.strip(), asked, config=config)
    except ConfigError as error:
        raise _at_its_field(error) from error


def prepare_repeat(draft: Draft, job: JobDetail) -> JobSpec:
    """Decide what a form about the files of an earlier job would run.

    Raises:
        FieldProblem: something in the form is wrong, or cannot be changed in this way.
    """
    asked = read_draft(draft)
    try:
        spec = rerun_spec(
            job, command=asked.command, params=asked.params, changes=_changes(asked, job)
        )
    except ConfigError as error:
        raise _at_its_field(error) from error
    for field, now, before in (
        ("params", asked.params, job.spec.params),
        ("tags", asked.tags, job.spec.tags),
        ("environment", asked.environment, job.spec.environment),
    ):
        gone = [name for name in before if name not in (now or {})]
        if gone:
            text = "stays as it is in a rerun; choose a directory to leave it out"
            raise FieldProblem(field, f"{gone[0]} {text}")
    return spec


def draft_of(job: JobDetail) -> Draft:
    """Fill a form with what a job was told."""
    spec = job.spec
    return Draft(
        command=shlex.join(spec.command),
        project=job.project,
        params="\n".join(f"{name}={written(value)}" for name, value in spec.params.items()),
        num_gpus=str(spec.num_gpus) if spec.num_gpus else "",
        cpus=_number(spec.cpus),
        ram=_number(spec.ram_gb),
        image=spec.image or "",
        tags=_pairs(spec.tags),
        environment=_pairs(spec.environment),
        priority=str(spec.priority) if spec.priority else "",
    )


def hints_of(job: JobDetail) -> Draft:
    """Say what an empty field means in the form that repeats a job."""
    spec = job.spec
    return Draft(
        directory=f"the files of job {job.job_id[:8]}; a path takes others",
        num_gpus=str(spec.num_gpus),
        cpus=_number(spec.cpus) or "no limit",
        ram=_number(spec.ram_gb) or "no limit",
        image=_image(spec.image, spec.build),
        priority=str(spec.priority),
        hold="no",
    )


def defaults_of(directory: Path) -> Draft:
    """Say what an empty field means in a directory: `job.config.yaml`, then the defaults.

    Raises:
        FieldProblem: the file is not valid.
    """
    try:
        config = load_job_config(directory)
    except ConfigError as error:
        raise FieldProblem("directory", str(error)) from error
    image = config.worker.image
    return Draft(
        directory=str(directory),
        command=shlex.join(config.command),
        project=config.project_name or directory.name,
        params="\n".join(f"{name}={written(value)}" for name, value in config.params.items()),
        num_gpus=str(config.num_gpus or 0),
        cpus=_number(config.cpus) or "no limit",
        ram=_number(config.ram) or "no limit",
        image=_image(image if isinstance(image, str) else None, _build(image)),
        tags=_pairs(config.tags),
        environment=_pairs(config.worker.environment),
        priority=str(config.priority or 0),
        hold="no",
    )


def _changes(asked: Asked, job: JobDetail) -> dict[str, Any]:
    """The fields of a spec that a form decides, command and parameters left aside."""
    return {
        "project": asked.project_name or job.project,
        "num_gpus": asked.num_gpus if asked.num_gpus is not None else job.spec.num_gpus,
        "cpus": asked.cpus if asked.cpus is not None else job.spec.cpus,
        "ram_gb": asked.ram_gb if asked.ram_gb is not None else job.spec.ram_gb,
        "image": asked.image or job.spec.image,
        "priority": asked.priority if asked.priority is not None else job.spec.priority,
        "environment": dict(asked.environment or {}),
        "tags": dict(asked.tags or {}),
    }


# -- texts


def _build(image: object) -> ImageBuild | None:
    if not isinstance(image, ImageConfig):
        return None
    return ImageBuild.model_validate(image.build.model_dump())


def _image(name: str | None, build: ImageBuild | None) -> str:
    if build is not None:
        return f"built from {build.dockerfile}"
    return name or "the standard worker"


def _read(field: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except click.BadParameter as error:
        raise FieldProblem(field, error.message) from error
    except (ConfigError, ValueError) as error:
        raise FieldProblem(field, str(error)) from error


def _optional(field: str, kind: click.ParamType[Any], text: str) -> Any:
    text = text.strip()
    return _read(field, lambda one: kind.convert(one, None, None), text) if text else None


def _lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _at_its_field(error: ConfigError) -> FieldProblem:
    """Find the field that a complaint is about; the directory is to blame for its own files."""
    text = str(error)
    for words, field in _FIELD_OF.items():
        if text.startswith(words):
            return FieldProblem(field, text.removeprefix(f"{words}: "))
    return FieldProblem("directory", text)


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


def _pairs(values: Mapping[str, str]) -> str:
    return shlex.join(_pair_words(values.items()))


def _pair_words(items: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}={value}" for name, value in items]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
