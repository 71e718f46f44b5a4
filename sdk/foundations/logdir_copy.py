"""A copy of the TensorBoard logs of jobs, which grows while the jobs run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foundations import calls
from foundations.bundles.unpack import RETRIEVED, unpack
from foundations.errors import NotFound
from foundations.models import FINAL_STATES

if TYPE_CHECKING:
    from foundations.client import Client

_ID_LENGTH = 8
_EVENTS = "tfevents"
"""What the names of files contain that only ever grow."""


@dataclass
class _Copied:
    """One job, and how far its logs are copied."""

    job_id: str
    directory: Path
    since_seconds: int = 0
    is_complete: bool = False


class LogdirCopy:
    """A temporary directory with a directory for each job, `project/id`; a context manager."""

    def __init__(
        self,
        client: Client,
        refs: Sequence[str],
        *,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Copy what is there.

        Args:
            client: the jobs' scheduler.
            refs: the jobs.
            tell: called with what the user should know.

        Raises:
            NotFound: there is no such job, or it has ended and has no logs.
        """
        self._client = client
        self._tell = tell
        self._told: set[str] = set()
        self._place = Path(tempfile.mkdtemp(prefix="atlas-tensorboard-"))
        self.path = self._place / "jobs"
        """What to show."""
        self._jobs: dict[str, _Copied] = {}
        try:
            self.path.mkdir()
            for ref in refs:
                self._add(ref)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LogdirCopy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self._place, ignore_errors=True)

    def refresh(self) -> bool:
        """Copy what is new; return whether more may come.

        Raises:
            AtlasError: the scheduler cannot be asked now; the copy stays as it is.
        """
        for job in self._jobs.values():
            if not job.is_complete:
                try:
                    self._copy(job)
                except NotFound as error:
                    self._say(error.message)
                    job.is_complete = True
        return not all(job.is_complete for job in self._jobs.values())

    def _add(self, ref: str) -> None:
        found = self._client.job(ref)
        if found.job_id not in self._jobs:
            directory = self._new_directory(found.project, found.job_id)
            job = self._jobs[found.job_id] = _Copied(found.job_id, directory)
            self._copy(job)

    def _new_directory(self, project: str, job_id: str) -> Path:
        """Choose a directory; TensorBoard shows its path as the name of the run."""
        # A name of dots only is one for a project, and leads elsewhere as a directory.
        folder = self.path / (project if project.strip(".") else project.replace(".", "_"))
        short = folder / job_id[:_ID_LENGTH]
        is_taken = any(one.directory == short for one in self._jobs.values())
        return folder / job_id if is_taken else short

    def _copy(self, job: _Copied) -> None:
        # Asked first: what is written after this answer is copied the next time.
        standing = self._client.json(calls.jobs.job(job.job_id))
        try:
            self._fetch(job)
        except NotFound:
            if standing["state"] in FINAL_STATES:
                raise
            self._say(f"Job {job.job_id} has no TensorBoard logs yet.")
        job.is_complete = standing["archived"]

    def _fetch(self, job: _Copied) -> None:
        with tempfile.TemporaryDirectory(dir=self._place) as place:
            new = Path(place)
            pieces = self._client.tensorboard_logs(job.job_id, since=job.since_seconds)
            manifest = unpack(pieces, new, limits=RETRIEVED, links=True, as_user=True)
            for path, (_, mtime_ns, _) in manifest.files.items():
                _take(new / path, job.directory / Path(path).relative_to(job.job_id, "logs"))
                job.since_seconds = max(job.since_seconds, mtime_ns // 10**9)

    def _say(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)


def _take(new: Path, target: Path) -> None:
    """Let a file of the copy become the new one; TensorBoard may have it open."""
    target.parent.mkdir(parents=True, exist_ok=True)
    known_bytes = target.stat().st_size if target.exists() else 0
    if _EVENTS in target.name and 0 < known_bytes <= new.stat().st_size:
        with new.open("rb") as source, target.open("ab") as copy:
            source.seek(known_bytes)
            shutil.copyfileobj(source, copy)
    else:
        new.replace(target)
