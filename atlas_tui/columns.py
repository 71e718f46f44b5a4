"""The columns of a table of jobs: what a job has there, how wide it is and how it looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from atlas_tui import sparks
from foundations.cli import job_values
from foundations.job_states import FINAL_STATES
from foundations.text.quantities import duration

if TYPE_CHECKING:
    from foundations.models import JobView

DEFAULT = ("id", "state", "project", "command", "duration", "submitted", "reason")
SPARK = "spark."
"""Begins the name of a column that draws the course of a metric, as in `spark.loss`."""
RECORDED = ("metric", "param", "tag")
"""Kinds of values that jobs record under names of their own, as in `metric.loss`."""
_MOST_CELLS = 200
"""Longest text of a cell; what is longer is cut when it is made."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of jobs."""

    name: str
    """As the command line and the filter language name it."""
    title: str
    text: Callable[[JobView, datetime], str]
    """What stands there, given the job and the time; not yet cleaned."""
    width: int
    align: Literal["left", "right"] = "left"
    grows: bool = False
    """Whether it takes a share of the width that is left."""
    enough: int | None = None
    """From this width on others that grow take what is left; None where no width is enough."""
    moves: bool = False
    """Whether it changes with the time alone."""


def column(name: str) -> Column:
    """Find a column by its name.

    Raises:
        ValueError: there is none of that name; the text has a suggestion.
    """
    kind, dot, key = name.partition(".")
    if dot and key and kind in RECORDED:
        return _recorded(kind, key)
    if name.startswith(SPARK) and key:
        # The table draws it: what is drawn has to be asked for by itself.
        return Column(name, f"{key} COURSE".upper(), lambda job, now: "", sparks.WIDTH)
    if name in _COLUMNS:
        return _COLUMNS[name]
    from difflib import get_close_matches  # late: it is for wrong names alone

    near = get_close_matches(name, _COLUMNS, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(_COLUMNS)}"
    raise ValueError(f"no column `{name}`: {hint}")


def columns(names: Iterable[str]) -> list[Column]:
    """Find columns by their names.

    Raises:
        ValueError: there is none of some name.
    """
    return [column(name) for name in names]


def names() -> tuple[str, ...]:
    """The columns that every job has."""
    return tuple(_COLUMNS)


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago something was: `12s`, `3m`, `5h`, `12d`."""
    if moment is None:
        return ""
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def run_seconds(job: JobView, now: datetime) -> float | None:
    """How long a job has run, also while it does."""
    if job.started_at is None or job.state in FINAL_STATES:
        return job.duration_seconds
    return max(0.0, (now - job.started_at).total_seconds())


def why(job: JobView) -> str:
    """Why a job waits, or how it ended."""
    if job.waiting is not None:
        position = job.waiting.position
        return job.waiting.reason if position is None else f"#{position} {job.waiting.reason}"
    return job.reason or ""


def told_apart(job: JobView) -> str:
    """The command, and what tells it from others with the same: index and parameters."""
    words = [f"[{job.array.index}]"] if job.array else []
    return " ".join([*words, *job.command, _mapping(job.parameters or {})]).strip()[:_MOST_CELLS]


def now_utc() -> datetime:
    """The time, as the columns need it."""
    return datetime.now(UTC)


def _recorded(kind: str, key: str) -> Column:
    field = {"metric": "metrics", "param": "parameters", "tag": "tags"}[kind]

    def text(job: JobView, now: datetime) -> str:
        values: dict[str, Any] = getattr(job, field)
        return job_values.cell(key, values[key]) if key in values else ""

    title = f"#{key}" if kind == "tag" else key
    return Column(f"{kind}.{key}", title.upper(), text, max(10, min(len(title) + 1, 18)), "right")


def _mapping(values: dict[str, Any]) -> str:
    shown = (f"{key}={job_values.cell(key, value)}" for key, value in values.items())
    return " ".join(shown)[:_MOST_CELLS]


def _plain(attribute: str) -> Callable[[JobView, datetime], str]:
    def text(job: JobView, now: datetime) -> str:
        value = getattr(job, attribute)
        return "" if value is None else str(value)

    return text


def _moment(attribute: str) -> Callable[[JobView, datetime], str]:
    return lambda job, now: ago(getattr(job, attribute), now)


def _state(job: JobView, now: datetime) -> str:
    return job.state


def _duration(job: JobView, now: datetime) -> str:
    seconds = run_seconds(job, now)
    return "" if seconds is None else duration(seconds)


def _gpus(job: JobView, now: datetime) -> str:
    if job.gpus:
        return ",".join(job.gpus)
    return str(job.num_gpus or "")


_COLUMNS = {
    one.name: one
    for one in (
        Column("id", "JOB", lambda job, now: job.job_id[:8], 8),
        Column("state", "STATE", _state, 11),
        Column("project", "PROJECT", _plain("project"), 14),
        Column("user", "USER", _plain("user"), 10),
        Column(
            "command",
            "COMMAND",
            lambda job, now: told_apart(job),
            16,
            grows=True,
        ),
        Column("duration", "TIME", _duration, 8, "right", moves=True),
        Column("submitted", "AGE", _moment("submitted_at"), 5, "right", moves=True),
        Column("started", "STARTED", _moment("started_at"), 7, "right", moves=True),
        Column("finished", "ENDED", _moment("finished_at"), 6, "right", moves=True),
        Column("reason", "WHY", lambda job, now: why(job), 16, grows=True, enough=38),
        Column("exit_code", "EXIT", _plain("exit_code"), 4, "right"),
        Column("attempt", "TRY", _plain("attempt"), 3, "right"),
        Column("image", "IMAGE", _plain("image"), 18),
        Column("engine", "ENGINE", _plain("engine"), 7),
        Column("gpus", "GPU", _gpus, 5, "right"),
        Column("cpus", "CPU", _plain("cpus"), 5, "right"),
        Column("ram", "RAM", _plain("ram_gb"), 6, "right"),
        Column("metrics", "METRICS", lambda job, now: _mapping(job.metrics), 20, grows=True),
        Column("params", "PARAMETERS", lambda job, now: _mapping(job.parameters), 20, grows=True),
        Column("array", "ARRAY", lambda job, now: job.array.array_id[:8] if job.array else "", 8),
        Column(
            "array_index",
            "INDEX",
            lambda job, now: str(job.array.index) if job.array else "",
            6,
            "right",
        ),
        Column("tags", "TAGS", lambda job, now: _mapping(dict(job.tags)), 12),
    )
}
