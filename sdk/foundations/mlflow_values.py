"""What a job recorded, in names, values and states that MLflow takes."""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from foundations.text.json_numbers import measured

LONGEST_NAME = 250
"""Characters of a name."""
LONGEST_PARAMETER = 6000
"""Characters of a parameter's value."""
LONGEST_TAG = 8000
"""Characters of a tag's value."""
STATUS = {
    "queued": "SCHEDULED",
    "starting": "SCHEDULED",
    "running": "RUNNING",
    "stopping": "RUNNING",
    "completed": "FINISHED",
    "failed": "FAILED",
    "lost": "FAILED",
    "stopped": "KILLED",
    "pruned": "KILLED",
}
"""MLflow's word for each state of a job."""
JOB_ID = "atlas.job_id"
"""The tag that a job's run is found by."""

_NAME = re.compile(r"[/\w.\- :]+")
_OTHER = re.compile(r"[^/\w.\- :]")
_DIGEST_LENGTH = 8
_STEPS = range(-(2**63), 2**63)
_RESERVED = ("mlflow.", "atlas.")
_FIELDS = (
    *("state", "reason", "exit_code", "user", "command", "image", "engine", "bundle"),
    *("submitted_at", "started_at", "finished_at"),
)

Job = Mapping[str, Any]


def name(key: str) -> str:
    """Return a name that MLflow takes: the key itself, or one made of it.

    Different keys get different names, and a key the same one every time.
    """
    if _NAME.fullmatch(key) and len(key) <= LONGEST_NAME and _is_plain_path(key):
        return key
    kept = _OTHER.sub("_", key)[: LONGEST_NAME - _DIGEST_LENGTH - 1]
    if not _is_plain_path(kept):
        kept = kept.replace("/", "_").replace(".", "_")
    return f"{kept}_{sha256(key.encode()).hexdigest()[:_DIGEST_LENGTH]}"


def _is_plain_path(key: str) -> bool:
    """Whether the name, used as a path, stays as it is and inside."""
    return posixpath.normpath(key) == key and key != "." and not key.startswith(("/", ".."))


def place(path: str) -> tuple[str | None, str]:
    """Return the folder and the file name that an artifact gets: its own, where MLflow takes them.

    MLflow undoes `%2E%2E` and the like, and then refuses what that means or does not find it.
    """
    folder, _, file_name = path.rpartition("/")
    stem, suffix = posixpath.splitext(file_name)
    if "%" in suffix:
        stem, suffix = file_name, ""
    return _without_percent(folder) or None, _without_percent(stem) + suffix


def _without_percent(part: str) -> str:
    return name(part) if "%" in part else part


def text(value: Any) -> str:
    """Write a value: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cut(value: str, longest: int) -> str:
    """Shorten what is too long, and mark where."""
    return value if len(value) <= longest else value[: longest - 1] + "…"


def number(value: Any) -> float | None:
    """Return a metric's value as MLflow stores it; None when it is no number."""
    value = measured(value)
    return float(value) if isinstance(value, int | float) else None


def step(value: float | None, *, position: int) -> int:
    """Return the whole step that a point lies in; one without a step has its position."""
    if value is None:
        return position
    return min(max(math.floor(value), _STEPS[0]), _STEPS[-1])


def milliseconds(moment: str) -> int:
    """Return an ISO 8601 time as milliseconds since 1970."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def parameters(job: Job) -> dict[str, str]:
    """Return the parameters of a job, by name."""
    return {
        name(key): cut(text(value), LONGEST_PARAMETER) for key, value in job["parameters"].items()
    }


def tags(job: Job) -> dict[str, str]:
    """Return the tags of a run: the job's own, and what else is known of the job."""
    found = {name(tag_key(key)): value for key, value in job["tags"].items()}
    for field in _FIELDS:
        if job[field] is not None:
            found[f"atlas.{field}"] = job[field]
    if job["spec"].get("rerun_of"):
        found["atlas.rerun_of"] = job["spec"]["rerun_of"]
    for key, value in job["metrics"].items():
        if number(value) is None:
            found[name(f"atlas.metric.{key}")] = value
    if job["notes"]:
        found["mlflow.note.content"] = _notes(job["notes"])
    found["mlflow.user"] = job["user"]
    found["mlflow.source.name"] = " ".join(job["command"])
    return {key: cut(text(value), LONGEST_TAG) for key, value in found.items()}


def tag_key(key: str) -> str:
    """Return the key of a job's own tag, out of the way of those that mean something else."""
    return f"tag.{key}" if key.startswith(_RESERVED) else key


def _notes(notes: Iterable[Job]) -> str:
    return "\n\n".join(f"**{one['author']}, {one['at']}**\n\n{one['text']}" for one in notes)
