"""What differs between jobs: data in, rows out. Names are those of columns and filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from pydantic import JsonValue

from foundations.limits import limit_facts
from foundations.models import JobDetail
from foundations.parameters import flatten_parameters
from foundations.text.builds import build_text


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two jobs do not have in common."""

    name: str
    """Such as `param.lr`, `metric.loss`, `env.MODE`, `image`."""
    left: JsonValue
    """None when the job has no such thing."""
    right: JsonValue
    delta: float | None = None
    """Right less left, where both are numbers."""


def facts(job: JobDetail) -> dict[str, JsonValue]:
    """Return everything of a job that can be compared, by name. What it lacks is left out."""
    spec = job.spec
    fields: dict[str, JsonValue] = {
        "project": job.project,
        "user": job.user,
        "state": job.state.value,
        "reason": job.reason,
        "exit_code": job.exit_code,
        "duration": job.duration_seconds,
        "command": list(job.command),
        "entrypoint": None if spec.entrypoint is None else list(spec.entrypoint),
        "working_dir": spec.working_dir,
        "image": job.image,
        "build": None if spec.build is None else build_text(spec.build),
        "engine": job.engine,
        "bundle": job.bundle,
        "gpus": job.num_gpus,
        "cpus": job.cpus,
        "ram": job.ram_gb,
        "shm": spec.shm_gb,
        **{name.lower().replace(" ", "_"): text for name, text in limit_facts(spec)},
        "secrets": dict(spec.secrets),
        "volumes": [f"{one.host}:{one.bind}:{one.mode}" for one in spec.volumes],
        **_provenance(job),
    }
    # A job that has not run recorded nothing yet; what it was given is flattened alike.
    recorded = {
        "param": {**flatten_parameters(spec.params), **job.parameters},
        "metric": job.metrics,
        "env": spec.environment,
        "package": packages(job),
        "tag": job.tags,
    }
    for kind, values in recorded.items():
        fields |= {f"{kind}.{name}": values[name] for name in sorted(values)}
    return {name: value for name, value in fields.items() if value is not None}


def packages(job: JobDetail) -> dict[str, JsonValue]:
    """Return the version of each package that the job found."""
    environment = job.provenance.environment
    return {} if environment is None else dict(environment.packages)


def _provenance(job: JobDetail) -> dict[str, JsonValue]:
    known = job.provenance
    # In a container the interpreter is the image's, whatever the submitter had.
    asked = None if job.engine == "docker" else job.spec.python
    found: dict[str, JsonValue] = {"interpreter": asked}
    if known.execution is not None:
        found |= {
            "image_id": known.execution.image_id,
            "engine_version": known.execution.engine_version,
            "host": known.execution.host,
            "gpu_names": [gpu.name for gpu in known.execution.gpus if gpu.name] or None,
            "interpreter": known.execution.python or asked,
        }
    if known.environment is not None:
        found["python"] = known.environment.python
    git = None if known.origin is None else known.origin.git
    if git is not None:
        found |= {"git.commit": git.commit, "git.branch": git.branch, "git.dirty": git.dirty}
    return found


def differences(left: JobDetail, right: JobDetail) -> list[Difference]:
    """Return what differs between two jobs."""
    ours, theirs = facts(left), facts(right)
    return [
        Difference(name, ours.get(name), theirs.get(name), _delta(ours.get(name), theirs.get(name)))
        for name in _differing([ours, theirs])
    ]


def compare(jobs: Sequence[JobDetail]) -> tuple[list[str], list[list[JsonValue]]]:
    """Return the names of what is not the same in all jobs, and for each job its values."""
    known = [facts(job) for job in jobs]
    names = _differing(known)
    return names, [[one.get(name) for name in names] for one in known]


_KINDS = ("param", "metric", "env", "package", "tag")


def _differing(known: Sequence[dict[str, JsonValue]]) -> list[str]:
    names = dict.fromkeys(name for one in known for name in one)
    # Jobs lack different things, so that the names must be put in order again: fields come first.
    ordered = sorted(names, key=_place)
    first = known[0]
    return [
        name
        for name in ordered
        if not all(_is_same(one.get(name), first.get(name)) for one in known)
    ]


def _place(name: str) -> tuple[int, str]:
    kind, dot, _ = name.partition(".")
    return (_KINDS.index(kind), name) if dot and kind in _KINDS else (-1, "")


def _is_same(left: JsonValue, right: JsonValue) -> bool:
    # For Python `True` is 1.
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _delta(left: JsonValue, right: JsonValue) -> float | None:
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    try:
        return right - left if isfinite(right - left) else None
    except OverflowError:
        return None  # an integer beyond all floats
