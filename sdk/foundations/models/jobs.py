"""Views of jobs and of what they recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from foundations.models.arrays import ArrayPlace, ArrayView
from foundations.models.changes import Change
from foundations.models.dependencies import AfterView
from foundations.models.requests import JobSpec
from foundations.models.words import JobState, View
from foundations.provenance import Provenance


class Waiting(View):
    """Why a queued job has not started."""

    reason: str
    position: int | None = None
    """Place in the queue, from 1; a held job has none."""
    blockers: list[str] = []
    """Ids of jobs that it waits for, at most ten; those first that began first."""
    expected_start_at: datetime | None = None
    """A guess from how long jobs of the same project and script took; None when that is unknown,
    and for jobs far back."""


class MetricSummary(View):
    """One metric series in a row."""

    name: str
    last: JsonValue
    last_step: float | None = None
    min: float | None = None
    """The least of the finite numbers, as `max` is the greatest."""
    min_step: float | None = None
    """The step of the first point with it: the best one, where less is better."""
    max: float | None = None
    max_step: float | None = None
    count: int


class MetricPoint(View):
    """One logged value of a metric."""

    position: int
    """Its place in the order the points were logged in, from 0."""
    step: float | None = None
    value: JsonValue
    """NaN and infinities as strings (`NaN`, `Infinity`, `-Infinity`)."""
    at: datetime


class MetricSeries(View):
    """Points of one metric: a page of them, or those that show its course."""

    name: str
    count: int
    """Of all points that were logged."""
    points: list[MetricPoint]
    decimated: bool = False
    """Whether points were left out in between."""
    next_position: int | None = None
    """Where the next page starts; None on the last one."""


class ArtifactView(View):
    """One artifact that a job saved."""

    key: str
    path: str
    """Where it lies below the archive's `artifacts/`."""
    size_bytes: int
    saved_at: datetime


class FileView(View):
    """One file of a job."""

    path: str
    """Where it lies in the job's archive, such as `source/main.py`."""
    kind: Literal["source", "changed", "artifact", "record"]
    """As submitted, changed or made by the job, saved as an artifact, or written about it."""
    size_bytes: int


class FileList(View):
    """Every file of a job."""

    job_id: str
    files: list[FileView]
    """Those as submitted first."""
    left_out: int = 0
    """How many more files there are than are listed."""


class LogLine(View):
    """One line of a log."""

    offset: int
    """Where it begins, in bytes."""
    size_bytes: int
    """How long it is in the log, with its end."""
    text: str
    """What it shows, colours included; of a very long line the beginning."""
    matches: bool
    """False for context."""


class LogMatches(View):
    """Lines of a log that have a pattern: as many as one answer holds."""

    offsets: list[int]
    """Where each match begins, in bytes and in order."""
    lines: list[LogLine] = []
    """The matches and their context."""
    next_offset: int
    """Where the search goes on; behind the end when `ended`, for what is written later."""
    ended: bool
    """Whether all that there was has been searched."""
    size_bytes: int
    """How much there was."""


class LogTimes(View):
    """When a part of a log was written: marks, each from which offset on it came at which time."""

    job_id: str
    size_bytes: int
    """How much of the log there was; what lies before has a time, if it has any."""
    resolution_ms: int
    """How far apart marks are at least; no time is early by twice as much."""
    offsets: list[int]
    """Of each mark, in bytes and in order. What lies before the first has no known time."""
    times_ms: list[int]
    """Of each mark, in milliseconds since 1970."""


class NoteView(View):
    """What someone wrote about a job."""

    number: int
    author: str
    at: datetime
    text: str
    """Markdown."""


class JobView(View):
    """A job as lists show it."""

    job_id: str
    project: str
    user: str
    state: JobState
    reason: str | None = None
    """How it ended, or why it could not start."""
    exit_code: int | None = None
    attempt: int = 0
    command: list[str]
    image: str | None = None
    engine: str | None = None
    """The engine that ran it; None before its first start."""
    num_gpus: int | float = 0
    """A whole number, or below 1 a share of one GPU."""
    priority: int = 0
    """Larger goes first."""
    held_by: str | None = None
    """Who keeps it waiting until it is released."""
    not_before: datetime | None = None
    """When it may have its turn; None is at once, or that it does not wait."""
    gpus: list[str] = []
    """Ids of the GPUs it holds or held."""
    cpus: float | None = None
    ram_gb: float | None = None
    submitted_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float | None = None
    """From start to end, or to now while it runs."""
    parameters: dict[str, JsonValue] = {}
    """Those it was submitted with, flattened, and in their place and beside them what it logged."""
    metrics: dict[str, JsonValue] = {}
    """Last value of each metric; NaN and infinities as strings (`NaN`, `Infinity`)."""
    tags: dict[str, str] = {}
    waiting: Waiting | None = None
    local: bool = False
    """Whether it is a local run: a program that was started without the scheduler."""
    array: ArrayPlace | None = None
    """Its place in the array it was submitted with; None for a job of its own."""
    schedule_id: str | None = None
    """The schedule that submitted it."""
    unique_key: str | None = None
    """What no other job of its project may have before this one has ended."""


class Accepted(JobView):
    """A job that was submitted, or the one that was there already."""

    existed: bool = False
    """Whether nothing was submitted, because this job has the unique key and has not ended."""
    replaced: str | None = None
    """Id of the job that was asked to end, because it had the unique key."""


class LocalRunView(View):
    """Where and as what a local run goes."""

    host: str
    pid: int
    working_dir: str
    python: str
    """Version of its Python."""
    interactive: bool = False
    """Whether it is a session, such as a notebook, rather than a program."""


class JobDetail(JobView):
    """Everything the scheduler knows about one job."""

    spec: JobSpec
    bundle: str | None
    """Digest of the files it runs in; None for a local run, which has no copy of them."""
    bundle_size_bytes: int
    local_run: LocalRunView | None = None
    """None for a job that was submitted."""
    container: str | None = None
    """Name of the container of the latest attempt; None where jobs run as plain processes."""
    log_size_bytes: int = 0
    doing: str | None = None
    """The last line of its log while it starts, such as how far the pull of its image is."""
    archived: bool = False
    """Whether the archive is finished."""
    metric_series: list[MetricSummary] = []
    """What it logged itself."""
    system_series: list[MetricSummary] = []
    """What the scheduler measured while it ran; names begin with `system/`."""
    artifacts: list[ArtifactView] = []
    skipped_records: int = 0
    """How many lines of its event file were not as documented, and were skipped."""
    notes: list[NoteView] = []
    """Oldest first."""
    history: list[Change] = []
    after: list[AfterView] = []
    """What it comes after; of very many the first."""
    whole_array: ArrayView | None = None
    """The array that it is part of."""
    provenance: Provenance = Provenance()
    """Without the diff."""


class FileDiff(View):
    """One file that differs between the source of two jobs."""

    path: str
    change: Literal["added", "removed", "changed", "unknown"]
    """`unknown` when there was no time to compare it."""
    diff: str = ""
    """Unified; empty where `omitted` says why."""
    omitted: str | None = None


class SourceDiff(View):
    """What differs between the files that two jobs were submitted with."""

    job_id: str
    other_id: str
    files: list[FileDiff]
    """By path."""
    left_out: int = 0
    """How many more files differ than are listed."""


class JobPage(View):
    """One page of a list of jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = None
    """Give it back to get the next page; None on the last one, and on pages by `offset`."""
    total: int | None = None
    """How many jobs the whole list has; only on pages by `offset`."""
