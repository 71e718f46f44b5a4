"""Views of the scheduler itself: its queue, engine, machine and projects."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from foundations.models.garbage import RetentionView
from foundations.models.words import JobState, View


class ReadinessView(View):
    """Answer of `/healthz`."""

    ready: bool
    """Whether jobs are taken in."""
    database: bool
    """Whether it can be written to."""
    engine: bool
    """Whether it answers; without it jobs wait."""


class PauseView(View):
    """That nothing starts until somebody resumes it."""

    by: str
    at: datetime
    project: str | None = None
    """None is the whole queue."""


class QueueView(View):
    """How the queue is run, and what is paused; the answer of `/queue`."""

    max_running_jobs: int
    max_running_per_project: int | None = None
    """Of each project that has no limit of its own; None is no limit."""
    max_running_per_user: int | None = None
    project_limits: dict[str, int] = {}
    """Limits of their own, by project."""
    user_limits: dict[str, int] = {}
    backfill_seconds: float = 86_400.0
    """For how long at most later jobs may pass one that does not fit."""
    paused: PauseView | None = None
    """Of the whole queue."""
    paused_projects: list[PauseView] = []


class ProjectView(View):
    """A project and how its jobs stand."""

    name: str
    created_at: datetime
    jobs: int
    states: dict[JobState, int] = {}
    last_submitted_at: datetime | None = None
    description: str = ""
    """Markdown."""
    retention: RetentionView | None = None
    """What it keeps of its jobs; None is everything."""


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


class MissingFile(View):
    """A file of a bundle that the server has not."""

    sha256: str
    size_bytes: int
    arrived_bytes: int = 0
    """How much of it the server has, from an upload that was cut off."""


class MissingFiles(View):
    """Answer of `PUT /bundles/{digest}/files`."""

    missing: list[MissingFile] = []
    """Without any the bundle is there."""
    encodings: list[str] = []
    """How the body of `POST /bundles/files` may be encoded, beside as it is."""


class FilesReceived(View):
    """Answer of `POST /bundles/files`."""

    files: int


class Cleared(View):
    """Answer of `POST /queue/clear`."""

    removed: int
    job_ids: list[str]


class StopRefusal(View):
    """One of several jobs that was not stopped."""

    job: str
    """As it was asked for."""
    error: str
    """A code, as of an answer with an error."""
    message: str


class JobsStopped(View):
    """Answer of `POST /jobs/stop`."""

    stopped: list[str]
    """Ids of jobs that waited, and have ended by this."""
    stopping: list[str]
    """Ids of jobs that were asked to end."""
    refused: list[StopRefusal] = []


class EngineView(View):
    """What runs the jobs, and whether it answers."""

    name: str
    version: str | None = None
    isolated: bool
    """Whether jobs are shut off from each other and from the machine."""
    available: bool
    problem: str | None = None
    """Why it is not available, and what to do."""
    description: str | None = None
    """Which product answers, as whom it runs and what follows from that, in a line."""
    notes: list[str] = []


class WatchedDisk(View):
    """One disk that must have space before a job starts."""

    path: str
    """The first of the directories on it that are watched."""
    holds: list[str]
    """What is on it: `home`, `bundles`, `work dirs`, `archives`, and `engine` for what the
    engine keeps."""
    total_bytes: int
    free_bytes: int
    stop_below_bytes: int


class StorageView(View):
    """Whether there is space to start jobs, on the disk that is nearest to its mark."""

    free_bytes: int
    stop_below_bytes: int
    """Free space below which no job starts."""
    problem: str | None = None
    """Why no job starts now; by itself they start again when there is space."""
    disks: list[WatchedDisk] = []
    """All that are watched, that of the home first."""


class VolumeView(View):
    """A volume that jobs can name."""

    name: str
    mode: Literal["ro", "rw"]
    """Whether jobs may write to it."""


class CertificateView(View):
    """What a scheduler proves itself by over TLS."""

    names: list[str] = []
    """Names and addresses that it is for."""
    until: datetime
    """When it ends."""
    problem: str | None = None
    """What whoever runs the scheduler should see to: it ends soon, or a newer one is broken."""


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
    cpus: float | None = None
    """Processors that jobs may ask for in all; None when they are not counted."""
    ram_gb: float | None = None
    """Memory that jobs may ask for in all, in units of 10^9 bytes."""
    states: dict[JobState, int] = {}
    slots_taken: int = 0
    """How many jobs hold a slot of the queue; local runs hold none."""
    last_seq: int = 0
    """The newest change; a feed from here misses nothing that comes after this answer."""
    delete_grace_seconds: float = 0.0
    """For how long a deletion can be undone."""
    storage: StorageView | None = None
    """None until the scheduler has looked."""
    listening: list[str] = []
    """Where it is asked beside its Unix socket, as URLs of its own machine."""
    certificate: CertificateView | None = None
    """None where nothing is asked by TLS."""
    volumes: list[VolumeView] = []
    """Those that who asks may name in their jobs."""


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
    """The job that holds it, or the first of those that share it."""
    job_ids: list[str] = []
    """All jobs that hold it or share it."""


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
