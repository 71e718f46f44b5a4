"""Secrets on their way to a job and out of it again: laid out, kept out of its log, taken away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from atlas_scheduler.engine.port import AttemptId, JobLog, Launch, StartRefusedError
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.masking import mask_file, masked, needles
from atlas_scheduler.store.secret_files import SecretFiles
from atlas_scheduler.store.secrets import Secrets
from atlas_scheduler.store.threads import finish_in_thread, in_thread
from foundations.errors import NotFound
from foundations.home import Home
from foundations.logs.times import TimeMark


class JobSecrets:
    """What jobs are given of the secrets of their users."""

    def __init__(self, home: Home, *, instance: str) -> None:
        """Serve the jobs of one scheduler."""
        self.kept = Secrets(home.secrets)
        """What users have set."""
        self._files = SecretFiles(instance, fallback=home.run / "secrets")

    async def lay_out(self, stored: StoredJob, launch: Launch) -> Launch:
        """Put what a job asks for where its attempt finds it; may be repeated.

        Raises:
            StartRefusedError: a secret is not there any more, or cannot be laid out safely.
            StorageFull: there is no space.
        """
        wanted = stored.spec.secrets
        if not wanted:
            return launch
        try:
            values = await in_thread(self.kept.values, wanted, user=stored.spec.user)
            name = launch.attempt.name
            directory = await finish_in_thread(self._files.lay_out, name, values)
        except (NotFound, PermissionError) as error:
            raise StartRefusedError(str(error)) from error
        return replace(launch, secrets_dir=directory)

    async def masking(self, attempt: AttemptId, log: JobLog) -> JobLog:
        """Return the log, or one that keeps the values that an attempt was given out of it."""
        wanted = await self._needles(attempt)
        return MaskedLog(log, wanted) if wanted else log

    async def mask(self, attempt: AttemptId, log: Path) -> None:
        """Make the values that an attempt was given unreadable in its log, wherever they lie."""
        wanted = await self._needles(attempt)
        if wanted:
            await finish_in_thread(mask_file, log, wanted)

    async def take_away(self, attempt: AttemptId) -> None:
        """Remove what an attempt was given; may be repeated."""
        if self._files.has(attempt.name):
            await finish_in_thread(self._files.take_away, attempt.name)

    async def sweep(self, attempts: Collection[AttemptId]) -> None:
        """Remove what all but these were given."""
        await finish_in_thread(self._files.sweep, {one.name for one in attempts})

    async def _needles(self, attempt: AttemptId) -> list[bytes]:
        """What to look for in a log; for most jobs nothing, which takes no thread to find out."""
        if not self._files.has(attempt.name):
            return []
        return needles(await in_thread(self._files.values, attempt.name))


class MaskedLog:
    """A log that has asterisks in place of some values, where they come in one piece."""

    def __init__(self, log: JobLog, wanted: Sequence[bytes]) -> None:
        self._log = log
        self._wanted = wanted

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._log.path

    def say(self, text: str) -> None:
        """Append a line of Atlas' own."""
        self._log.say(text)

    def begin_output(self) -> int:
        """Mark where the job's own output begins."""
        return self._log.begin_output()

    def append(self, data: bytes, written: Sequence[TimeMark] = ()) -> None:
        """Append the job's own output."""
        self._log.append(masked(data, self._wanted), written)

    def touch(self) -> None:
        """Note how far the file grew by another hand."""
        self._log.touch()
