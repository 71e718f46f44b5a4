"""What `config/server.yaml` may say, with every default and its unit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from atlas_scheduler.core.access import Sharing
from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.hook_settings import HooksSection
from foundations.config_complaints import describe_error, errors_by_line, key_location, keys_at
from foundations.errors import ConfigError
from foundations.models import (
    AbsolutePath,
    BackfillSeconds,
    EnvironmentName,
    MaxRunning,
    ProjectName,
    QueueSettings,
    RetentionRule,
    Role,
    TagKey,
    TokenLimits,
    UserName,
    Volume,
)
from foundations.text.shapes import Shape
from foundations.yaml_source import YamlSource, read_yaml


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VolumeSetting(_Section):
    """Where a host path appears in a container, as Docker writes it."""

    bind: str
    mode: Literal["ro", "rw"] = "ro"


def _path_alone(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class OfferedVolumeSetting(_Section):
    """A directory that jobs may name."""

    path: AbsolutePath
    """Absolute."""
    mode: Literal["ro", "rw"] = "ro"
    users: frozenset[UserName] = frozenset()
    """With neither users nor roles it is for everybody who submits."""
    roles: frozenset[Role] = frozenset()


RegistryHost = Annotated[
    str,
    StringConstraints(max_length=300),
    Shape(
        r"^[A-Za-z0-9.:\[\]-]+$",
        "a host alone, with its port if it has one, such as registry.example.org:5000",
    ),
]
VolumeName = Annotated[
    str,
    Shape(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
        "at most 100 of the letters A-Z and a-z, digits and any of . _ -, and begin with a letter "
        "or digit",
    ),
]


class DockerSection(_Section):
    """How jobs run in containers."""

    socket: str | None = None
    """Path of the engine's Unix socket; DOCKER_HOST, the Docker context or the usual places say it
    when it is not given."""
    network: str = "bridge"
    """Docker network of the jobs. `host` starts faster and isolates less; `none` shuts it off."""
    worker_image: str = "atlas-ce/worker:latest"
    """Image of a job that names none."""
    worker_base: str = "python:3.11-slim"
    """What the standard worker image is built from when it is missing."""
    build_network: str | None = None
    """Docker network while images and environments are built; None is the engine's default."""
    pull_idle_seconds: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    """Longest silence of a registry before a pull is given up."""
    registries: tuple[RegistryHost, ...] | None = None
    """The only registries that images are pulled from, such as `docker.io`; any without it."""
    pull_seconds: Annotated[float, Field(gt=0, le=604_800)] = 7200.0
    """Longest time that one image may take in all."""
    pids_limit: Annotated[int, Field(ge=16)] = 4096
    """Most processes and threads a job may have."""
    shm_gb: Annotated[float, Field(gt=0)] = 1.0
    """Size of /dev/shm, in units of 10^9 bytes; data loaders need it."""
    environment: dict[EnvironmentName, str] = {}
    """Given to every job, such as the settings of a proxy."""
    volumes: dict[str, VolumeSetting] = {}
    """Mounted into every job, such as a private certificate authority."""

    prepared: Annotated[int, Field(ge=0, le=64)] = 0
    """How many containers are made ahead of each shape that jobs had last."""

    def volume_list(self) -> tuple[Volume, ...]:
        """The volumes in the form that engines take."""
        return tuple(
            Volume(host=host, bind=volume.bind, mode=volume.mode)
            for host, volume in self.volumes.items()
        )


class ReserveSection(_Section):
    """What is left to the system and never given to jobs."""

    cpus: Annotated[float, Field(ge=0)] = 0.0
    ram: Annotated[float, Field(ge=0)] = 0.0
    """In units of 10^9 bytes."""


class DiskSection(_Section):
    """What is done before the disk is full."""

    stop_below_gb: Annotated[float, Field(ge=0)] | None = None
    """Free space below which no job starts, in units of 10^9 bytes; 0 never stops. Without it the
    smaller of 1 GB and a fiftieth of the disk."""

    @property
    def stop_below_bytes(self) -> int | None:
        """The same in bytes."""
        return None if self.stop_below_gb is None else int(self.stop_below_gb * 10**9)


class RetentionSection(RetentionRule):
    """What projects keep of their jobs; without anything everything is kept."""

    keep_tags: tuple[TagKey, ...] = ("keep", "promoted")
    """A job with one of these tags is always kept."""
    projects: dict[ProjectName, RetentionRule] = Field(default_factory=dict)
    """Rules of single projects."""


class EnvironmentsSection(_Section):
    """The Python environments that jobs with the same requirements share."""

    max_gb: Annotated[float, Field(ge=0)] = 20.0
    """What they may take, in units of 10^9 bytes; the one not used for longest goes first."""
    shared: bool = False
    """Whether users get what others' jobs have installed. Whoever may submit can then run code in
    the jobs of others."""


class TlsSection(_Section):
    """A certificate from elsewhere, in place of the one that `tls-init` makes."""

    certificate: Path
    """The certificate, followed by those of who issued it, as PEM. A relative path is from the
    directory of this file."""
    key: Path


