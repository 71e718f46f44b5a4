"""From a `Launch` to the body of Docker's create call: a closed schema, nothing passed through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.engine.facts import CDI_KIND, EngineFacts
from atlas_scheduler.engine.launch import JOB, READY, Places, job_environment, start_dir
from atlas_scheduler.engine.port import AttemptId, Launch, StartRefusedError
from atlas_scheduler.engine.volumes import ENVIRONMENT, LIBRARY, Bind
from foundations.models import Volume

INSTANCE_LABEL = "atlas.instance"
JOB_LABEL = "atlas.job"
ATTEMPT_LABEL = "atlas.attempt"

PLACES = Places(job_dir=JOB, library_dir=LIBRARY, foundations_home=f"{JOB}/home/.foundations")
_LEAST_NANO_CPUS = 10_000_000
"""A hundredth of a processor; with much less Docker sets no limit at all."""
_GIB = 2**30
_LOG_DRIVER = "local"
"""Docker's that keeps bytes as they are; json-file mangles what is not UTF-8."""
_LOG_OPTIONS = {"max-size": "1024t", "max-file": "1", "compress": "false"}
_PODMAN_LOG_DRIVER = "k8s-file"
"""Podman's that does; journald, often its default, drops lines of jobs that write fast."""
FIND_PYTHON = (
    "for python in python3 python; do "
    'if command -v "$python" >/dev/null 2>&1; then exec "$python" -m "$0" "$@"; fi; '
    "done; "
    'echo "This image has no Python; set an entry point for it (worker: entrypoint)." >&2; '
    "exit 127"
)
"""A shell script that runs the module `$0`."""


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """What whoever runs the server decides about every container."""

    socket_path: str | None = None
    """Where the engine listens; without it the environment says that."""
    network: str = "bridge"
    worker_image: str = "atlas-ce/worker:latest"
    """Image of a job that names none."""
    worker_base: str = "python:3.11-slim"
    """What the standard worker image is built from when it is missing."""
    build_network: str | None = None
    """Network while that image is built; None is Docker's default."""
    pull_idle_seconds: float = 120
    """Longest silence of a pull before it is given up."""
    pull_seconds: float = 7200
    """Longest time that one image may take in all."""
    registries: tuple[str, ...] | None = None
    """The only ones that images are pulled from; None is any."""
    max_images_bytes: int = 50 * 10**9
    """What images that were built for jobs may take, apart from those that are in use."""
    pids_limit: int = 4096
    shm_bytes: int = _GIB
    """Size of /dev/shm, which data loaders use; it counts as memory only when used."""
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    """In every container."""
    offered_volumes: Mapping[str, OfferedVolume] = field(default_factory=dict)
    """What jobs can name, by name."""
    prepared: int = 0
    """How many containers of each shape are made ahead."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a start must know of an image."""

    name: str
    has_entrypoint: bool
    image_id: str = ""
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owner:
    """The user who runs the server, and so owns what jobs write."""

    uid: int
    gid: int


def labels(attempt: AttemptId) -> dict[str, str]:
    """Name the labels that tell whose container it is."""
    return {
        INSTANCE_LABEL: attempt.instance,
        JOB_LABEL: attempt.job_id,
        ATTEMPT_LABEL: str(attempt.attempt),
    }


def container_body(
    launch: Launch,
    *,
    settings: DockerSettings,
    facts: EngineFacts,
    image: Image,
    owner: Owner,
    binds: tuple[Bind, ...] = (),
) -> dict[str, Any]:
    """Build the body of `POST /containers/create`.

    Raises:
        StartRefusedError: the working directory is not there, or the engine gives no GPUs.
    """
    body: dict[str, Any] = {
        "Image": image.name,
        "Cmd": list(launch.command),
        "User": user_of(facts, owner),
        "WorkingDir": start_dir(launch, PLACES),
        "Hostname": launch.attempt.job_id[:8],
        "Env": [f"{name}={value}" for name, value in _environment(launch, settings, facts, image)],
        "Labels": labels(launch.attempt),
        "StopSignal": "SIGTERM",
        "HostConfig": _host_config(launch, settings, facts, binds),
    }
    entrypoint = _entrypoint(launch, image)
    if entrypoint is not None:
        body["Entrypoint"] = entrypoint
    return body


def user_of(facts: EngineFacts, owner: Owner) -> str:
    """Say whose files a container writes, in Docker's form."""
    return "0:0" if facts.is_rootless else f"{owner.uid}:{owner.gid}"


