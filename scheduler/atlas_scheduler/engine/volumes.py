"""Which host paths a job may see, and where: judged on what the paths lead to when it starts."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from atlas_scheduler.engine.launch import JOB
from atlas_scheduler.engine.port import StartRefusedError
from foundations.models import Volume

ATLAS = "/atlas"
LIBRARY = f"{ATLAS}/lib"
ENVIRONMENT = f"{ATLAS}/environment"
"""Where a job finds the environment that it shares with others."""
_OPEN_BELOW_JOB = (f"{JOB}/job_source/", f"{JOB}/home/")
_KERNEL = (Path("/proc"), Path("/sys"), Path("/dev"))
_ENGINE_SOCKETS = ("/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock")
"""Whoever reaches one of these is root on the host."""


@dataclass(frozen=True, slots=True)
class Bind:
    """One host path inside a container."""

    source: str
    """Absolute and free of links."""
    target: str
    read_only: bool


def check_volumes(
    volumes: Iterable[Volume], *, home: Path, engine_socket: str | None = None
) -> tuple[Bind, ...]:
    """Turn volumes into binds.

    Args:
        volumes: what the job and the server's settings ask for.
        home: Atlas' own directory, which no job may see.
        engine_socket: where the engine listens, when that is a path.

    Raises:
        StartRefusedError: one of them may not be mounted; the text says why.
    """
    closed = [home.resolve()]
    sockets = [Path(path).resolve() for path in (*_ENGINE_SOCKETS, engine_socket) if path]
    return tuple(
        Bind(
            source=str(_source(volume, closed, sockets)),
            target=_target(volume),
            read_only=volume.mode == "ro",
        )
        for volume in volumes
    )


def _source(volume: Volume, closed: list[Path], sockets: list[Path]) -> Path:
    if not posixpath.isabs(volume.host):
        raise _refuse(volume, "the host path must be absolute")
    try:
        path = Path(volume.host).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go in a circle
        raise _refuse(
            volume, "there is no such file or directory on the scheduler's machine"
        ) from error
    if path == Path("/"):
        raise _refuse(volume, "it is the whole machine")
    if any(path.is_relative_to(kernel) for kernel in _KERNEL):
        raise _refuse(volume, "it belongs to the kernel")
    if path.is_socket() or any(socket.is_relative_to(path) for socket in sockets):
        raise _refuse(volume, "it holds the socket of a container engine or of another service")
    if any(path.is_relative_to(ours) or ours.is_relative_to(path) for ours in closed):
        raise _refuse(volume, "it holds files of Atlas itself; mount a directory beside them")
    return path


def _target(volume: Volume) -> str:
    target = posixpath.normpath(volume.bind)
    if not posixpath.isabs(target) or target in ("/", "//"):
        raise _refuse(volume, f"{volume.bind!r} is not a path below / in the container")
    if target.startswith(_OPEN_BELOW_JOB):
        return target
    for own in (JOB, ATLAS):
        if target == own or target.startswith(own + "/"):
            raise _refuse(volume, f"{own} in the container is Atlas' own")
    return target


def _refuse(volume: Volume, reason: str) -> StartRefusedError:
    return StartRefusedError(f"The volume {volume.host!r} cannot be mounted: {reason}.")


def make_mount_points(binds: Iterable[Bind], job_dir: Path) -> None:
    """Make the places below the job's own directory that the engine would make as root.

    Raises:
        StartRefusedError: something else is in the way.
    """
    for bind in binds:
        if bind.target.startswith(JOB + "/"):
            parts = posixpath.relpath(bind.target, JOB).split("/")
            try:
                _make_mount_point(job_dir, parts, is_dir=Path(bind.source).is_dir())
            except OSError as error:
                raise StartRefusedError(
                    f"The volume {bind.source!r} cannot be mounted at {bind.target!r}: "
                    f"{error.strerror}."
                ) from error


def _make_mount_point(job_dir: Path, parts: list[str], *, is_dir: bool) -> None:
    """Make a path one component at a time, following no link that the project brought along."""
    here = os.open(job_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for number, part in enumerate(parts, start=1):
            if number == len(parts) and not is_dir:
                os.close(
                    os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644, dir_fd=here)
                )
                break
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=here)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
    finally:
        os.close(here)
