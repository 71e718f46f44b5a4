"""What clients ask for. Unknown keys are refused, so that a typo is an error."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from foundations.models.dependencies import MOST_AFTER, After
from foundations.models.images import ImageBuild, PullPolicy
from foundations.models.limits import Pause, Retries, Seconds
from foundations.models.secrets import SecretName, SecretUse
from foundations.models.words import (
    AbsolutePath,
    Argument,
    Digest,
    EnvironmentName,
    GpuCount,
    ImageId,
    JobId,
    LogLevel,
    MovePlace,
    NoNulls,
    OneLine,
    Priority,
    ProjectName,
    Request,
    TagKey,
    UserName,
)
from foundations.provenance import Origin
from foundations.text.shapes import Shape

DEFAULT_COMMAND = ("main.py",)
"""What a job runs that names no command."""


class Volume(Request):
    """What of the scheduler's machine a job sees inside its container."""

    host: Annotated[
        str,
        StringConstraints(max_length=4096),
        Shape(
            r"^(/[^\x00]*|[A-Za-z0-9][A-Za-z0-9_.-]{0,99})$",
            "an absolute path, or the name of a volume that the scheduler offers",
        ),
    ]
    """An absolute path, or the name of a volume that the admin offers."""
    bind: AbsolutePath
    mode: Literal["ro", "rw"] = "rw"

    @property
    def is_named(self) -> bool:
        """Whether it is one that the admin offers."""
        return not self.host.startswith("/")


class JobSpec(Request):
    """What to run and with what: everything that the submitter decides."""

    project: ProjectName
    command: Annotated[tuple[Argument, ...], Field(max_length=4096)] = DEFAULT_COMMAND
    """What follows the entry point: for the standard worker a script and its arguments."""
    params: dict[str, JsonValue] = {}
    """Written to `foundations_job_parameters.json` in the job's own work dir."""
    num_gpus: GpuCount = 0
    priority: Priority = 0
    cpus: Annotated[float, Field(gt=0, le=4096)] | None = None
    ram_gb: Annotated[float, Field(gt=0, le=1_048_576)] | None = None
    """Memory limit in units of 10^9 bytes; None is no limit."""
    shm_gb: Annotated[float, Field(gt=0, le=1_048_576)] | None = None
    """Size of /dev/shm in units of 10^9 bytes, where there are containers; None is the server's."""
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Image for engines with containers; None is the standard worker."""
    build: ImageBuild | None = None
    """How the server builds the image of the submitted files, in place of `image`."""
    pull: PullPolicy = "missing"
    """When a registry is asked for the image, or for those that it is built on."""
    entrypoint: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=64)] | None = None
    """Replaces the image's entry point."""
    python: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """Interpreter for the process engine; None lets the server choose `python3`."""
    working_dir: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    """Where the command starts; relative to the job's source directory; None is that directory."""
    environment: dict[EnvironmentName, Argument] = {}
    secrets: Annotated[dict[SecretName, SecretUse], Field(max_length=64)] = {}
    """Secrets of its user that the job gets, and how."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=64)] = ()
    user: UserName = "unknown"
    log_level: LogLevel = "INFO"
    tags: dict[TagKey, Argument] = {}
    rerun_of: JobId | None = None
    """The job that this one repeats, which may be deleted meanwhile."""
    pinned_image: ImageId | None = None
    """The very image to run, whatever `image` means by then; one that is gone is not missed."""
    time_limit_seconds: Seconds | None = None
    """Longest that an attempt may run; None is for ever."""
    queue_ttl_seconds: Seconds | None = None
    """Longest that it may wait in the queue; None is for ever."""
    retries: Retries | None = None
    """None tries nothing again."""
    retry_delay_seconds: Pause | None = None
    """Pause before the first retry, which doubles with each; None lets the server choose."""

    @model_validator(mode="after")
    def _one_image(self) -> Self:
        if self.image is not None and self.build is not None:
            raise PydanticCustomError("image", "give an image by name or build one, not both")
        return self


class Unique(Request):
    """A key that one job of a project has at a time, as long as it has not ended."""

    key: Annotated[str, StringConstraints(max_length=200), OneLine]
    if_exists: Literal["skip", "replace"] = "skip"
    """What to do when a job has it: submit nothing, or end that job and take its place."""


class Plan(Request):
    """What is submitted, without the files that it runs."""

    spec: JobSpec
    hold: bool = False
    """Whether it waits until somebody releases it."""
    after: Annotated[tuple[After, ...], Field(max_length=MOST_AFTER)] = ()
    """What has to end before it may have its turn."""
    not_before: AwareDatetime | None = None
    """When it may have its turn; a time that is over means at once."""
    unique: Unique | None = None
    """None when there may be any number of such jobs."""
    origin: Origin | None = None
    """None when the client does not say."""


class Submission(Plan):
    """Body of `POST /jobs`: what runs, and the bundle it runs in (uploaded before)."""

    bundle: Digest


MaxRunning = Annotated[int, Field(ge=1, le=10_000)]
"""How many jobs may run at once."""
NewLimit = Annotated[int, Field(ge=0, le=10_000)]
"""How many jobs may run at once; 0 takes the limit away."""
BackfillSeconds = Annotated[float, Field(ge=0, le=31_536_000)]


class QueueSettings(Request):
    """How the queue is run."""

    max_running_jobs: MaxRunning
    max_running_per_project: MaxRunning | None = None
    """Of each project that has no limit of its own; None is no limit."""
    max_running_per_user: MaxRunning | None = None
    project_limits: dict[ProjectName, MaxRunning] = {}
    """Limits of their own, by project."""
    user_limits: dict[UserName, MaxRunning] = {}
    backfill_seconds: BackfillSeconds = 86_400.0
    """For how long at most later jobs may pass one that does not fit."""


class NewQueueSettings(Request):
    """Body of `PUT /queue`: what is to change. What is left out, or None, stays as it is."""

    max_running_jobs: MaxRunning | None = None
    max_running_per_project: NewLimit | None = None
    max_running_per_user: NewLimit | None = None
    project_limits: dict[ProjectName, NewLimit] = {}
    """Projects that are not named keep their limit."""
    user_limits: dict[UserName, NewLimit] = {}
    backfill_seconds: BackfillSeconds | None = None


class ClearQueue(Request):
    """Body of `POST /queue/clear`; without anything every job that waits."""

    project: ProjectName | None = None
    filter: str | None = None
    """Only jobs that it takes (docs/filters.md)."""


class StopJobs(Request):
    """Body of `POST /jobs/stop`: either `jobs` or a `filter`, that with or without a `project`."""

    jobs: Annotated[tuple[str, ...], Field(max_length=10_000)] = ()
    """Ids, or unique prefixes of them."""
    filter: str | None = None
    """All jobs that it takes and that wait, start or run (docs/filters.md)."""
    project: ProjectName | None = None
    at_most: Annotated[int, Field(ge=0)] | None = None
    """How many jobs the user knows of: when the filter takes more, none is stopped."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.jobs) == (self.filter is not None):
            raise ValueError("give either `jobs` or a `filter`")
        return self


