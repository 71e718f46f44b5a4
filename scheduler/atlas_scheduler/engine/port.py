"""What the scheduler needs of an engine, and the data that passes between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from atlas_scheduler.core.reconcile import Seen
from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from foundations.logs.times import TimeMark
from foundations.models import ImageBuild, PullPolicy, Volume
from foundations.provenance import Execution


class StartRefusedError(Exception):
    """This attempt can never start; the text says why and what to do.

    Attributes:
        log_line: what ends the job's log; less than the text where the log has said it already.
    """

    def __init__(self, reason: str, *, log_line: str | None = None) -> None:
        super().__init__(reason)
        self.log_line = log_line or reason


@dataclass(frozen=True, slots=True)
class AttemptId:
    """Which attempt of which job of which scheduler instance."""

    instance: str
    job_id: str
    attempt: int

    @property
    def name(self) -> str:
        """The container's name: fixed, so that a second start meets the first (the fence)."""
        return f"{self.prefix(self.instance)}{self.job_id}-{self.attempt}"

    @staticmethod
    def prefix(instance: str) -> str:
        """How the names of an instance's attempts begin."""
        return f"atlas-{instance}-"


@dataclass(frozen=True, slots=True)
class Launch:
    """One attempt to start, as a closed set of fields: nothing is passed through to the engine."""

    attempt: AttemptId
    job_dir: Path
    """The job's own directory, seen by the job as `/job` where there are containers. Holds
    `job_source/` (the work dir), `records/events.jsonl`, `artifacts/` and `home/`."""
    library_dir: Path
    """Holds the packages `foundations` and `atlas_worker` for the job, read-only."""
    log_path: Path
    """Where the job's output is kept."""
    command: tuple[str, ...]
    entrypoint: tuple[str, ...] | None = None
    image: str | None = None
    build: ImageBuild | None = None
    """How its image is built, in place of `image`."""
    pull: PullPolicy = "missing"
    """When its image is pulled."""
    pinned_image: str | None = None
    """Id of the image to run if it is here, whatever `image` means now."""
    python: str | None = None
    working_dir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the submitter set plus `FOUNDATIONS_*`; each engine adds the paths, which differ."""
    volumes: tuple[Volume, ...] = ()
    gpus: tuple[str, ...] = ()
    cpus: float | None = None
    ram_bytes: int | None = None
    shm_bytes: int | None = None
    """Size of /dev/shm; None is the engine's own."""
    secrets_dir: Path | None = None
    """Where its secrets lie, a file each; None when it has none."""
    secret_variables: tuple[str, ...] = ()
    """Secrets that the standard entry point puts into the environment as well."""
    shared_environment: Path | None = None
    """Where its requirements are installed already; the engine that made it ready says so."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended, after all its output is in the log."""

    at_ms: int
    exit_code: int | None
    """None when the infrastructure lost it; `lost_reason` says how."""
    oom_killed: bool = False
    lost_reason: str | None = None
    started_at_ms: int | None = None
    """When it began, where the engine knows better by now than when `start` returned."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine is and offers."""

    name: str
    version: str
    isolated: bool
    gpus: tuple[str, ...] = ()
    description: str | None = None
    """Which product answers, as whom it runs and what follows from that, in a line."""
    notes: tuple[str, ...] = ()
    """Things the user should know, a sentence each."""
    data_dirs: tuple[Path, ...] = ()
    """Where it keeps what it needs to run jobs, as far as that is on this machine."""


class JobLog(Protocol):
    """The file that keeps a job's output: what Atlas says first, then the job's own bytes."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def say(self, text: str) -> None:
        """Append a line of Atlas' own, before the job's first byte."""

    def begin_output(self) -> int:
        """Mark where the job's own output begins, once; return how much of it is kept (bytes)."""

    def append(self, data: bytes, written: Sequence[TimeMark] = ()) -> None:
        """Append the job's own output, and wake followers. Blocks on the disk.

        `written` says from which offsets in `data` on it was written when; without any it is now.
        """

    def touch(self) -> None:
        """Note how far the file grew by another hand, and wake followers. Blocks on the disk.

        Called often enough, that tells when the job wrote what.
        """