class ImagesSection(_Section):
    """The images that are built for jobs."""

    max_gb: Annotated[float, Field(ge=0)] = 50.0
    """What they may take beside what they build on, in units of 10^9 bytes; the one not used for
    longest goes first."""


class TokenLimitsSection(TokenLimits):
    """What a token may ask for that has no limits of its own; null is no limit."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = 6_000
    submits_per_minute: Annotated[int, Field(ge=1)] | None = 1_200
    queued_jobs: Annotated[int, Field(ge=1)] | None = 20_000
    followers: Annotated[int, Field(ge=1)] | None = 250


class ServerSettings(_Section):
    """The whole file."""

    listen: tuple[str, ...] = ()
    """Addresses beside the Unix socket, such as 127.0.0.1:5000; whoever comes there needs a
    token."""
    hosts: tuple[str, ...] = ()
    """Names by which it is asked there, beside its addresses and the names of its certificate:
    NAME for any port, or NAME:PORT."""
    tls: TlsSection | None = None
    insecure_http: bool = False
    """Whether HTTP without TLS may leave the machine."""

    max_running_jobs: MaxRunning = 1
    """How many jobs run at once. `foundations set queue` changes it while the server runs, and the
    next five as well."""
    max_running_per_project: MaxRunning | None = None
    """How many jobs of a project run at once; none is no limit."""
    max_running_per_user: MaxRunning | None = None
    """How many jobs of a user run at once."""
    project_limits: dict[ProjectName, MaxRunning] = {}
    """Limits of single projects, in place of `max_running_per_project`."""
    user_limits: dict[UserName, MaxRunning] = {}
    """Limits of single users."""
    backfill_seconds: BackfillSeconds = 86_400.0
    """For how long at most later jobs may pass one that does not fit."""
    gpus: tuple[int | str, ...] | None = None
    """GPUs that jobs get, by index or id; all of the machine when it is not given."""
    cpus: Annotated[float, Field(gt=0)] | None = None
    """Processors that jobs may ask for in all; those of the machine when it is not given."""
    ram: Annotated[float, Field(gt=0)] | None = None
    """Memory that jobs may ask for in all, in units of 10^9 bytes."""
    reserve: ReserveSection = ReserveSection()
    """What of both is left to the system."""
    gpu_memory_free: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least part of a GPU's memory that must be free before a job gets it; not looked at when it is
    not given."""
    sharing: Sharing = Sharing.EVERYONE_READS
    """What others see of somebody's jobs: all of it, or with `private` nothing."""
    token_limits: TokenLimitsSection = TokenLimitsSection()
    engine: Literal["auto", "docker", "process"] = "auto"
    """`auto`: Docker where an engine answers when the server starts, else plain processes."""
    stop_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """Time a job has between SIGTERM and SIGKILL."""
    delete_grace_seconds: Annotated[float, Field(ge=0, le=86_400)] = 10.0
    """For how long a deletion can be undone; files go after that."""
    system_metrics_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Time between two samples of what a running job uses, at its start; 0 takes none."""
    max_bundle_gb: Annotated[float, Field(gt=0)] = 20.0
    """Largest bundle, unpacked, in units of 10^9 bytes."""
    disk: DiskSection = DiskSection()
    retention: RetentionSection = RetentionSection()
    docker: DockerSection = DockerSection()
    environments: EnvironmentsSection = EnvironmentsSection()
    hooks: HooksSection = HooksSection()
    images: ImagesSection = ImagesSection()
    volumes: dict[VolumeName, Annotated[OfferedVolumeSetting, BeforeValidator(_path_alone)]] = (
        Field(default_factory=dict)
    )
    """Directories that jobs may name in their `volumes`; a path alone can only be read."""

    def offered_volumes(self) -> dict[str, OfferedVolume]:
        """The volumes that jobs may name."""
        return {name: OfferedVolume(name=name, **dict(one)) for name, one in self.volumes.items()}

    def queue(self) -> QueueSettings:
        """How the queue is run, as the file says."""
        return QueueSettings(**self.model_dump(include=set(QueueSettings.model_fields)))

    def gpu_names(self) -> tuple[str, ...] | None:
        """GPUs that jobs get; None is all."""
        return None if self.gpus is None else tuple(str(one) for one in self.gpus)

    @classmethod
    def load(cls, path: Path) -> ServerSettings:
        """Read the file; a missing or empty one means the defaults.

        Raises:
            ConfigError: it cannot be read or is not valid; the text names file, line and the
                nearest known key.
        """
        try:
            source = read_yaml(path)
        except FileNotFoundError:
            return cls()
        if source.data is None:
            return cls()
        if not isinstance(source.data, dict):
            raise ConfigError(source.complaint("must hold `key: value` lines"))
        try:
            return cls.model_validate(source.data)
        except ValidationError as error:
            complaints = [_complaint(source, one) for one in errors_by_line(source, error)]
            raise ConfigError("\n".join(dict.fromkeys(complaints))) from error


def _complaint(source: YamlSource, error: ErrorDetails) -> str:
    section = key_location(source, error)[:-1]
    return describe_error(source, error, keys_at(ServerSettings, section))
