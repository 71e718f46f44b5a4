"""What a submit form means: its texts read by the rules of the command line; no widgets."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import click

from atlas_tui.submit_draft import ONLY_NEW, Draft, FieldProblem
from atlas_tui.submit_kept import kept_keys
from foundations.cli.limit_options import DURATION, RETRIES
from foundations.cli.submit import active_python
from foundations.cli.submit_values import GPU_COUNT, read_environment, read_params, read_tags
from foundations.configs import SchedulerConfig
from foundations.errors import ConfigError
from foundations.job_config import load_job_config
from foundations.models import JobDetail, JobSpec
from foundations.preparation import Asked, PreparedSubmission, prepare_submission, split_command
from foundations.rerun import rerun_spec
from foundations.secret_uses import read_secrets
from foundations.terms import Terms, read_after, read_at, read_unique

T = TypeVar("T")

AS_ASKED = (
    *("num_gpus", "priority", "cpus", "ram_gb", "shm_gb", "image"),
    *("time_limit_seconds", "queue_ttl_seconds", "retries", "retry_delay_seconds"),
)
"""Fields that a spec and what is asked for have by the same names."""

_FIELD_OF = {
    "project name": "project",
    "params": "params",
    "environment": "environment",
    "secrets": "secrets",
    "tags": "tags",
    "command": "command",
    "num_gpus": "num_gpus",
    "priority": "priority",
    "cpus": "cpus",
    "ram": "ram",
    "shm": "shm",
    "image": "image",
    "time_limit": "time_limit",
    "queue_ttl": "queue_ttl",
    "retries": "retries",
    "retry_delay": "retry_delay",
    "after": "after",
    "at:": "at",
    "unique": "unique",
    "array": "array",
    "cron": "cron",
    "A schedule": "cron",
}
"""The field at which a complaint is shown, by the complaint's first words."""


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
        shm_gb=_optional("shm", number, draft.shm),
        image=draft.image.strip() or None,
        tags=_read("tags", lambda text: read_tags(shlex.split(text)), draft.tags),
        environment=_read(
            "environment", lambda text: read_environment(shlex.split(text)), draft.environment
        ),
        secrets=read_secrets(words_of(draft.secrets)) or None,
        priority=_optional("priority", click.IntRange(-100, 100), draft.priority),
        hold=bool(_optional("hold", click.BOOL, draft.hold)),
        time_limit_seconds=_optional("time_limit", DURATION, draft.time_limit),
        queue_ttl_seconds=_optional("queue_ttl", DURATION, draft.queue_ttl),
        retries=_optional("retries", RETRIES, draft.retries),
        retry_delay_seconds=_optional("retry_delay", DURATION, draft.retry_delay),
        terms=_read_terms(draft),
        interpreter=active_python(),
    )


def words_of(text: str) -> list[str]:
    """Words with blanks or commas between them, such as the ids of jobs to come after."""
    return text.replace(",", " ").split()


def _read_terms(draft: Draft) -> Terms:
    unique = draft.unique.strip() or None
    try:
        return Terms(
            array=draft.array.strip() or None,
            after=read_after(words_of(draft.after)),
            not_before=read_at(draft.at.strip() or None),
            unique=read_unique(unique, None),
            cron=draft.cron.strip() or None,
        )
    except ConfigError as error:
        raise _at_its_field(error) from error


def prepare(
    draft: Draft, *, config: SchedulerConfig, clones: JobDetail | None = None
) -> PreparedSubmission:
    """Decide what a form about a directory would run.

    Args:
        draft: the form.
        config: the scheduler.
        clones: the job whose settings count where the form has no field for them and the directory
            says nothing.

    Raises:
        FieldProblem: the directory, its `job.config.yaml` or something in the form is wrong.
    """
    if not draft.directory.strip():
        raise FieldProblem("directory", "choose the directory that is to be copied")
    asked = read_draft(draft)
    try:
        prepared = prepare_submission(draft.directory.strip(), asked, config=config)
        return prepared if clones is None else _like(clones, prepared)
    except ConfigError as error:
        raise _at_its_field(error) from error


def _like(job: JobDetail, prepared: PreparedSubmission) -> PreparedSubmission:
    names = kept_keys(prepared.spec, job.spec, load_job_config(prepared.job_dir))
    if not names:
        return prepared
    spec = prepared.spec.model_copy(update={name: getattr(job.spec, name) for name in names})
    kept = f"kept from job {job.job_id[:8]}, not in the command below: {', '.join(names)}"
    warnings = (*prepared.warnings, kept)
    return replace(prepared, spec=spec, log_level=spec.log_level, warnings=warnings)


def prepare_repeat(draft: Draft, job: JobDetail) -> JobSpec:
    """Decide what a form about the files of an earlier job would run.

    Raises:
        FieldProblem: something in the form is wrong, or cannot be changed in this way.
    """
    asked = read_draft(draft)
    for name in ONLY_NEW:
        if getattr(draft, name).strip():
            raise FieldProblem(name, "is not for a rerun; choose a directory for that")
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


def _changes(asked: Asked, job: JobDetail) -> dict[str, Any]:
    """The fields of a spec that a form decides, command and parameters left aside."""
    kept = {
        name: getattr(job.spec, name) if getattr(asked, name) is None else getattr(asked, name)
        for name in AS_ASKED
    }
    return {
        **kept,
        "project": asked.project_name or job.project,
        "environment": dict(asked.environment or {}),
        "tags": dict(asked.tags or {}),
    }


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
            return FieldProblem(field, text.removeprefix(f"{words.rstrip(':')}: "))
    return FieldProblem("directory", text)