class EnvironmentStore(Protocol):
    """Keeps environments that jobs share. Every method blocks, from any thread."""

    def key_for(self, key: str, user: str) -> str:
        """Name the environment that a user gets for what a key stands for."""

    def wheels_of(self, key: str, user: str) -> Path:
        """Where uv keeps what builds of a user on the same ground have downloaded and built."""

    def lease(self, key: str, *, job_id: str, attempt: int) -> Path | None:
        """Keep an environment while an attempt uses it; None when it must be built first."""

    def leased(self, *, job_id: str, attempt: int) -> Path | None:
        """Say which environment an attempt uses; None when there is none for it."""

    def release(self, *, job_id: str, attempt: int) -> None:
        """Say that an attempt does not use its environment any more."""

    def begin(self, key: str, wheels: Path | None = None) -> Path:
        """Make a directory with `environment/`, to build that one, and `tmp/`."""

    def bring(self, place: Path, source: Path, files: Sequence[str]) -> None:
        """Copy files of a project to `source/` in a directory of `begin`; names of directories end
        in `/`."""

    def publish(self, key: str, place: Path, *, base: str, user: str) -> Path:
        """Let jobs have what was built for a user in a directory of `begin`."""

    def discard(self, place: Path) -> None:
        """Remove what a build left."""

    @property
    def is_over(self) -> bool:
        """Whether more may be there than may be."""

    def trim(self) -> None:
        """Bring the size under its limit; looks at every file where builds were."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One image that was built for jobs."""

    key: str
    tag: str
    dockerfile: str
    base: str
    size_bytes: int
    """Beside its base."""
    created_at_ms: int
    used_at_ms: int
    job_ids: tuple[str, ...] = ()
    """Who uses it now."""


@dataclass(frozen=True, slots=True)
class PrunedImages:
    """What pruning did."""

    images: int
    freed_bytes: int
    in_use: int
    """How many stay because something uses them."""


class ImageKeeper(Protocol):
    """Keeps the images that were built for jobs.

    Raises `foundations.errors.EngineDown` from any method when the engine does not answer.
    """

    @property
    def max_bytes(self) -> int:
        """What they may take, apart from those that are in use."""

    async def built(self) -> list[BuiltImage]:
        """List them, the one used last first."""

    async def prune(self, *, unused_ms: int) -> PrunedImages:
        """Remove what nothing uses now, and nobody used for so long."""


class Engine(Protocol):
    """Runs attempts. Every method may be repeated, also by a later process of the server.

    Raises `foundations.errors.EngineDown` from any method when the engine does not answer.
    """

    @property
    def name(self) -> str:
        """`docker`, `process`, …"""

    async def capabilities(self) -> Capabilities:
        """Say what the engine is; doubles as the check that it answers."""

    async def fetch_image(self, launch: Launch, log: JobLog) -> None:
        """Get the image that a job names, where it is not here; needs none of the job's files.
        Cancelling it leaves nothing half-made.

        Raises:
            StartRefusedError: it cannot be had.
        """

    async def prepare(self, launch: Launch, log: JobLog) -> None:
        """Make what the start needs of the job's files and may take long: an image of a
        Dockerfile, an environment. Cancelling it leaves nothing half-made.

        Raises:
            StartRefusedError: it cannot be made, ever.
        """

    async def start(self, launch: Launch) -> int:
        """Start the attempt, or adopt the one that has its name.

        Returns:
            When it began (ms, UTC), or was told of here; `Ended` says it exactly.

        Raises:
            StartRefusedError: the engine will not run it.
        """

    async def execution(self, attempt: AttemptId, *, gpus: Sequence[str]) -> Execution | None:
        """Say what a started attempt, not removed yet, really runs on; None when it is unknown."""

    async def observe(self) -> list[Seen]:
        """List every attempt of this instance."""

    async def watch(self, attempt: AttemptId, log: JobLog) -> Ended:
        """Bring the output into `log`, from where it stands to the end, and wait for the end.

        Cancelling it leaves the job running; a later call goes on without a gap or a repeat.
        """

    async def usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        """Say what attempts use, as far as it is known: one that does not run is left out.

        It answers within seconds, however many they are.
        """

    async def execute(self, attempt: AttemptId, plan: ExecPlan) -> ExecSession:
        """Run a command beside an attempt that runs: as its user, with what it has.

        Raises:
            JobConflict: it does not run.
        """

    async def connect(self, attempt: AttemptId, port: int) -> ExecSession:
        """Connect to a TCP port of an attempt that runs; what comes is its standard output.

        Raises:
            JobConflict: it does not run, or nothing of it listens there.
        """

    async def stop(self, attempt: AttemptId, *, grace_seconds: float) -> None:
        """End it: SIGTERM, then SIGKILL after the grace period. An unknown or ended one is fine."""

    async def remove(self, attempt: AttemptId) -> None:
        """Forget an ended attempt and free what it holds. An unknown one is fine."""

    async def close(self) -> None:
        """Let go of connections and threads; jobs run on."""
