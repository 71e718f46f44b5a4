"""The vocabulary that client and server share: job states, requests and views.

Requests (`JobSpec`, `Submission`, …) refuse unknown keys, so that a typo is an error. Views ignore
them, so that a client can read a server one minor version newer. Times are UTC; sizes are bytes
unless the name says otherwise (`ram_gb`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

API_VERSION = 1


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    """Accepted and durable; waits for its turn."""
    STARTING = "starting"
    """Chosen to run; its work dir, environment and container are being made."""
    RUNNING = "running"
    """Its process runs."""
    STOPPING = "stopping"
    """Someone asked it to stop; its process is being ended."""
    COMPLETED = "completed"
    """Ended by itself with exit code 0."""
    FAILED = "failed"
    """Ended by itself with another exit code, or could not be started."""
    STOPPED = "stopped"
    """Ended because someone asked for it."""
    LOST = "lost"
    """The infrastructure lost it: container removed, engine or machine restarted."""
    PRUNED = "pruned"
    """A sweep's trial that was ended early because others do better."""


FINAL_STATES = frozenset(
    {JobState.COMPLETED, JobState.FAILED, JobState.STOPPED, JobState.LOST, JobState.PRUNED}
)
HOLDING_STATES = frozenset({JobState.STARTING, JobState.RUNNING, JobState.STOPPING})
"""States in which a job holds its slot, GPUs and memory."""

JobId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ProjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
]
EnvironmentName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)
]
Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=131_072)]
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Request(BaseModel):
    """A body that a client sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """A body that the server answers; unknown keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class Volume(Request):
    """A host path that a job sees inside its container."""

    host: Annotated[str, StringConstraints(pattern=r"^/[^\x00]*$", max_length=4096)]
    bind: Annotated[str, StringConstraints(pattern=r"^/[^\x00]*$", max_length=4096)]
    mode: Literal["ro", "rw"] = "rw"


class JobSpec(Request):
    """What to run and with what: everything that the submitter decides."""

    project: ProjectName
    command: Annotated[tuple[Argument, ...], Field(max_length=4096)] = ("main.py",)
    """What follows the entry point: for the standard worker a script and its arguments."""
    params: dict[str, JsonValue] = {}
    """Written to `foundations_job_parameters.json` in the job's own work dir."""
    num_gpus: Annotated[int, Field(ge=0, le=1024)] = 0
    cpus: Annotated[float, Field(gt=0, le=4096)] | None = None
    ram_gb: Annotated[float, Field(gt=0, le=1_048_576)] | None = None
    """Memory limit in units of 10^9 bytes; None is no limit."""
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Image for engines with containers; None is the standard worker."""
    entrypoint: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=64)] | None = None
    """Replaces the image's entry point."""
    python: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """Interpreter for the process engine; None lets the server choose `python3`."""
    working_dir: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """Where the command starts; relative to the job's source directory; None is that directory."""
    environment: dict[EnvironmentName, Argument] = {}
    volumes: Annotated[tuple[Volume, ...], Field(max_length=64)] = ()
    user: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "unknown"
    log_level: LogLevel = "INFO"
    tags: dict[TagKey, Argument] = {}
    rerun_of: JobId | None = None
    """The job that this one repeats, which may be deleted meanwhile."""


class Submission(Request):
    """Body of `POST /jobs`: a spec and the bundle it runs in (uploaded before)."""

    spec: JobSpec
    bundle: Digest


class QueueSettings(Request):
    """How the queue is run; the body and the answer of `/queue`."""

    max_running_jobs: Annotated[int, Field(ge=1, le=10_000)]


class ClearQueue(Request):
    """Body of `POST /queue/clear`; None means every project."""

    project: ProjectName | None = None


class NewTags(Request):
    """Body of `POST /jobs/{ref}/tags`."""

    tags: Annotated[dict[TagKey, Argument], Field(min_length=1)]


class NewNote(Request):
    """Body of `POST /jobs/{ref}/notes`."""

    text: Annotated[
        str, StringConstraints(pattern=r"^[^\x00]*[^\x00\s][^\x00]*$", max_length=100_000)
    ]
    """Markdown; not blank."""


class RenameProject(Request):
    """Body of `POST /projects/{name}/rename`."""

    new_name: ProjectName


class DescribeProject(Request):
    """Body of `PUT /projects/{name}/description`."""

    description: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=10_000)]
    """Markdown; empty for none."""


class Waiting(View):
    """Why a queued job has not started."""

    reason: str
    position: int
    """Place in the queue, from 1."""


class MetricSummary(View):
    """One metric series in a row."""

    name: str
    last: JsonValue
    last_step: float | None = None
    min: float | None = None
    max: float | None = None
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


class NoteView(View):
    """What someone wrote about a job."""

    number: int
    author: str
    at: datetime
    text: str
    """Markdown."""


class Change(View):
    """One row of a job's history, and of the change feed."""

    seq: int
    """Position in the feed; grows, never repeats."""
    at: datetime
    job_id: str
    project: str
    event: str
    """What happened, in the lifecycle's words: `Submitted`, `Claimed`, `Exited`, `Tagged`, …"""
    state: JobState
    """The state after it."""
    detail: dict[str, JsonValue] = {}


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
    num_gpus: int = 0
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
    metrics: dict[str, JsonValue] = {}
    """Last value of each metric; NaN and infinities as strings (`NaN`, `Infinity`)."""
    tags: dict[str, str] = {}
    waiting: Waiting | None = None


class JobDetail(JobView):
    """Everything the scheduler knows about one job."""

    spec: JobSpec
    bundle: str
    bundle_size_bytes: int
    container: str | None = None
    """Name of the container or process group of the latest attempt."""
    log_size_bytes: int = 0
    archived: bool = False
    """Whether the archive is finished."""
    metric_series: list[MetricSummary] = []
    artifacts: list[ArtifactView] = []
    notes: list[NoteView] = []
    """Oldest first."""
    history: list[Change] = []


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


class ProjectView(View):
    """A project and how its jobs stand."""

    name: str
    created_at: datetime
    jobs: int
    states: dict[JobState, int] = {}
    last_submitted_at: datetime | None = None
    description: str = ""
    """Markdown."""


class DeletedProject(View):
    """Answer of `DELETE /projects/{name}`."""

    name: str
    jobs: int
    """How many were deleted with it."""


class BundleView(View):
    """A bundle that the server keeps."""

    digest: str
    size_bytes: int
    """Of the packed file."""


class Cleared(View):
    """Answer of `POST /queue/clear`."""

    removed: int
    job_ids: list[str]


class EngineView(View):
    """What runs the jobs, and whether it answers."""

    name: str
    version: str | None = None
    isolated: bool
    """Whether jobs are shut off from each other and from the machine."""
    available: bool
    problem: str | None = None
    """Why it is not available, and what to do."""
    notes: list[str] = []


class SchedulerInfo(View):
    """Answer of `/info`: who answers, and how it stands."""

    version: str
    api_version: int
    instance: str
    pid: int
    home: str
    engine: EngineView
    queue: QueueSettings
    gpus: list[str] = []
    states: dict[JobState, int] = {}
    last_seq: int = 0
    """The newest change; a feed from here misses nothing that comes after this answer."""


class WireError(View):
    """Every error answer."""

    error: str
    message: str
