"""Where everything of Atlas lies below `$FOUNDATIONS_HOME`."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from foundations.errors import ConfigError

HOME_VARIABLE = "FOUNDATIONS_HOME"
LONGEST_SOCKET_PATH_BYTES = 100
"""Systems allow 104 to 108 bytes with the closing NUL; the rest is reserve."""
LONGEST_TUNNEL_DIR_BYTES = LONGEST_SOCKET_PATH_BYTES - 38
"""ssh adds 17 characters to the name of its socket, which has 20, while it makes it."""

# Not $TMPDIR: client and server must find the same socket from different sessions.
_SHORT_PATHS = Path("/tmp")  # noqa: S108 - the directory made in it is 0700 and its owner is checked


@dataclass(frozen=True, slots=True)
class Home:
    """The directory that holds one user's Atlas: paths only, nothing is made until `create`."""

    root: Path
    """Absolute path of the directory, free of links, so that it has one spelling (and socket)."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "root", Path(path).expanduser().resolve())

    @classmethod
    def default(cls) -> Home:
        """Return the home that `FOUNDATIONS_HOME` names, else `~/.foundations`."""
        return cls(os.environ.get(HOME_VARIABLE) or "~/.foundations")

    def create(self) -> None:
        """Make the root, readable by its owner only, unless it is there."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o700, exist_ok=True)

    def create_contents(self) -> None:
        """Make what holds code, output and records of jobs, for the owner only, unless there.

        The root may be open to others: whoever wrote a config before the first start made it.
        """
        self.create()
        kept = (self.bundles, self.archives.parent, self.job_dirs.parent)
        for directory in (*kept, self.environments, self.images, self.logs, self.run):
            directory.mkdir(mode=0o700, exist_ok=True)

    @property
    def config_dir(self) -> Path:
        """Scheduler configs: one `<name>.config.yaml` each."""
        return self.root / "config" / "submission"

    @property
    def default_scheduler(self) -> Path:
        """The name of the scheduler config that is meant where none is named."""
        return self.root / "config" / "default_scheduler"

    @property
    def server_config(self) -> Path:
        """Settings of the server."""
        return self.root / "config" / "server.yaml"

    @property
    def tls(self) -> Path:
        """The server's own certificate authority and what it issued."""
        return self.root / "config" / "tls"

    @property
    def database(self) -> Path:
        """The server's database."""
        return self.root / "scheduler.db"

    @property
    def bundles(self) -> Path:
        """Packed and unpacked bundles, by digest."""
        return self.root / "bundles"

    @property
    def environments(self) -> Path:
        """Cached Python environments."""
        return self.root / "environments"

    @property
    def images(self) -> Path:
        """What is known of images that were built for jobs."""
        return self.root / "images"

    @property
    def archives(self) -> Path:
        """Parent of every job's archive."""
        return self.root / "job_data" / "archive"

    @property
    def job_dirs(self) -> Path:
        """Parent of every job's own directory."""
        return self.root / "local_docker_scheduler" / "work_dir"

    def archive(self, job_id: str) -> Path:
        """What is kept of a job."""
        return self.archives / _component(job_id)

    def job_dir(self, job_id: str) -> Path:
        """The job's own directory while it runs; a container sees it as `/job`."""
        return self.job_dirs / _component(job_id)

    @property
    def logs(self) -> Path:
        """Logs of Atlas itself."""
        return self.root / "logs"

    @property
    def server_log(self) -> Path:
        """Log of the server."""
        return self.logs / "server.log"

    @property
    def secrets(self) -> Path:
        """Secrets that jobs may use, by user."""
        return self.root / "secrets"

    @property
    def run(self) -> Path:
        """Files that matter only while something runs."""
        return self.root / "run"

    @property
    def ballast(self) -> Path:
        """Given up when the disk is full, so that something can be deleted."""
        return self.run / "ballast"

    @property
    def lock_file(self) -> Path:
        """Held by the one server of this home."""
        return self.run / "server.lock"

    @property
    def libraries(self) -> Path:
        """Parent of the job-side libraries."""
        return self.run / "lib"

    def library(self, digest: str) -> Path:
        """One version of the packages that jobs import, read-only for them."""
        return self.libraries / _component(digest)

    @property
    def socket(self) -> Path:
        """The server's Unix socket; in a short directory when the home's own path is too long."""
        inside = self.run / "atlas.sock"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH_BYTES:
            return inside
        return _short_dir() / f"{self._short_name()}.sock"

    @property
    def tunnels(self) -> Path:
        """Sockets that lead to other machines; their names there are short."""
        inside = self.run / "ssh"
        if len(os.fsencode(inside)) <= LONGEST_TUNNEL_DIR_BYTES:
            return inside
        return _short_dir() / self._short_name()

    def secure_tunnels(self) -> Path:
        """Make the directory of the tunnels (0700) when missing, and make sure it is ours alone.

        Raises:
            ConfigError: another user owns it or may write to it, or it is no directory.
        """
        directory = self.tunnels
        self.create()
        if directory.parent == self.run:
            self.run.mkdir(mode=0o700, exist_ok=True)
        else:
            _secured(directory.parent)
        return _secured(directory)

    def secure_socket_dir(self) -> Path:
        """Make the socket's directory (0700) when missing and make sure that it is ours alone.

        Returns:
            The directory.

        Raises:
            ConfigError: another user owns it or may write to it, or it is no directory.
        """
        directory = self.socket.parent
        if directory == self.run:
            self.create()
        return _secured(directory)

    def _short_name(self) -> str:
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]


def _short_dir() -> Path:
    return _SHORT_PATHS / f"atlas-{os.getuid()}"


def _secured(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ConfigError(
            f"{directory} is not a directory of yours, so the socket in it cannot be trusted. "
            f"Remove it, or set {HOME_VARIABLE} to a shorter path."
        )
    if status.st_mode & 0o022:
        directory.chmod(0o700)
    return directory


def _component(name: str) -> str:
    """Refuse what would lead out of its parent directory."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"not usable as a name below the home: {name!r}")
    return name