class PauseQueue(Request):
    """Body of `POST /queue/pause` and `/queue/resume`; None means the whole queue."""

    project: ProjectName | None = None


class MoveJobs(Request):
    """Body of `POST /queue/move`: either `jobs` or a `filter`."""

    jobs: Annotated[tuple[str, ...], Field(max_length=10_000)] = ()
    """Ids, or unique prefixes of them; their order here is of no meaning."""
    filter: str | None = None
    """All jobs that it takes and that wait (docs/filters.md)."""
    place: MovePlace
    other: str | None = None
    """For `before` and `after`: the job to put them next to."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.jobs) == (self.filter is not None):
            raise ValueError("give either `jobs` or a `filter`")
        return self


class NewPriority(Request):
    """Body of `PUT /jobs/{ref}/priority`."""

    priority: Priority


class NewTags(Request):
    """Body of `POST /jobs/{ref}/tags`."""

    tags: Annotated[dict[TagKey, Argument], Field(min_length=1)]


class NewNote(Request):
    """Body of `POST /jobs/{ref}/notes`."""

    text: Annotated[
        str,
        StringConstraints(max_length=100_000),
        Shape(r"^[^\x00]*[^\x00\s][^\x00]*$", "more than blank, and without null characters"),
    ]
    """Markdown; not blank."""


class LogSearch(Request):
    """What to look for in a log, and how much of it to answer."""

    pattern: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    """What a line must have, as it is shown: without colours, after its last carriage return."""
    regex: bool = False
    """Whether the pattern is a regular expression, in the syntax of filters."""
    ignore_case: bool = False
    offset: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Only lines that begin here or later, in bytes."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Most matches of one answer."""
    context: Annotated[int, Field(ge=0, le=20)] = 0
    """How many lines before and after each match to answer too."""
    lines: bool = True
    """Whether to answer the text of the lines; without it only where they begin."""


class LogTimesRange(Request):
    """Of which part of a log to answer the times."""

    offset: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Where the part begins, in bytes."""
    end: Annotated[int | None, Field(ge=0, le=2**63 - 1)] = None
    """Where it ends; None for the end of the log."""
    since_ms: Annotated[int | None, Field(ge=0, le=2**63 - 1)] = None
    """Leave out what was written before this time (milliseconds since 1970)."""
    limit: Annotated[int, Field(ge=1, le=100_000)] = 100_000
    """Most marks to answer: of more, every second one, every third one, and so on."""


class RenameProject(Request):
    """Body of `POST /projects/{name}/rename`."""

    new_name: ProjectName


class DescribeProject(Request):
    """Body of `PUT /projects/{name}/description`."""

    description: Annotated[str, StringConstraints(max_length=10_000), NoNulls]
    """Markdown; empty for none."""
