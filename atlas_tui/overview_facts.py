"""What is known of a job, in names and texts: why it waits, how it ended, what it may use."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from atlas_tui import metric_rows, parameters
from foundations.cli import provenance_fields
from foundations.limits import limit_facts
from foundations.models import JobDetail, JobState
from foundations.text.arrays import states_text
from foundations.text.builds import build_text
from foundations.text.dependencies import after_text
from foundations.text.quantities import size
from foundations.text.value_words import value as value_text

_MOST_VALUES = 10
"""So many metrics and parameters are on the page; all are on their tabs."""
_WORDS = {
    JobState.QUEUED: "waits for its turn",
    JobState.STARTING: "is being started",
    JobState.RUNNING: "runs",
    JobState.STOPPING: "was asked to stop",
    JobState.COMPLETED: "completed: it ended by itself with exit code 0",
    JobState.FAILED: "failed",
    JobState.STOPPED: "was stopped by request",
    JobState.LOST: "was lost: container, engine or machine went away; its code is not to blame",
    JobState.PRUNED: "was ended early, because other trials of its sweep do better",
}

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """Facts below a title."""

    title: str
    facts: Sequence[Fact]
    """Name and text; those without text are left out."""


def story(detail: JobDetail) -> str:
    """Say in a sentence why a job waits, or how it ended."""
    if detail.waiting is not None:
        position = detail.waiting.position
        place = "" if position is None else f" (place {position})"
        return f"It waits: {detail.waiting.reason}{place}."
    text = f"It {_WORDS[detail.state]}"
    if detail.doing:
        return f"{text}. {detail.doing}"
    if detail.state is JobState.FAILED and detail.exit_code is not None:
        text += f" with exit code {detail.exit_code}"
    if detail.reason and detail.state is not JobState.COMPLETED:
        text += f": {detail.reason}"
    return text.rstrip(".") + "."


def again(detail: JobDetail, scheduler: str) -> str:
    """The command that submits a job again."""
    return f"foundations rerun job {shlex.quote(scheduler)} {detail.job_id[:8]}"


def sections(detail: JobDetail, scheduler: str) -> list[Section]:
    """Everything that is known of a job except for its history."""
    spec, build = detail.spec, detail.spec.build
    return [
        Section(
            "Runs",
            (
                ("Command", shlex.join(detail.command)),
                ("Entry point", shlex.join(spec.entrypoint or ())),
                ("Directory", spec.working_dir or ""),
                ("Image", detail.image or ""),
                ("Image built from", "" if build is None else build_text(build)),
                ("Interpreter", "" if detail.engine == "docker" else spec.python or ""),
                ("Engine", detail.engine or ""),
                ("Container", detail.container or ""),
                ("Attempt", str(detail.attempt) if detail.attempt > 1 else ""),
            ),
        ),
        Section("Waits", _waits(detail)),
        Section("Resources", _resources(detail)),
        Section(
            "Kept",
            (
                ("Bundle", _bundle(detail)),
                ("Log", size(detail.log_size_bytes)),
                ("Archive", "complete" if detail.archived else "not complete yet"),
                ("Artifacts", _artifacts(detail)),
            ),
        ),
        Section(
            "About",
            (
                ("Id", detail.job_id),
                ("Project", detail.project),
                ("User", detail.user),
                ("Tags", _pairs(detail.tags)),
                ("Rerun of", f"{spec.rerun_of} (Enter)" if spec.rerun_of else ""),
                ("Array", _array(detail)),
                ("Schedule", detail.schedule_id or ""),
                ("Unique key", detail.unique_key or ""),
                ("Comes after", after_text(detail.after)),
                ("Environment", _pairs(spec.environment)),
                ("Submit again", again(detail, scheduler)),
            ),
        ),
        Section("Comes from", provenance_fields.fields(detail.provenance)),
    ]


def values(detail: JobDetail) -> list[Section]:
    """The first metrics and parameters of a job."""
    series = detail.metric_series
    values = parameters.rows(detail)
    metrics = [(one.name, metric_rows.last_text(one)) for one in series[:_MOST_VALUES]]
    told = [(one.name, value_text(one.value)) for one in values[:_MOST_VALUES]]
    return [
        Section("Metrics", metrics + _more(len(series))),
        Section("Parameters", told + _more(len(values))),
    ]


def _more(count: int) -> list[Fact]:
    return [("", f"and {count - _MOST_VALUES} more")] if count > _MOST_VALUES else []


def _waits(detail: JobDetail) -> tuple[Fact, ...]:
    """For whom, and how long that is expected to last."""
    waiting = detail.waiting
    if waiting is None:
        return ()
    start = waiting.expected_start_at
    return (
        ("For jobs", " ".join(one[:8] for one in waiting.blockers)),
        ("May start", f"about {start.astimezone():%H:%M:%S, %d %b}" if start else ""),
    )


def _resources(detail: JobDetail) -> tuple[Fact, ...]:
    spec = detail.spec
    gpus = str(spec.num_gpus) if spec.num_gpus else ""
    if detail.gpus:
        gpus += f" ({', '.join(detail.gpus)})"
    volumes = " ".join(f"{one.host}:{one.bind}:{one.mode}" for one in spec.volumes)
    return (
        ("GPUs", gpus or "none"),
        ("CPUs", f"{spec.cpus:g}" if spec.cpus else "no limit"),
        ("Memory", f"{spec.ram_gb:g} GB" if spec.ram_gb else "no limit"),
        ("Shared memory", f"{spec.shm_gb:g} GB" if spec.shm_gb else ""),
        ("Secrets", " ".join(spec.secrets)),
        ("Volumes", volumes),
        *limit_facts(spec),
    )


def _bundle(detail: JobDetail) -> str:
    if detail.bundle is None:
        return "none: a local run"
    return f"{detail.bundle[:19]}… {size(detail.bundle_size_bytes)}"


def _artifacts(detail: JobDetail) -> str:
    if not detail.artifacts:
        return ""
    total = sum(one.size_bytes for one in detail.artifacts)
    return f"{len(detail.artifacts)}, {size(total)}"


def _array(detail: JobDetail) -> str:
    if detail.array is None or detail.whole_array is None:
        return ""
    place = f"{detail.array.array_id[:8]}_{detail.array.index}"
    key = "" if detail.spec.rerun_of else " (Enter)"
    return f"{place}: {states_text(detail.whole_array)}{key}"


def _pairs(values: dict[str, str]) -> str:
    return "  ".join(f"{key}={value}" if value else key for key, value in values.items())
