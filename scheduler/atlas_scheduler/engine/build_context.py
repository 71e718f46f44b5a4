"""What a build may copy: files of a work dir, named by their content and packed for Docker.

A project's links are packed as links, and nothing is read through one: neither can a Dockerfile
or a context lead out of the project.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from docker.utils.build import exclude_paths

from atlas_scheduler.engine.port import StartRefusedError
from foundations.models import ImageBuild

IGNORE_FILE = ".dockerignore"
LARGEST_DOCKERFILE_BYTES = 1_000_000
_PARAMETERS = "foundations_job_parameters.json"
"""Written for each job: in a context it would make an image for each."""
_TIME_SECONDS = 315_619_200
"""1980-01-02: some archivers refuse what is older than 1980."""
_OUTSIDE = ".atlas.Dockerfile"
"""What a Dockerfile that lies outside its context is called in it."""


class _Sink(Protocol):
    def write(self, data: bytes, /) -> int:
        """Take the next bytes."""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What one build may see. Everything here blocks."""

    directory: Path
    dockerfile: Path
    text: str
    """Of the Dockerfile."""

    @classmethod
    def find(cls, build: ImageBuild, source: Path) -> BuildContext:
        """Find the Dockerfile and the context of a build.

        Args:
            build: what is asked for.
            source: the work dir.

        Raises:
            StartRefusedError: one of them is not there, or is a link.
        """
        directory = _below(source, build.context, "context")
        dockerfile = _below(source, build.dockerfile, "Dockerfile")
        if not directory.is_dir():
            raise StartRefusedError(
                f"The image cannot be built: the project has no directory {build.context!r}, which "
                f"is set as the context."
            )
        if not dockerfile.is_file():
            raise StartRefusedError(
                f"The image cannot be built: what was submitted has no file {build.dockerfile!r}. "
                f"See whether .gitignore or .foundationsignore leave it out."
            )
        if dockerfile.stat().st_size > LARGEST_DOCKERFILE_BYTES:
            raise StartRefusedError(
                f"The image cannot be built: {build.dockerfile!r} is larger than "
                f"{LARGEST_DOCKERFILE_BYTES} bytes."
            )
        text = dockerfile.read_text(encoding="utf-8", errors="replace")
        return cls(directory=directory, dockerfile=dockerfile, text=text)

    @property
    def name(self) -> str:
        """The Dockerfile's path in the packed context."""
        if self.dockerfile.is_relative_to(self.directory):
            return str(self.dockerfile.relative_to(self.directory))
        return _OUTSIDE

    def digest(self) -> str:
        """Name all that the build may see: the same files in the same places, the same digest."""
        hashing = _Hashing()
        self.pack(hashing)
        return hashing.hash.hexdigest()

    def pack(self, sink: _Sink | IO[bytes]) -> None:
        """Write the context as a tar file, the same bytes for the same files.

        Raises:
            StartRefusedError: it cannot be read.
        """
        try:
            with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as packed:  # type: ignore[call-overload]  # its stubs want more than it uses
                for path in self._paths():
                    _add(packed, self.directory / path, path)
                if self.name == _OUTSIDE:
                    _add(packed, self.dockerfile, _OUTSIDE)
        except (OSError, tarfile.TarError) as error:
            raise StartRefusedError(f"The context of the image cannot be read: {error}.") from error

    def _paths(self) -> Iterator[str]:
        patterns = [*self._ignored(), _PARAMETERS]
        dockerfile = None if self.name == _OUTSIDE else self.name
        yield from sorted(exclude_paths(str(self.directory), patterns, dockerfile))

    def _ignored(self) -> list[str]:
        """Read `.dockerignore` as Docker's own tools do."""
        path = self.directory / IGNORE_FILE
        if path.is_symlink() or not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


class _Hashing:
    """Looks like a file, and keeps only the hash of what is written."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.hash.update(data)
        return len(data)


def _below(source: Path, path: str, what: str) -> Path:
    """Go to a path of the project, through no link."""
    here = source
    for part in Path(path).parts:
        here /= part
        if here.is_symlink():
            raise StartRefusedError(
                f"The image cannot be built: its {what} {path!r} goes through a link."
            )
    return here


def _add(packed: tarfile.TarFile, path: Path, name: str) -> None:
    found = path.lstat()
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = _TIME_SECONDS, stat.S_IMODE(found.st_mode) & 0o777
    if stat.S_ISLNK(found.st_mode):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
        packed.addfile(entry)
    elif stat.S_ISDIR(found.st_mode):
        entry.type = tarfile.DIRTYPE
        packed.addfile(entry)
    elif stat.S_ISREG(found.st_mode):
        entry.size = found.st_size
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as content:
            packed.addfile(entry, content)
