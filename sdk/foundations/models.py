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

from foundations.provenance import Origin as Origin
from foundations.provenance import Provenance as Provenance

API_VERSION = 1
SYSTEM_PREFIX = "system/"
"""Begins the names of the series that the scheduler measures of each job by itself."""


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
ImageId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ProjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
]
EnvironmentName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)
]
Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=131_072)]
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Priority = Annotated[int, Field(ge=-100, le=100)]
"""Larger goes first; among equals the order of the queue decides."""
MovePlace = Literal["first", "last", "up", "down", "before", "after"]
"""Where a job is moved to, among the queued jobs of its priority."""


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
    priority: Priority = 0
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
    pinned_image: ImageId | None = None
    """The very image to run, whatever `image` means by then; one that is gone is not missed."""


class Submission(Request):
    """Body of `POST /jobs`: a spec and the bundle it runs in (uploaded before)."""

    spec: JobSpec
    bundle: Digest
    hold: bool = False
    """Whether it waits until somebody releases it."""
    origin: Origin | None = None
    """None when the client does not say."""


class QueueSettings(Request):
    """Body of `PUT /queue`: how the queue is run."""

    max_running_jobs: Annotated[int, Field(ge=1, le=10_000)]


class ClearQueue(Request):
    """Body of `POST /queue/clear`; without anything every job that waits."""

    project: ProjectName | None = None
    filter: str | None = None
    """Only jobs that it takes (docs/filters.md)."""


class PauseQueue(Request):
    """Body of `POST /queue/pause` and `/queue/resume`; None means the whole queue."""

    project: ProjectName | None = None


class MoveJobs(Request):
    """Body of `POST /queue/move`."""

    jobs: Annotated[tuple[str, ...], Field(min_length=1, max_length=10_000)]
    """Ids, or unique prefixes of them; their order here is of no meaning."""
    place: MovePlace
    other: str | None = None
    """For `before` and `after`: the job to put them next to."""


class NewPriority(Request):
    """Body of `PUT /jobs/{ref}/priority`."""

    priority: Priority


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
    """What happened, in the lifecycle's words: `Submitted`, `Exited`, `Tagged`, `Moved`, …"""
    state: JobState
    """The state after it."""
    detail: dict[str, JsonValue] = {}


class QueueChange(View):
    """One row of the feed that is about the queue itself."""

    seq: int
    """Position in the feed, which it shares with the changes of jobs."""
    at: datetime
    event: str
    """`QueuePaused`, `QueueResumed` or `QueueChanged`."""
    project: str | None = None
    """Whose part of the queue it is about; None is all of it."""
    detail: dict[str, JsonValue] = {}
    """At least `by`."""


class NewRecords(View):
    """A notice that jobs recorded something: it is not stored, and has no place in the feed."""

    job_ids: list[str]


class PauseView(View):
    """That nothing starts until somebody resumes it."""

    by: str
    at: datetime
    project: str | None = None
    """None is the whole queue."""


class QueueView(View):
    """How the queue is run, and what is paused; the answer of `/queue`."""

    max_running_jobs: int
    paused: PauseView | None = None
    """Of the whole queue."""
    paused_projects: list[PauseView] = []


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
    priority: int = 0
    """Larger goes first."""
    held_by: str | None = None
    """Who keeps it waiting until it is released."""
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
    local: bool = False
    """Whether it is a local run: a program that was started without the scheduler."""


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
    """Name of the container or process group of the latest attempt."""
    log_size_bytes: int = 0
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
    """Answer of `DELETE /projects/{name}`, and of `POST /projects/{name}/restore`."""

    name: str
    jobs: int
    """How many were deleted with it, or came back."""


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
    queue: QueueView
    gpus: list[str] = []
    states: dict[JobState, int] = {}
    slots_taken: int = 0
    """How many jobs hold a slot of the queue; local runs hold none."""
    last_seq: int = 0
    """The newest change; a feed from here misses nothing that comes after this answer."""
    delete_grace_seconds: float = 0.0
    """For how long a deletion can be undone."""


class GpuView(View):
    """One GPU of the scheduler's machine. What its driver does not tell is None."""

    id: str
    index: int
    """Its place in the driver's order, from 0."""
    name: str | None = None
    utilization_percent: float | None = None
    """Of the last moments in which at least one program ran on it."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None
    job_id: str | None = None
    """The job that holds it."""


class HostView(View):
    """Answer of `/host`: the scheduler's machine at this moment."""

    at: datetime
    hostname: str
    cpus: int
    cpu_percent: float
    """Of all processors together, 0 to 100."""
    load_average: list[float]
    """Of the last 1, 5 and 15 minutes."""
    memory_used_bytes: int
    """Without what the system could drop at once."""
    memory_total_bytes: int
    disk_used_bytes: int
    """Of the file system that holds the scheduler's home; the next two as well."""
    disk_free_bytes: int
    """For who is not root."""
    disk_total_bytes: int
    gpus: list[GpuView] = []
    gpu_problem: str | None = None
    """Why nothing is known of GPUs."""


class ProjectDisk(View):
    """What the jobs of one project take on the disk."""

    name: str
    jobs: int
    archive_bytes: int
    bundle_bytes: int
    """A bundle that several projects use counts in each of them."""


class DiskView(View):
    """Answer of `/disk`: what lies in the scheduler's home, in bytes of the disk."""

    at: datetime
    complete: bool
    """False when there was no time to look at everything: there is more than this."""
    archives_bytes: int
    bundles_bytes: int
    work_dirs_bytes: int
    environments_bytes: int
    database_bytes: int
    projects: list[ProjectDisk] = []
    """The largest first."""


class WireError(View):
    """Every error answer."""

    error: str
    message: str
