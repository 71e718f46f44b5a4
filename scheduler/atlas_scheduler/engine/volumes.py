"""Which host paths a job may see, and where: judged on what the paths lead to when it starts."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.engine.launch import JOB
from atlas_scheduler.engine.port import StartRefusedError
from foundations.models import Volume

NOTHING: Mapping[str, OfferedVolume] = MappingProxyType({})
ATLAS = "/atlas"
LIBRARY = f"{ATLAS}/lib"
ENVIRONMENT = f"{ATLAS}/environment"
"""Where a job finds the environment that it shares with others."""
_OPEN_BELOW_JOB = (f"{JOB}/job_source/", f"{JOB}/home/")
_KERNEL = (Path("/proc"), Path("/sys"), Path("/dev"))
_SYSTEM = (Path("/etc"), Path("/boot"))
"""Holds what the machine is set up with, secrets of its users among it."""
_ENGINE_FILES = tuple(Path("/var/lib") / name for name in ("docker", "containerd", "containers"))
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
    volumes: Iterable[Volume],
    *,
    home: Path,
    engine_socket: str | None = None,
    offered: Mapping[str, OfferedVolume] = NOTHING,
    is_admins_own: bool = False,
) -> tuple[Bind, ...]:
    """Turn volumes into binds.

    Args:
        volumes: what a job, or the server's settings for every job, ask for.
        home: Atlas' own directory, which no job may see.
        engine_socket: where the engine listens, when that is a path.
        offered: what can be named.
        is_admins_own: whether the settings ask; they may mount files of `/etc`, such as a
            certificate authority.

    Raises:
        StartRefusedError: one of them may not be mounted; the text says why.
    """
    judge = _Judge(
        home=home.resolve(),
        sockets=tuple(Path(path).resolve() for path in (*_ENGINE_SOCKETS, engine_socket) if path),
        offered=offered,
        is_admins_own=is_admins_own,
    )
    return tuple(
        Bind(
            source=str(judge.source(volume)),
            target=_target(volume),
            read_only=volume.mode == "ro",
        )
        for volume in volumes
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """What is known when volumes are judged."""

    home: Path
    sockets: tuple[Path, ...]
    offered: Mapping[str, OfferedVolume]
    is_admins_own: bool

    def source(self, volume: Volume) -> Path:
        """Find what a volume comes to on this machine."""
        asked = self._asked(volume)
        try:
            path = asked.resolve(strict=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: links that go in a circle
            raise _refuse(
                volume, "there is no such file or directory on the scheduler's machine"
            ) from error
        reason = self._closed(path) or self._moved_by_jobs(asked)
        if reason is not None:
            raise _refuse(volume, reason)
        return path

    def _asked(self, volume: Volume) -> Path:
        if not volume.is_named:
            return Path(volume.host)
        found = self.offered.get(volume.host)
        if found is None:
            raise _refuse(volume, "the scheduler does not offer a volume of that name any more")
        if volume.mode == "rw" and found.mode == "ro":
            raise _refuse(volume, "it can only be read by now, and the job asks for `mode: rw`")
        return Path(found.path)

    def _closed(self, path: Path) -> str | None:
        """Say why no job may see a place."""
        if path == Path("/"):
            return "it is the whole machine"
        if any(path.is_relative_to(kernel) for kernel in _KERNEL):
            return "it belongs to the kernel"
        if not self.is_admins_own and any(path.is_relative_to(system) for system in _SYSTEM):
            return "it belongs to the machine's own settings"
        if path.is_socket() or any(socket.is_relative_to(path) for socket in self.sockets):
            return "it holds the socket of a container engine or of another service"
        if _overlaps(path, self.home):
            return "it holds files of Atlas itself; mount a directory beside them"
        if any(_overlaps(path, files) for files in _ENGINE_FILES):
            return "it holds the files of a container engine"
        return None

    def _moved_by_jobs(self, asked: Path) -> str | None:
        """Say whose jobs could put another thing in its place, between this look and its use."""
        for one in self.offered.values():
            if one.mode == "rw":
                writable = Path(one.path).resolve()
                inside = (writable in (place, *place.parents) for place in _ways(asked))
                if any(inside) and asked.resolve() != writable:
                    return f"jobs can write to it through the volume {one.name!r}; mount that"
        return None


def _ways(asked: Path) -> Iterator[Path]:
    """Give the directories in which the components of a path are looked up."""
    whole = Path(os.path.abspath(asked))  # noqa: PTH100 - resolve() follows links
    yield from (parent.resolve() for parent in whole.parents)
    yield whole.resolve().parent


def _overlaps(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _target(volume: Volume) -> str:
    # Docker takes two slashes for one, which `normpath` leaves at the front.
    target = posixpath.normpath(re.sub("^/+", "/", volume.bind))
    if not posixpath.isabs(target) or target == "/":
        raise _refuse(volume, f"{volume.bind!r} is not a path below / in the container")
    if target.startswith(_OPEN_BELOW_JOB):
        return target
    for own in (JOB, ATLAS):
        if target == own or target.startswith(own + "/"):
            raise _refuse(volume, f"{own} in the container is Atlas' own")
    return target


def _refuse(volume: Volume, reason: str) -> StartRefusedError:
    return StartRefusedError(f"The volume {volume.host!r} cannot be mounted: {reason}.")


def refuse_elsewhere(volumes: Iterable[Volume]) -> None:
    """Refuse what takes a container: a volume that is not at its own path.

    Raises:
        StartRefusedError: one is not there, or is to be seen at another path.
    """
    for volume in volumes:
        if volume.is_named:
            raise StartRefusedError(
                f"The volume {volume.host!r} cannot be mounted: the process engine has no "
                f"containers, so a job sees this machine as it is. Use the path itself."
            )
        if volume.host != volume.bind or not Path(volume.host).exists():
            raise StartRefusedError(
                f"The volume {volume.host!r} cannot be mounted at {volume.bind!r}: the process "
                f"engine has no containers, so a volume must exist and have the same path on both "
                f"sides. Use the path itself, or the Docker engine."
            )


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