def network_of(facts: EngineFacts, network: str) -> str:
    """Name a network in the engine's words.

    Podman without root has a way out of its own; for a bridge it needs more of the system.
    """
    if network != "bridge" or not (facts.is_podman and facts.is_rootless):
        return network
    return "slirp4netns" if facts.version.startswith(("3.", "4.")) else "pasta"


def _entrypoint(launch: Launch, image: Image) -> list[str] | None:
    """Choose what takes the command; None leaves it to the image."""
    if launch.entrypoint is not None:
        return list(launch.entrypoint)
    if image.has_entrypoint:
        return None
    return ["/bin/sh", "-c", FIND_PYTHON, "atlas_worker"]


def _environment(
    launch: Launch, settings: DockerSettings, facts: EngineFacts, image: Image
) -> list[tuple[str, str]]:
    # A user id that the image does not know has no name; programs then ask these variables.
    defaults = {"HOME": f"{JOB}/home", "USER": "atlas", "LOGNAME": "atlas"}
    if "PYTHONPATH" in image.environment:
        defaults["PYTHONPATH"] = image.environment["PYTHONPATH"]
    variables = job_environment(launch, PLACES, defaults={**defaults, **settings.environment})
    if launch.gpus:
        variables["NVIDIA_VISIBLE_DEVICES"] = ",".join(launch.gpus)
    elif facts.nvidia_is_default:
        variables["NVIDIA_VISIBLE_DEVICES"] = "void"
    if launch.shared_environment is not None:
        variables[READY] = ENVIRONMENT
    return sorted(variables.items())


def _host_config(
    launch: Launch, settings: DockerSettings, facts: EngineFacts, binds: tuple[Bind, ...]
) -> dict[str, Any]:
    own = [
        Bind(source=str(launch.job_dir), target=JOB, read_only=False),
        Bind(source=str(launch.library_dir), target=LIBRARY, read_only=True),
    ]
    if launch.secrets_dir is not None:
        source = str(launch.secrets_dir)
        own.append(Bind(source=source, target=PLACES.secrets_dir, read_only=True))
    if launch.shared_environment is not None:
        ready = str(launch.shared_environment)
        own.append(Bind(source=ready, target=ENVIRONMENT, read_only=True))
    config: dict[str, Any] = {
        "Privileged": False,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Init": True,
        "NetworkMode": network_of(facts, settings.network),
        "IpcMode": "private",
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "PidsLimit": settings.pids_limit,
        "ShmSize": launch.shm_bytes or settings.shm_bytes,
        "Mounts": [mount_of(bind) for bind in (*own, *binds)],
    }
    if launch.ram_bytes is not None:
        config |= {"Memory": launch.ram_bytes, "MemorySwap": launch.ram_bytes}
    if launch.cpus is not None:
        config["NanoCpus"] = max(_LEAST_NANO_CPUS, round(launch.cpus * 1e9))
    if launch.gpus:
        config["DeviceRequests"] = [_gpu_request(launch.gpus, facts)]
    if facts.remaps_users:
        # Files must belong to the owner's real id, or they could not be deleted without root.
        config["UsernsMode"] = "host"
    return config | _log_config(facts)


def _log_config(facts: EngineFacts) -> dict[str, Any]:
    for driver, options in ((_LOG_DRIVER, _LOG_OPTIONS), (_PODMAN_LOG_DRIVER, {})):
        if driver in facts.log_drivers:
            return {"LogConfig": {"Type": driver, "Config": options}}
    return {}


def mount_of(bind: Bind) -> dict[str, Any]:
    """Write a bind as Docker's API has it."""
    return {
        "Type": "bind",
        "Source": bind.source,
        "Target": bind.target,
        "ReadOnly": bind.read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }


def _gpu_request(gpus: tuple[str, ...], facts: EngineFacts) -> dict[str, Any]:
    if facts.is_podman:
        # It would start the job without them, and say nothing.
        raise StartRefusedError(
            "Docker cannot start the job: podman answers in its place, and does not give GPUs to "
            "containers that are made through Docker's API. Use Docker, also a rootless one, or "
            "plain processes (`engine: process`) for jobs with GPUs."
        )
    if facts.nvidia_runtime:
        return {"DeviceIDs": list(gpus), "Capabilities": [["gpu"]]}
    return {"Driver": "cdi", "DeviceIDs": [CDI_KIND + gpu for gpu in gpus]}
